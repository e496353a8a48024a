# Standard streams without a tty: not a byte is lost, doubled or moved; ends and back-pressure go from end to end.

load ../lib/load

# The large test's size and the stopped reader's time; CI keeps them short, a release run uses 300 and 60.
LARGE_MB=${VMRT_TEST_LARGE_MB:-64}
STOP_S=${VMRT_TEST_STOP_S:-4}

setup() { test_setup; }
teardown() { test_teardown; }

payload() {
	"$BUILD/payload" "$@"
}

# Through the container's cat and back: SIZE bytes of pattern, compared by offset.
expect_round_trip() {
	local size=$1 statuses
	args /bin/sh -c '/payload cat; echo "cat ended with $?" >&2'
	payload write "$size" 7 | rt run --bundle "$BUNDLE" "$ID" 2>"$ERR" | payload check "$size" 7 >"$OUT"
	statuses=${PIPESTATUS[*]}
	expect_equal "$statuses" "0 0 0" "writer, container and reader to succeed"
	expect_err "cat ended with 0"
	expect_out "$size bytes agree"
}

# A reader of the container's output that does not read before "$T/go" exists, then checks SIZE bytes of pattern.
start_stopped_reader() {
	local size=$1
	mkfifo "$T/stdout"
	{
		# Opening without a writer would wait; the descriptor keeps nobody's pipe full.
		exec <"$T/stdout"
		wait_seconds 120 "the signal to read" test -e "$T/go"
		payload check "$size" 7 >"$T/checked" 2>&1
		echo "status $?" >>"$T/checked"
	} 3>&- &
	STDOUT=$T/stdout
}

expect_checked() {
	wait_for "the reader's verdict" file_has "$T/checked" status
	expect_equal "$(cat "$T/checked")" "$1 bytes agree"$'\n'"status 0"
}

@test "no byte makes the round trip as an end of file" { expect_round_trip 0; }
@test "1 byte makes the round trip" { expect_round_trip 1; }
@test "64 KiB less one make the round trip" { expect_round_trip 65535; }
@test "64 KiB make the round trip" { expect_round_trip 65536; }
@test "64 KiB and one make the round trip" { expect_round_trip 65537; }
@test "1 MiB makes the round trip" { expect_round_trip 1048576; }
@test "many MB make the round trip" { expect_round_trip $((LARGE_MB * 1000000)); }

@test "input of every size is read to its end" {
	local size
	for size in 0 1 4095 4096 4097 65537 524288 1000003; do
		args /payload check "$size" 3
		status=0
		payload write "$size" 3 | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || status=$?
		expect_status 0
		expect_out "$size bytes agree"
	done
}

@test "stderr is as exact as stdout" {
	args /payload write 1000003 5 2
	status=0
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2>"$ERR" >"$OUT" || status=$?
	expect_status 0
	expect_equal "$(stat -c %s "$OUT")" 0 "nothing on stdout"
	expect_equal "$(payload check 1000003 5 <"$ERR")" "1000003 bytes agree"
}

@test "both streams at once are exact" {
	args /payload write-both 3000000 9
	status=0
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2>"$ERR" >"$OUT" || status=$?
	expect_status 0
	expect_equal "$(payload check 3000000 9 <"$OUT")" "3000000 bytes agree"
	expect_equal "$(payload check 3000000 9 <"$ERR")" "3000000 bytes agree"
}

@test "a full stderr does not stop stdout" {
	mkfifo "$T/stderr"
	# Held open, never read.
	exec 8<>"$T/stderr"
	args /bin/sh -c '/payload write 8000000 1 2 & echo through; /payload write 500000 2 >/data/done; echo still through'
	STDERR=$T/stderr create_ok
	start_ok
	wait_for "the second line" file_has "$T/out" "still through"
	call kill "$ID" KILL
	exec 8>&-
	wait_exit
}

@test "lines keep their order" {
	run_container /payload lines 2000
	expect_status 0
	expect_equal "$(sha256sum <"$OUT")" "$(payload lines 2000 2>/dev/null | sha256sum)" "the odd lines on stdout"
	expect_equal "$(sha256sum <"$ERR")" "$(payload lines 2000 2>&1 >/dev/null | sha256sum)" "the even lines on stderr"
}

@test "a slow reader gets everything" {
	args /payload write 3000000 7
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2>"$ERR" | payload check 3000000 7 20 >"$OUT"
	expect_equal "${PIPESTATUS[*]}" "0 0"
	expect_out "3000000 bytes agree"
}

@test "a slow process gets everything" {
	args /payload check 3000000 7 20
	payload write 3000000 7 | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR"
	expect_equal "${PIPESTATUS[*]}" "0 0"
	expect_out "3000000 bytes agree"
}

@test "a stopped reader stops the writer and nothing else" {
	start_stopped_reader 100000000
	args /bin/sh -c '/payload write 100000000 7; echo written >/data/written; echo end >&2'
	create_ok
	start_ok
	sleep "$STOP_S"
	[ ! -e "$ROOTFS/data/written" ] || expect_failed "the writer to wait for its reader"
	expect_equal "$(state_of .status)" running
	call kill "$ID" 0
	expect_status 0
	touch "$T/go"
	wait_exit
	expect_status 0
	expect_checked 100000000
	expect_err end
}

# 4 MiB in the port's queue, 1 MiB in the named pipe, the relay's buffer, the pipes at both ends.
@test "little is buffered on the way to a stopped reader" {
	mkfifo "$T/stdout"
	exec 8<>"$T/stdout"
	args /payload fill 67108864
	STDOUT=$T/stdout create_ok
	start_ok
	wait_for "the writer to be stopped" file_has "$T/err" "stopped after"
	local bytes
	bytes=$(sed -n 's/stopped after \([0-9]*\) bytes/\1/p' "$T/err")
	((bytes >= 65536 && bytes < 12582912)) || expect_failed "between a pipe's size and 12 MiB in flight, not $bytes"
	head -c "$bytes" <&8 >/dev/null
	exec 8>&-
	wait_exit
	expect_status 0
}

@test "a reader that starts after the process has ended gets everything, and the exit waits for it" {
	start_stopped_reader 200000
	args /payload write 200000 7
	create_ok
	start_ok
	sleep "$STOP_S"
	if is_vm; then ! process_is_gone "$PID" || expect_failed "no exit before the output is out"; fi
	touch "$T/go"
	wait_exit
	expect_status 0
	expect_checked 200000
}

@test "a closed reader gives the writer SIGPIPE" {
	args /payload epipe default
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2>"$ERR" | head -c 1 >/dev/null
	expect_equal "${PIPESTATUS[0]}" 0
	expect_err_has "signal 13"
}

@test "a closed reader gives a writer that ignores SIGPIPE an EPIPE" {
	args /payload epipe ignore
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2>"$ERR" | head -c 1 >/dev/null
	expect_equal "${PIPESTATUS[0]}" 0
	expect_err_has "EPIPE"
}

@test "a closed reader of stdout leaves stderr, signals and the exit status alone" {
	mkfifo "$T/stdout"
	head -c 6 "$T/stdout" >"$T/head" &
	args /bin/sh -c 'trap "echo caught >&2; exit 9" TERM; echo ready; (while echo more; do :; done) 2>/dev/null;
		echo lost >&2; while :; do sleep 0.1; done'
	STDOUT=$T/stdout create_ok
	start_ok
	wait_for "the writer to notice" file_has "$T/err" lost
	expect_equal "$(cat "$T/head")" ready
	expect_equal "$(state_of .status)" running
	call kill "$ID" TERM
	expect_status 0
	wait_exit
	expect_status 9
	expect_err "lost"$'\n'"caught"
}

@test "the end of the input reaches the process while it goes on writing" {
	args /bin/sh -c 'cat; echo "after the end"; /payload write 100000 1 >/dev/null; exit 5'
	status=0
	printf 'no newline' | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || status=$?
	expect_status 5
	expect_out "no newlineafter the end"
}

@test "input arrives as it is written, not at its end" {
	mkfifo "$T/stdin"
	exec 8<>"$T/stdin"
	args /bin/sh -c 'while read -r line; do echo "got $line"; [ "$line" != last ] || exit 3; done'
	STDIN=$T/stdin create_ok
	start_ok
	echo one >&8
	wait_for "an answer" file_has "$T/out" "got one"
	echo last >&8
	wait_exit
	expect_status 3
	exec 8>&-
}

@test "a container ends although its input stays open" {
	mkfifo "$T/stdin"
	exec 8<>"$T/stdin"
	args /payload say done "" 4
	STDIN=$T/stdin create_ok
	start_ok
	wait_exit
	expect_status 4
	expect_out done
	exec 8>&-
}

@test "a container ends although its input was not read" {
	args /payload say unread "" 6
	payload write 5000000 1 2>/dev/null | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || true
	expect_equal "${PIPESTATUS[*]:1}" "6" || true
	expect_out unread
}

@test "a process that closes its input goes on" {
	args /payload close-stdin 1
	payload write 3000000 1 2>/dev/null | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || true
	expect_out "closed"$'\n'"done"
}

@test "/dev/null as input is an end of file at once" {
	run_container /payload sum
	expect_status 0
	expect_out "0 cbf29ce484222325"
}

@test "the last words before the exit are not lost" {
	local round
	for round in 1 2 3 4 5; do
		args /bin/sh -c "/payload write 300001 7; exit $round"
		status=0
		rt run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" || status=$?
		expect_status "$round"
		expect_equal "$(payload check 300001 7 <"$OUT")" "300001 bytes agree"
	done
}

@test "the process's streams are three pipes that belong to its user" {
	vm_only "runc hands on what it was given"
	config '.process.user = {uid: 1000, gid: 1000}'
	args /payload fds
	status=0
	: | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" || status=$?
	expect_status 0
	expect_out "0 pipe uid=1000 r
1 pipe uid=1000 w
2 pipe uid=1000 w"
}

@test "/dev/stdout and /dev/stderr can be opened again by the process's user" {
	config '.process.user = {uid: 1000, gid: 1000}'
	args /payload reopen
	rt run --bundle "$BUNDLE" "$ID" </dev/null 2> >(cat >"$T/err") | cat >"$T/out"
	expect_equal "${PIPESTATUS[0]}" 0
	wait_for "stderr" file_has "$T/err" "through /dev/stderr"
	expect_out "through /dev/stdout"$'\n'"through /proc/self/fd/1"
}

@test "no stream is a terminal" {
	run_container /payload tty
	expect_status 0
	expect_out "0 notty
1 notty
2 notty"
}
