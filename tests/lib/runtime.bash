# shellcheck shell=bash
#
# Calling the runtime under test as a person or an engine would. What a container started by create writes is in $T/out
# and $T/err; what a call writes in $T/call.out and $T/call.err. $OUT and $ERR name the pair of the last such action,
# which is what the expect functions look at.

# rt ARG…: one call with this test's root and log. Its stdio is the caller's.
rt() {
	timeout --foreground -k 5 "$CALL_LIMIT_S" \
		"$VMRT" --root "$ROOT" --log "$LOG" --log-format json "$@" 3>&-
}

# call ARG…: the same without input, the result in $status. Not for create, whose output is the container's.
call() {
	status=0
	OUT=$T/call.out ERR=$T/call.err
	rm -f "$LOG"
	rt "$@" </dev/null >"$OUT" 2>"$ERR" || status=$?
}

# Makes the expect functions look at the container again.
look_at_container() {
	OUT=$T/out ERR=$T/err
}

# run_container [ARG…]: sets the process's arguments if given, runs the container in the foreground with no input.
run_container() {
	[ $# -eq 0 ] || args "$@"
	call run --bundle "$BUNDLE" "$ID"
}

# create [OPTION…]: under a subreaper that stays until the container's process is reaped, as an engine does.
# When it returns, $status is create's own status; the pid is in $PID. STDIN may name a file or FIFO for the input.
create() {
	local command_line
	REAPED=$T/reaped
	PIDFILE=$T/pid
	look_at_container
	rm -f "$LOG" "$PIDFILE"
	: >"$REAPED"
	: >"$OUT"
	: >"$ERR"
	"$BUILD/subreap" --report "$REAPED" \
		"$VMRT" --root "$ROOT" --log "$LOG" --log-format json \
		create --bundle "$BUNDLE" --pid-file "$PIDFILE" "$@" "$ID" \
		<"${STDIN:-/dev/null}" >>"${STDOUT:-$OUT}" 2>>"${STDERR:-$ERR}" 3>&- &
	REAPER=$!
	wait_seconds "$CALL_LIMIT_S" "create returns" grep -q '^command ' "$REAPED"
	command_line=$(grep '^command ' "$REAPED")
	status=${command_line##* }
	PID=$(cat "$PIDFILE" 2>/dev/null) || PID=
}

# Fails the test if create did.
create_ok() {
	create "$@"
	expect_status 0
	expect_match "$PID" '^[0-9]+$' "a pid in the pid-file"
}

# create fails with TEXT on stderr and in --log; nothing of it is left, and the delete --force that engines always send
# next is content.
expect_create_refused() {
	create
	expect_refusal "$1"
	[ ! -e "$PIDFILE" ] || expect_failed "no pid-file"
	[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state"
	call delete --force "$ID"
	expect_status 0
	expect_err ""
	look_at_container
}

start_ok() {
	local result=0
	rt start "$ID" </dev/null >"$T/start.out" 2>&1 || result=$?
	[ "$result" = 0 ] || expect_failed "start to succeed, got $result:" "$(cat "$T/start.out")"
}

# create and start, and if a text is given, wait for it on stdout.
launch() {
	create_ok
	start_ok
	[ $# -eq 0 ] || wait_for "'$1' on stdout" file_has "$T/out" "$1"
}

# Waits until the subreaper has reaped the container's process; its status is in $status as an engine would report it.
wait_exit() {
	local line
	look_at_container
	wait_seconds "${1:-$CALL_LIMIT_S}" "the container ends" grep -q "^adopted $PID " "$REAPED"
	line=$(grep "^adopted $PID " "$REAPED")
	case $line in
	*signal*) status=$((128 + ${line##* })) ;;
	*) status=${line##* } ;;
	esac
}

# The value of one member of "state".
state_of() {
	rt state "${2:-$ID}" 2>/dev/null | jq -r "$1"
}

state_is() {
	[ "$(state_of .status)" = "$1" ]
}

# Silent and final: what a test leaves behind on failure must not stand in the way of the next.
runtime_delete_all() {
	local dir
	for dir in "${ROOT-}"/*/; do
		[ -d "$dir" ] || continue
		rt delete --force "$(basename "$dir")" </dev/null >/dev/null 2>&1 || true
	done
}

# A configuration of the runtime itself with one member changed.
runtime_config() {
	[ -e "$T/vmrt.json" ] || echo '{}' >"$T/vmrt.json"
	jq "$@" <"$T/vmrt.json" >"$T/vmrt.new"
	mv "$T/vmrt.new" "$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
}
