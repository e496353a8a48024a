# What each live process of a container may do on the host, read from /proc while it runs.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"

setup() { test_setup; }
teardown() { test_teardown; }

exec_begun() {
	[ -s "$T/exec.pid" ]
}

@test "monitor, QEMU, virtiofsd and an exec's process have given up what they do not need" {
	vm_only "it has none of them"
	local other_root=$T/second other_pid
	mkdir "$T/data"
	bind "$T/data" /data
	args /payload ready
	launch ready
	expect_confined "$PID" "$ROOT" "$T/(exec\\.)?(out|err)"
	"$BUILD/subreap" --report "$T/exec.reaped" "$VMRT" --root "$ROOT" exec --detach --pid-file "$T/exec.pid" \
		"$ID" /bin/sleep 100 </dev/null >"$T/exec.out" 2>&1 3>&- &
	wait_for "an exec's pid" exec_begun
	expect_exec_confined "$(cat "$T/exec.pid")"
	# After an exec session there are more descriptors, of the same kinds.
	expect_confined "$PID" "$ROOT" "$T/(exec\\.)?(out|err)"
	# No two QEMUs are the same user.
	"$VMRT" --root "$other_root" run -d --bundle "$BUNDLE" --pid-file "$T/other.pid" "$ID-2" </dev/null >/dev/null 2>&1 3>&-
	other_pid=$(cat "$T/other.pid")
	[ "$(status_field "$(child_named "$PID" qemu)" Uid)" != "$(status_field "$(child_named "$other_pid" qemu)" Uid)" ] ||
		expect_failed "different users"
	"$VMRT" --root "$other_root" delete --force "$ID-2"
	rm -rf "$other_root"
}

@test "a range of one uid has room for one container, and again when it was killed" {
	vm_only "it has no such thing"
	jq -n '{"uid-first": 1999999999, "uid-count": 1}' >"$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
	args /payload ready
	launch ready
	expect_equal "$(status_field "$(child_named "$PID" qemu)" Uid)" \
		"1999999999 1999999999 1999999999 1999999999" "the uid of the settings"
	"$VMRT" --root "$ROOT" run --bundle "$BUNDLE" "$ID-2" </dev/null >"$T/second" 2>&1 3>&- &&
		expect_failed "no room for a second"
	grep -qF 'all of the 1 uids from 1999999999 on are taken (settings: uid-count)' "$T/second" ||
		expect_failed "a message about the range" "$(cat "$T/second")"
	kill -KILL "$PID"
	wait_exit
	rt delete --force "$ID"
	run_container /payload say again
	expect_out again
}
