# create, start, state, kill, delete, run and list in the order people and engines call them.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "run prints both streams and ends with the process's status" {
	run_container /bin/sh -c 'echo out; echo err >&2; exit 42'
	expect_status 42
	expect_out out
	expect_err err
}

@test "run leaves no container behind" {
	run_container /payload say once
	expect_out once
	call state "$ID"
	expect_refusal 'container does not exist'
}

@test "run --keep leaves a stopped container that delete removes" {
	args /payload exit 3
	call run --keep --bundle "$BUNDLE" "$ID"
	expect_status 3
	expect_equal "$(state_of .status)" stopped
	expect_equal "$(state_of .pid)" 0
	call delete "$ID"
	expect_status 0
	call state "$ID"
	expect_refusal 'container does not exist'
}

@test "run --detach returns while the process runs" {
	args /payload ready
	status=0
	"$BUILD/subreap" --linger "$VMRT" --root "$ROOT" --log "$LOG" run --detach --pid-file "$T/pid" \
		--bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 0
	wait_for "the process to run" file_has "$T/out" ready
	expect_equal "$(state_of .status)" running
	expect_equal "$(state_of .pid)" "$(cat "$T/pid")"
	call kill "$ID" KILL
	expect_status 0
	wait_for "stopped" state_is stopped
	call delete "$ID"
	expect_status 0
}

@test "run takes the bundle from the working directory" {
	args /payload say here
	cd "$BUNDLE"
	call run "$ID"
	expect_status 0
	expect_out here
}

@test "run passes its input through" {
	args /payload cat
	status=0
	echo hello | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || status=$?
	expect_status 0
	expect_out hello
}

@test "run forwards SIGTERM to the process" {
	args /payload trap TERM 9
	"$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- &
	local runner=$!
	wait_for "the process to run" file_has "$T/out" ready
	kill -TERM "$runner"
	status=0
	wait "$runner" || status=$?
	expect_status 9
	expect_out_line 'got 15'
}

@test "create runs nothing of the user's before start" {
	args /bin/sh -c 'echo ran >/data/ran; echo started'
	create_ok
	[ ! -e "$ROOTFS/data/ran" ]
	expect_equal "$(state_of .status)" created
	expect_out ""
	start_ok
	wait_exit
	expect_status 0
	expect_out started
	[ -e "$ROOTFS/data/ran" ]
}

@test "the states follow each other: created, running, stopped" {
	args /payload ready
	create_ok
	expect_equal "$(state_of .status)" created
	start_ok
	expect_equal "$(state_of .status)" running
	call kill "$ID" KILL
	expect_status 0
	wait_exit
	expect_status 137
	expect_equal "$(state_of .status)" stopped
	call delete "$ID"
	expect_status 0
	call state "$ID"
	expect_refusal 'container does not exist'
}

@test "state prints what engines parse" {
	config '.annotations = {"org.example.key": "value"}'
	launch
	call state "$ID"
	expect_status 0
	expect_err ""
	local created
	created=$(jq -r .created "$OUT")
	expect_match "$created" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z$' "an RFC 3339 time"
	jq -e --arg id "$ID" --arg bundle "$BUNDLE" --argjson pid "$PID" '
		.id == $id and .bundle == $bundle and .rootfs == $bundle + "/rootfs" and .owner == "" and
		.annotations["org.example.key"] == "value" and (.ociVersion | test("^1\\.")) and
		(.status == "running" and .pid == $pid or .status == "stopped" and .pid == 0)' "$OUT"
}

@test "start returns after the program was executed" {
	args /payload ready
	create_ok
	start_ok
	# The process exists now: a signal must reach it, not the code that set it up.
	call kill "$ID" 0
	expect_status 0
	expect_equal "$(state_of .status)" running
}

@test "start twice is refused" {
	args /payload ready
	launch ready
	call start "$ID"
	expect_refusal 'cannot start an already running container'
}

@test "start of a stopped container is refused" {
	args /payload exit 0
	launch
	wait_exit
	expect_status 0
	call start "$ID"
	expect_refusal 'cannot start a container that has stopped'
}

@test "delete of a running container is refused and does nothing to it" {
	args /payload ready
	launch ready
	call delete "$ID"
	expect_refusal "cannot delete container $ID that is not stopped: running"
	expect_equal "$(state_of .status)" running
}

@test "delete of a created container removes it" {
	create_ok
	call delete "$ID"
	expect_status 0
	wait_exit 5
	call state "$ID"
	expect_refusal 'container does not exist'
}

@test "delete --force ends a running container" {
	args /payload ready
	launch ready
	local before
	before=$(now_ms)
	call delete --force "$ID"
	expect_status 0
	(($(now_ms) - before < 5000)) || expect_failed "less than the 5 s that engines wait"
	wait_exit 2
	expect_status 137
	[ ! -e "$ROOT/$ID" ]
}

@test "delete --force of a container that does not exist is silent" {
	args /payload ready
	launch ready
	call delete --force "$ID"
	expect_status 0
	call delete "$ID"
	expect_refusal 'container does not exist'
	call delete --force "$ID"
	expect_status 0
	expect_out ""
	expect_err ""
}

@test "delete right after the process was reaped succeeds" {
	local round
	for round in 1 2 3; do
		args /payload exit "$round"
		launch
		wait_exit
		expect_status "$round"
		call delete "$ID"
		expect_status 0
	done
}

@test "the same id twice is refused, the first container lives on" {
	args /payload ready
	launch ready
	call run --bundle "$BUNDLE" "$ID"
	expect_refusal 'container with given ID already exists'
	expect_equal "$(state_of .status)" running
}

@test "an id can be used again after delete" {
	args /payload say first
	run_container
	expect_out first
	args /payload say second
	run_container
	expect_out second
}

@test "list shows containers as a table, as ids and as JSON" {
	args /payload ready
	launch ready
	call list
	expect_status 0
	expect_match "$(head -n 1 "$OUT")" '^ID +PID +STATUS +BUNDLE +CREATED +OWNER *$'
	expect_match "$(tail -n 1 "$OUT")" "^$ID +$PID +running +$BUNDLE +[0-9]{4}-[^ ]+Z +root *$"
	call list -q
	expect_out "$ID"
	call list --quiet
	expect_out "$ID"
	call list --format json
	expect_err ""
	jq -e --arg id "$ID" --argjson pid "$PID" --arg bundle "$BUNDLE" '
		length == 1 and (.[0] | .id == $id and .pid == $pid and .status == "running" and .bundle == $bundle and
		.owner == "root")' "$OUT"
}

@test "list of nothing is an empty table and a JSON null" {
	call list
	expect_status 0
	expect_match "$(cat "$OUT")" '^ID +PID +STATUS +BUNDLE +CREATED +OWNER *$'
	call list --format json
	expect_out null
	call list -q
	expect_out ""
}

@test "list skips directories of another runtime in the same root" {
	mkdir -p "$ROOT/someone-elses"
	echo '{}' >"$ROOT/someone-elses/other.json"
	args /payload ready
	launch ready
	call list -q
	expect_status 0
	expect_out_line "$ID"
	# runc warns; what docker merges with stdout must be silent.
	if is_vm; then expect_err ""; fi
	rm -r "$ROOT/someone-elses"
}

@test "a relative bundle path is stored as an absolute one" {
	args /payload ready
	cd "$T"
	BUNDLE=bundle create_ok
	expect_equal "$(state_of .bundle)" "$T/bundle"
}

@test "a root path longer than a socket address works" {
	ROOT=$T/$(printf 'long%.0s' {1..30})/r
	args /payload say long
	run_container
	expect_status 0
	expect_out long
	rm -r "${ROOT%/r}"
}

@test "ids have dots, dashes, plus signs and underscores, and nothing else" {
	args /payload say named
	ID=a.b-c+d_e
	run_container
	expect_out named
	local bad
	for bad in 'a/b' '..' '.' 'a b' 'ä'; do
		call run --bundle "$BUNDLE" "$bad"
		expect_status 1
		[ -s "$ERR" ] || expect_failed "a message about id '$bad'"
	done
}

# As when delete --force comes before there is a monitor, and another create after it.
@test "a create that fails leaves a directory alone that is not its own any more" {
	vm_only "runc's own"
	# shellcheck disable=SC2016 # jq's variable
	config '.hooks = {prestart: [{path: "/bin/sh", args: ["sh", "-c", $s]}]}' \
		--arg s "mv $ROOT/$ID $ROOT/moved && mkdir $ROOT/$ID && exit 1"
	create
	[ "$status" != 0 ] || expect_failed "create to fail"
	[ -d "$ROOT/$ID" ] || expect_failed "the other one's directory"
	rmdir "$ROOT/$ID"
	call delete --force moved
	expect_status 0
}
