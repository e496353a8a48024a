# What a caller gives a container beside its streams: descriptors, a notification socket.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# listen SOCKET: a service manager there; what it hears is in $T/heard.
listen() {
	python3 "$TOP/tests/lib/listener.py" "$1" "$T/heard" </dev/null >"$T/listener.log" 2>&1 3>&- &
	wait_for "the service manager" test -S "$1"
}

heard() {
	wait_for "'$1'" grep -qF -- "$1" "$T/heard"
}

@test "descriptors are refused by number and kind" {
	vm_only "it passes them on"
	args /payload ready
	status=0
	"$VMRT" --root "$ROOT" --log "$LOG" --log-format json run --preserve-fds 1 --bundle "$BUNDLE" "$ID" \
		3<"$BUNDLE/config.json" </dev/null >"$OUT" 2>"$ERR" || status=$?
	expect_refusal 'option --preserve-fds: descriptor 3 is a regular file, which cannot be passed into a VM'
	rm -f "$LOG"
	status=0
	"$VMRT" --root "$ROOT" --log "$LOG" --log-format json run --preserve-fds 20 --bundle "$BUNDLE" "$ID" \
		3<&- </dev/null >"$OUT" 2>"$ERR" || status=$?
	expect_refusal '(of 20): bad file descriptor'
	rm -f "$LOG"
	status=0
	# shellcheck disable=SC2016 # its own pid
	LISTEN_FDS=1 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$VMRT" --root "$ROOT" --log "$LOG" --log-format json \
		create --bundle "$BUNDLE" "$ID" 3< <(:) </dev/null >"$OUT" 2>"$ERR" || status=$?
	expect_refusal 'LISTEN_FDS: descriptor 3 is a pipe, which cannot be passed into a VM'
	[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state"
	# Somebody else's are nobody's business.
	export LISTEN_FDS=1 LISTEN_PID=1
	launch ready
	unset LISTEN_FDS LISTEN_PID
	status=0
	rt exec --preserve-fds 1 "$ID" true 3<"$T" </dev/null >"$T/call.out" 2>"$T/call.err" || status=$?
	expect_status 255
	file_has "$T/call.err" 'option --preserve-fds: '
}

@test "notifications reach the socket that a bind mount has" {
	mkdir "$T/notify"
	listen "$T/notify/notify.sock"
	bind "$T/notify" /run/notify rw
	config '.process.env += ["NOTIFY_SOCKET=/run/notify/notify.sock"] | .process.user = {uid: 1000, gid: 1000}'
	chmod 755 "$T"
	chmod 777 "$T/notify/notify.sock"
	args sh -c 'payload notify READY=1 STATUS=up; echo ready; exec payload ready'
	launch ready
	heard READY=1
	heard STATUS=up
	call exec "$ID" payload notify STATUS=of-exec
	expect_status 0
	if is_vm; then
		# What would be a say about the host's processes is not passed on.
		call exec -e NOTIFY_SOCKET=/run/notify/notify.sock "$ID" payload notify MAINPID=1 FDSTORE=1 STOPPING=1
		heard STOPPING=1
		! grep -E 'MAINPID|FDSTORE' "$T/heard" || expect_failed "no such line"
	fi
}

@test "the caller's own service manager hears that the container is ready" {
	listen "$T/manager.sock"
	args sh -c 'echo "$NOTIFY_SOCKET"; payload notify READY=1; echo ready; exec payload ready'
	export NOTIFY_SOCKET=$T/manager.sock
	create_ok
	if is_vm; then start_ok; else rt start "$ID" </dev/null >/dev/null 2>&1; fi
	unset NOTIFY_SOCKET
	wait_for "it to run" file_has "$T/out" ready
	heard READY=1
	file_has "$T/out" /run/notify/notify.sock
}

@test "a service manager hears it from the command that stays in the foreground" {
	vm_only "runc's speaks through the container's own socket"
	listen "$T/manager.sock"
	args sh -c 'payload notify READY=1; exec payload ready'
	NOTIFY_SOCKET=$T/manager.sock "$VMRT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>&1 3>&- &
	local client=$!
	wait_for "the notification" grep -q . "$T/heard"
	expect_equal "$(cat "$T/heard")" "READY=1| $client" "a line of the main process's"
	call kill "$ID" KILL
	wait "$client" || true
}

@test "a service manager that is not there is no reason to fail" {
	config '.process.env += ["NOTIFY_SOCKET=/run/notify/notify.sock"]'
	NOTIFY_SOCKET=$T/none.sock run_container sh -c 'echo runs'
	expect_status 0
	expect_out runs
}
