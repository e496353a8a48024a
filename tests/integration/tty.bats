# Terminals: the caller's own, and an engine's behind --console-socket.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# terminal STEP… -- ARG…: the runtime at a scripted terminal (tests/lib/terminal.py).
terminal() {
	# shellcheck disable=SC2034 # by name
	local command=("$VMRT" --root "$ROOT" --log "$LOG" --log-format json)
	status=0
	OUT=$T/terminal.out ERR=$T/terminal.err
	script_terminal command "$@" >"$OUT" 2>"$ERR" || status=$?
	tr -d '\r' <"$OUT" >"$OUT.lines"
	mv "$OUT.lines" "$OUT"
}

# What the process under the terminal does: shows sizes, echoes a line, ends with 7 at ^C.
# A signal just before read blocks is noticed when its time is up.
# shellcheck disable=SC2016 # the guest's shell expands it
INTERACTIVE='trap "echo interrupted; exit 7" INT; trap "stty size" WINCH; stty size; tty; echo ready
	while ! read -t 0.2 -r line; do :; done; echo "got $line"; while :; do sleep 0.05; done'

@test "run at the caller's terminal: size, input, resize, ^C, modes" {
	config '.process.terminal = true'
	args sh -c "$INTERACTIVE"
	terminal size:30x100 expect:ready mode: size:50x132 'expect:50 132' 'send:hello\r' 'expect:got hello' 'send:\x03' -- \
		run --bundle "$BUNDLE" "$ID"
	expect_out_line '30 100'
	expect_out_line /dev/pts/0
	expect_out_line hello
	expect_out_has interrupted
	expect_out_line '[raw]'
	expect_out_line '[status 7] [cooked]'
}

@test "run at the caller's terminal: stop, continue, signals, death" {
	config '.process.terminal = true'
	args sh -c "$INTERACTIVE"
	terminal size:30x100 expect:ready signal:TSTP stopped: size:31x99 signal:CONT 'expect:31 99' mode: 'send:\x03' -- \
		run --bundle "$BUNDLE" "$ID"
	expect_out_line '[stopped, cooked]'
	expect_out_line '[raw]'
	expect_out_line '[status 7] [cooked]'
	# Killed, it cannot restore the terminal itself.
	args sh -c 'trap "exit 3" HUP; echo ready; while :; do sleep 0.05; done'
	terminal expect:ready signal:KILL -- run --bundle "$BUNDLE" "$ID"
	expect_out_has '[status -9]'
	if is_vm; then
		expect_out_line '[status -9] [cooked]'
		wait_for "the hang-up to end the process" state_is stopped
	fi
	call delete --force "$ID"
	expect_status 0
	# Also while the VM boots: by a signal that comes at any moment of it.
	if is_vm; then
		local moment
		for moment in 0 0.02 0.05 0.1; do
			TERMINAL_PAUSE_S=$moment terminal raw: pause: signal:TERM -- run --bundle "$BUNDLE" "$ID"
			expect_out_line '[status -15] [cooked]'
			call delete --force "$ID"
			expect_status 0
		done
	fi
	# What cannot start gives it back as well.
	args nosuch
	terminal -- run --bundle "$BUNDLE" "$ID"
	expect_out_has 'executable file not found'
	expect_out_line '[status 1] [cooked]'
}

@test "the terminal of the process: device, owner, console, control characters, no stderr of its own" {
	config '.process.terminal = true | .process.user = {uid: 1000, gid: 1000} | .process.consoleSize = {height: 11, width: 22}'
	args sh -c 'payload tty; stty size; payload stat /dev/pts/0 /dev/console; echo err >&2; stty -a | grep -c " icrnl"; echo word >/dev/tty'
	terminal size:24x80 -- run --bundle "$BUNDLE" "$ID"
	expect_out_has '0 tty'
	expect_out_line '24 80'
	expect_out_line err
	expect_out_line word
	expect_match "$(grep /dev/pts/0 "$OUT")" '1000'
	expect_out_line '[status 0] [cooked]'
}

@test "much output through a terminal is complete" {
	config '.process.terminal = true'
	args sh -c 'stty -opost; payload write 1000000 7 | od -An -v -tx1; echo; payload lines 10'
	terminal -- run --bundle "$BUNDLE" "$ID"
	expect_equal "$(grep -cE '^( [0-9a-f]{2}){16}' "$OUT")" 62500 "lines of od"
	expect_out_has '[status 0]'
}

@test "exec -t: its own terminal, size, ^C, modes" {
	args /payload ready
	launch ready
	terminal size:30x100 expect:ready mode: size:50x132 'expect:50 132' 'send:hello\r' 'expect:got hello' \
		signal:TSTP stopped: signal:CONT mode: 'send:\x03' -- exec -t "$ID" sh -c "$INTERACTIVE"
	expect_out_line '30 100'
	expect_out_line /dev/pts/0
	expect_out_line '[stopped, cooked]'
	expect_out_line '[status 7] [cooked]'
	terminal -- exec -t "$ID" nosuch
	expect_out_line '[status 255] [cooked]'
	# Killed: the terminal is given back, the process ends.
	terminal expect:ready signal:KILL -- exec -t "$ID" sh -c "$INTERACTIVE"
	if is_vm; then expect_out_line '[status -9] [cooked]'; fi
	wait_for "the process's end" only_init_is_left
	# Without a terminal to give.
	call exec -t "$ID" true
	expect_status 255
}

only_init_is_left() {
	[ "$(rt exec "$ID" sh -c 'ls /proc | grep -c "^[0-9]"' </dev/null)" -le 3 ]
}

# console_begin NAME: an engine listens; "say" gives it commands, $CONSOLE has what it got.
console_begin() {
	SOCKET=$T/$1.sock
	CONSOLE=$T/$1.console
	mkfifo "$T/$1.commands"
	python3 "$TOP/tests/lib/console.py" "$SOCKET" "$CONSOLE" <"$T/$1.commands" >"$T/$1.log" 2>&1 3>&- &
	CONSOLE_PID=$!
	exec 9>"$T/$1.commands"
	wait_for "the console's socket" test -S "$SOCKET"
}

say() {
	echo "$*" >&9
}

@test "create and start with a console socket" {
	config '.process.terminal = true | .process.consoleSize = {height: 20, width: 60}'
	args sh -c "$INTERACTIVE"
	console_begin console
	create_ok --console-socket "$SOCKET"
	wait_for "the terminal" file_has "$CONSOLE" name=
	expect_equal "$(head -n 1 "$CONSOLE")" "name=/dev/ptmx descriptors=1 whole=True mode=$(is_vm && echo raw || echo cooked)"
	start_ok
	wait_for "the size of the config" file_has "$CONSOLE" '20 60'
	wait_for "the process" file_has "$CONSOLE" ready
	say size 44x55
	wait_for "the new size" file_has "$CONSOLE" '44 55'
	say 'send hello\r'
	wait_for "an answer" file_has "$CONSOLE" 'got hello'
	say 'send \x03'
	wait_exit
	expect_status 7
	wait_for "the end" file_has "$CONSOLE" '[end]'
	expect_match "$(tr -d '\r' <"$CONSOLE" | tail -n 2)" 'interrupted' "the last word"
	exec 9>&-
}

@test "a size that is set before the process starts, and an engine that hangs up" {
	config '.process.terminal = true'
	args sh -c 'trap "echo hup >/data/hup; exit 6" HUP; stty size; echo ready; while :; do sleep 0.05; done'
	console_begin console
	create_ok --console-socket "$SOCKET"
	wait_for "the terminal" file_has "$CONSOLE" name=
	say size 33x44
	start_ok
	wait_for "the size" file_has "$CONSOLE" '33 44'
	wait_for "the process" file_has "$CONSOLE" ready
	say close
	wait_exit
	expect_status 6
	expect_equal "$(cat "$ROOTFS/data/hup")" hup
	exec 9>&-
}

@test "exec --detach with a console socket" {
	args /payload ready
	launch ready
	console_begin console
	call exec --detach --tty --pid-file "$T/exec.pid" --console-socket "$SOCKET" "$ID" sh -c "$INTERACTIVE"
	expect_status 0
	wait_for "the process" file_has "$CONSOLE" ready
	say size 12x34
	wait_for "the new size" file_has "$CONSOLE" '12 34'
	say 'send \x03'
	wait_for "the end" file_has "$CONSOLE" '[end]'
	file_has "$CONSOLE" interrupted
	wait_for "its host process to end" process_is_gone "$(cat "$T/exec.pid")"
	exec 9>&-
}

@test "what does not fit together is refused" {
	config '.process.terminal = true'
	create
	expect_status 1
	expect_err_has 'cannot allocate tty if'
	config '.process.terminal = false'
	create --console-socket "$T/none.sock"
	expect_status 1
	expect_err_has 'cannot use console socket if'
	config '.process.terminal = true'
	create --console-socket "$T/none.sock"
	expect_status 1
	call run --bundle "$BUNDLE" "$ID"
	expect_status 1
	[ "$(grep -c . "$ERR")" = 1 ] || expect_failed "one line"
}
