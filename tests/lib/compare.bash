# shellcheck shell=bash
#
# The same scenario with runc and with the runtime under test: every line and every status must agree.
#
# A scenario is a function that runs engine commands with $RT as the runtime and $NAME as its containers' name, and
# prints whatever matters: output, statuses, inspected values.

# compare SCENARIO [ARG…]
compare() {
	local runtime
	for runtime in runc vmrt; do
		RT=$runtime NAME=t$BATS_SUITE_TEST_NUMBER-$runtime \
			compare_run "$runtime" "$@" </dev/null >"$T/$runtime.out" 2>"$T/$runtime.err"
	done
	compare_files out
	compare_files err
	# A scenario that printed nothing has compared nothing.
	[ -s "$T/runc.out" ] || [ -s "$T/runc.err" ] || expect_failed "the scenario to print something"
}

compare_run() {
	local runtime=$1
	shift
	# Its own shell: a failing command is a line of the comparison, not the end of the test.
	(
		set +e
		trap - ERR DEBUG EXIT
		"$@"
	)
	echo "scenario ends with $?"
}

# What differs by nature: ids, the runtime's and the containers' names, times, paths of runc's own wording; a line that
# docker's client prints or not, depending on which of two answers it sees first.
compare_normalise() {
	sed -E \
		-e '/(msg="|ERRO.*\] )error waiting for container: context canceled"? *$/d' \
		-e "s/t[0-9]+-(runc|vmrt)/NAME/g" \
		-e 's/\b[0-9a-f]{64}\b/ID/g' -e 's/\b[0-9a-f]{12}\b/ID/g' \
		-e 's/(runc|vmrt) (create|run) failed: //' \
		-e "s#(/[^ ]*/)?(runc|vmrt): #RUNTIME: #g" \
		-e 's/^time="[^"]*" //' "$1"
}

compare_files() {
	if ! diff -u <(compare_normalise "$T/runc.$1") <(compare_normalise "$T/vmrt.$1") >"$T/diff.$1"; then
		echo "$1 differs between runc (-) and the runtime under test (+):" >&2
		head -c 6000 "$T/diff.$1" >&2
		return 1
	fi
}

# status COMMAND…: runs it and prints its exit status as a line.
status() {
	"$@"
	echo "status $?"
}
