# A guest whose init means harm (tests/hostile): its VM is killed with one clear line, or endured within bounds, and
# nobody else notices.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# What the monitor may need at most for itself, whatever the guest sends.
MEMORY_LIMIT_KIB=65536

hostile() {
	echo "$1" >"$T/mode"
	"$BUILD/init/mkcpio" "$T/initramfs" dir dev 755 dir sys 755 dir proc 755 file init 755 "$BUILD/hostile-init" \
		file mode 644 "$T/mode"
	jq -n --arg i "$T/initramfs" '{initramfs: $i, "boot-timeout": 20}' >"$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
}

neighbour_start() {
	args /payload ready
	"$VMRT" --root "$ROOT" run -d --bundle "$BUNDLE" "$ID-n" </dev/null >"$T/neighbour.out" 2>&1 3>&-
	wait_for "the neighbour runs" file_has "$T/neighbour.out" ready
}

expect_neighbour() {
	call exec "$ID-n" /payload say 'still here'
	expect_status 0
	expect_out 'still here'
	expect_err ''
}

# The guest is seen through before anything of the user's runs: create fails.
BEFORE_START='
length|guest: frame of type 1 announces 4294967295 bytes, limit 4096
long|guest: frame of type 9 announces 4097 bytes, limit 4096
garbage|guest: frame of type 42405 announces 2779096485 bytes, limit 4096
type|guest: malformed frame of type 999 (unknown), 0 bytes
host-type|guest: malformed frame of type 65 (START), 0 bytes
trailing|guest: malformed frame of type 1 (HELLO)
short|guest: malformed frame of type 1 (HELLO), 4 bytes
magic|guest: malformed frame of type 1 (HELLO)
version|guest: init speaks version 999 of the protocol
order|guest: STARTED of session 0 is not allowed while booting
twice|guest: HELLO of session 0 is not allowed while creating
'

# It has begun to run: the container ends with 255.
AFTER_START='
session|guest: EXITED of session 7 is not allowed while there is none
exit-early|guest: exit status before the end of its output
end-twice|guest: end of stream 1, which has ended before
end-stdin|guest: malformed frame of type 5 (STREAM_END)
less|guest: more bytes on stream 1 than it announced
close|guest: its kernel was shut down without telling an exit status
'

@test "a guest that breaks the protocol is killed with one line, its neighbour lives" {
	vm_only "there is no guest"
	local mode text
	neighbour_start
	while IFS='|' read -r mode text; do
		[ -n "$mode" ] || continue
		hostile "$mode"
		create
		expect_refusal "$text"
		[ ! -e "$ROOT/$ID" ] || expect_failed "$mode: nothing left"
	done <<<"$BEFORE_START"
	while IFS='|' read -r mode text; do
		[ -n "$mode" ] || continue
		hostile "$mode"
		call run --bundle "$BUNDLE" "$ID"
		expect_status 255
		expect_err_has "$text"
		[ "$(grep -c . "$ERR")" = 1 ] || expect_failed "$mode: one line"
		[ ! -e "$ROOT/$ID" ] || expect_failed "$mode: nothing left"
	done <<<"$AFTER_START"
	unset VMRT_CONFIG
	expect_neighbour
	call delete --force "$ID-n"
	expect_status 0
}

@test "a guest that sends half a frame and then nothing is given up in time" {
	vm_only "there is no guest"
	hostile half
	jq '.["boot-timeout"] = 6' "$T/vmrt.json" >"$T/short.json"
	export VMRT_CONFIG=$T/short.json
	create
	expect_refusal 'guest: did not boot within 6 s'
}

@test "a resolver's query before the container runs is a violation" {
	vm_only "there is no guest"
	hostile resolve-early
	create
	# It is told of whichever comes first: that the container is complete, or that its guest is mad.
	if [ "$status" = 0 ]; then
		wait_exit
		expect_status 255
		expect_err_has 'guest: RESOLVE of session 0 is not allowed while created'
		rt delete --force "$ID"
	else
		expect_refusal 'guest: RESOLVE of session 0 is not allowed while created'
	fi
}

memory_of() {
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status"
}

cpu_ticks_of() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# The flood has passed through the monitor for a while.
is_busy() {
	[ "$(cpu_ticks_of "$PID")" -ge "$1" ]
}

# expect_endured MODE [MONITOR-TICKS]: it floods; memory stays bounded, the neighbour works, kill ends it.
expect_endured() {
	local mode=$1 before
	hostile "$mode"
	create_ok
	start_ok
	before=$(cpu_ticks_of "$PID")
	[ -z "${2-}" ] || wait_for "$mode: the monitor to be flooded" is_busy "$((before + $2))"
	(unset VMRT_CONFIG; expect_neighbour)
	look_at_container
	(($(memory_of) < MEMORY_LIMIT_KIB)) || expect_failed "$mode: bounded memory, got $(memory_of) KiB"
	[ "$(stat -c %s "$ROOT/$ID/log")" -lt 4000000 ] || expect_failed "$mode: a bounded log"
	call kill "$ID" KILL
	expect_status 0
	wait_exit 15
	call delete --force "$ID"
	expect_status 0
}

@test "a guest that floods every channel is endured within bounds and can be killed" {
	vm_only "there is no guest"
	neighbour_start
	mkfifo "$T/unread"
	# Output that nobody reads: the writer has to wait.
	exec 8<>"$T/unread"
	STDOUT=$T/unread
	expect_endured more
	expect_endured flood 50
	expect_endured empty 50
	exec 8>&-
}

@test "an init that wants to leave the VM writes inside of the root and nowhere else, and signals nobody" {
	vm_only "there is no guest"
	local dir bystander
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	bystander=$!
	hostile escape
	mkdir "$T/outside"
	bind "$T/outside" /outside ro
	args /payload ready
	create_ok
	wait_for "all attempts" file_has "$ROOT/$ID/log" 'escape: done'
	file_has "$ROOT/$ID/log" 'escape: rootfs/escape-inside' || expect_failed "a file in the root:" "$(cat "$ROOT/$ID/log")"
	[ -e "$ROOTFS/escape-inside" ] || expect_failed "the file in the root"
	file_has "$ROOT/$ID/log" 'escape: signalled' || expect_failed "an attempt to signal"
	! process_is_gone "$bystander" || expect_failed "the host's processes untouched"
	! process_is_gone "$PID" || expect_failed "its own monitor untouched"
	kill "$bystander"
	# Upwards from the root, from the share's own folder, and where a path could begin.
	for dir in "$ROOTFS" "$ROOT/$ID/share" /run /dev/shm /root; do
		while dir=$(dirname "$dir") && find "$dir" -maxdepth 1 -name 'escape-*' && [ "$dir" != / ]; do :; done
	done >"$T/found"
	expect_equal "$(cat "$T/found")" "" "no file of its anywhere else"
	expect_equal "$(ls -A "$T/outside")" "" "nothing in what is read-only"
	rm -rf "$ROOTFS"/escape-* "$ROOTFS/upwards"
}

@test "a guest that lies about relayed sockets is killed, one that floods them is endured" {
	vm_only "there is no guest"
	: >"$T/visits"
	# What comes is sent back, and the guest does not read.
	python3 "$TOP/tests/lib/unix-server.py" "$T/server.sock" echo "$T/visits" </dev/null >"$T/server.log" 2>&1 3>&- &
	local server=$!
	wait_for "the server" test -S "$T/server.sock"
	bind "$T/server.sock" /run/server.sock
	neighbour_start
	hostile sockets-none
	call run --bundle "$BUNDLE" "$ID"
	expect_status 255
	expect_err_has 'guest: sockets: connection 9 is not open'
	hostile sockets-window
	call run --bundle "$BUNDLE" "$ID"
	expect_status 255
	expect_err_has 'guest: sockets: connection 0: more data than it was given credit for'
	expect_endured sockets-flood
	kill "$server"
}
