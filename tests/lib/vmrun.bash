# shellcheck shell=bash
#
# Calling vmrun as a developer would, from a directory of the test's own. $status, $OUT and $ERR are those of the last call.

VMRUN=$BUILD/vmrun

# Its bundles and the state of its VMs lie where leaks_check looks.
vmrun_setup() {
	test_setup
	vm_only "vmrun is about virtual machines"
	export VMRUN_DIR=$ROOT
	mkdir "$ROOT"
	WORK=$T/work
	mkdir "$WORK"
}

# vmrun ARG…: without input.
vmrun() {
	vmrun_input /dev/null "$@"
}

# vmrun_input FILE ARG…
vmrun_input() {
	local input=$1
	shift
	status=0
	OUT=$T/call.out ERR=$T/call.err
	(cd "$WORK" && exec timeout --foreground -k 5 "$CALL_LIMIT_S" "$VMRUN" "$@") <"$input" >"$OUT" 2>"$ERR" 3>&- ||
		status=$?
}

# vmrun_start ARG…: in the background; its pid is in $VMRUN_PID.
vmrun_start() {
	OUT=$T/call.out ERR=$T/call.err
	: >"$OUT"
	(cd "$WORK" && exec "$VMRUN" "$@") </dev/null >"$OUT" 2>"$ERR" 3>&- &
	VMRUN_PID=$!
}

vmrun_wait() {
	status=0
	wait "$VMRUN_PID" || status=$?
}

# vmrun_terminal STEP… -- ARG…: at a scripted terminal (tests/lib/terminal.py).
vmrun_terminal() {
	# shellcheck disable=SC2034 # by name
	local command=("$VMRUN")
	status=0
	OUT=$T/terminal.out ERR=$T/terminal.err
	(cd "$WORK" && script_terminal command "$@") >"$OUT" 2>"$ERR" || status=$?
	tr -d '\r' <"$OUT" >"$OUT.lines"
	mv "$OUT.lines" "$OUT"
}
