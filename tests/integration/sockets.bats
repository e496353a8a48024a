# Unix stream sockets of the host, mounted into the container: connections are relayed. Most tests pass with runc too.

load ../lib/load

setup() { test_setup; }
teardown() {
	test_teardown
	for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null || true; done
}

SERVERS=()

# serve MODE…: a server at $T/server.sock, seen as /run/server.sock; who connects is in $T/visits.
serve() {
	: >"$T/visits"
	python3 "$TOP/tests/lib/unix-server.py" "$T/server.sock" "$@" "$T/visits" </dev/null >"$T/server.log" 2>&1 3>&- &
	SERVERS+=($!)
	wait_for "the server" test -S "$T/server.sock"
}

mount_server() {
	bind "$T/server.sock" /run/server.sock "$@"
}

@test "a stream socket of the host: bytes both ways, half-closed, with its owner and mode" {
	serve count
	chown 1000:2000 "$T/server.sock"
	chmod 640 "$T/server.sock"
	mount_server rw
	run_container sh -c 'payload stat /run/server.sock; echo hello | payload unix-talk /run/server.sock'
	expect_status 0
	expect_out "/run/server.sock socket 0640 uid=1000 gid=2000
6 $(echo hello | sha256sum | cut -d ' ' -f 1)"
	expect_err ''
}

@test "the server sees who connects, and the kernel who may" {
	serve echo
	chmod 666 "$T/server.sock"
	mount_server ro
	# shellcheck disable=SC2016
	args sh -c 'echo one | payload unix-talk /run/server.sock; payload ready'
	launch one
	call exec -u 1000:2000 "$ID" sh -c 'echo two | payload unix-talk /run/server.sock'
	expect_out two
	chmod 600 "$T/server.sock"
	if ! is_vm; then
		call exec -u 1000:2000 "$ID" payload unix-talk /run/server.sock
		expect_status 99
	fi
	[ "$(cat "$T/visits")" = 'uid=0 gid=0
uid=1000 gid=2000' ] || expect_failed "both visits:" "$(cat "$T/visits")"
}

@test "a socket that only its owner may use is so in the container" {
	serve echo
	chmod 600 "$T/server.sock"
	mount_server rw
	config '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
	run_container payload unix-talk /run/server.sock
	expect_status 99
	file_has "$ERR" 'payload: connect: Permission denied'
	[ ! -s "$T/visits" ] || expect_failed "no visit"
}

@test "megabytes both ways come through unchanged, and a reader that stops stops the server" {
	local size=$((8 << 20))
	serve echo
	mount_server rw
	head -c $size /dev/urandom >"$T/data"
	bind "$T/data" /input
	run_container sh -c 'payload unix-talk /run/server.sock </input | sha256sum'
	expect_status 0
	expect_out "$(sha256sum <"$T/data")"
	kill "${SERVERS[@]}"
	rm "$T/server.sock"
	serve give $((64 << 20))
	# shellcheck disable=SC2016
	args sh -c 'payload unix-talk /run/server.sock </dev/null | { head -c 1000000 | wc -c; payload ready; }'
	launch 1000000
	# What the pipes and windows hold is far below what the server has to give: it is told when we are gone.
	call kill "$ID" KILL
	wait_for "the server has felt it" file_has "$T/visits" 'broken pipe'
}

@test "what a container has written when it ends arrives, however slowly it is read" {
	local size=$((1 << 20))
	serve sink
	mount_server rw
	run_container sh -c "payload write $size 5 | payload unix-put /run/server.sock"
	expect_status 0
	wait_for "all of it" grep -qx "$size $("$BUILD/payload" write $size 5 | sha256sum | cut -d ' ' -f 1)" "$T/visits"
}

@test "a server that takes nothing does not keep a container that has ended for long" {
	vm_only "runc's container is connected to the server itself"
	serve deaf
	mount_server rw
	# More than the server's queue takes, and less than that, the window and the guest's queue.
	args sh -c 'payload write 350000 5 | payload unix-put /run/server.sock; exit 7'
	create_ok
	start_ok
	wait_exit
	expect_status 7
	grep 'sockets: what the container has written on 1 connections is lost: nobody takes it' "$ROOT/$ID/log"
}

@test "many connections at once" {
	serve echo
	mount_server rw
	run_container payload unix-many /run/server.sock 300
	expect_status 0
	expect_out '300 answers'
	[ "$(wc -l <"$T/visits")" = 300 ] || expect_failed "300 visits"
}

@test "it is the very socket that was mounted, whatever its path leads to later" {
	serve echo
	mount_server rw
	args payload ready
	create_ok
	mv "$T/server.sock" "$T/old.sock"
	serve give 10
	: >"$T/visits"
	start_ok
	call exec "$ID" sh -c 'echo the first | payload unix-talk /run/server.sock'
	expect_out 'the first'
	look_at_container
}

@test "a server that is gone, one that closes at once" {
	serve close
	mount_server rw
	args payload ready
	launch ready
	call exec "$ID" sh -c 'payload unix-talk /run/server.sock </dev/null; echo $?'
	expect_status 0
	kill "${SERVERS[@]}"
	wait_for "the server ends" process_is_gone "${SERVERS[0]}"
	call exec "$ID" sh -c 'echo lost | payload unix-talk /run/server.sock; echo $?'
	expect_status 0
	if is_vm; then
		expect_err ''
		wait_for "a line in the log" grep -q "socket '$T/server.sock': connecting for uid 0: Connection refused" \
			"$ROOT/$ID/log"
	else
		file_has "$T/call.err" 'payload: connect: Connection refused'
	fi
}

@test "in a user namespace the server sees the user outside" {
	serve echo
	chmod 666 "$T/server.sock"
	mount_server rw
	config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	chmod o+x "$T" "$BUNDLE" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
	# Not the master's files, which the root's are links to.
	cp -a "$ROOTFS" "$BUNDLE/mapped"
	chown -R -h 100000:200000 "$BUNDLE/mapped"
	rm -rf "$ROOTFS"
	mv "$BUNDLE/mapped" "$ROOTFS"
	run_container sh -c 'echo mapped | payload unix-talk /run/server.sock'
	expect_status 0
	expect_out mapped
	[ "$(cat "$T/visits")" = 'uid=100000 gid=200000' ] || expect_failed "the mapped user:" "$(cat "$T/visits")"
}

# The one process that connects: it may change its user, and next to nothing else.
@test "the process that connects is confined" {
	vm_only "there is none"
	local pid
	serve echo
	mount_server rw
	args payload ready
	launch ready
	pid=$(grep -lx vmrt-connector /proc/[0-9]*/comm 2>/dev/null | cut -d / -f 3 |
		while read -r p; do grep -q "^PPid:.*\b$PID\$" "/proc/$p/status" && echo "$p"; done)
	expect_match "$pid" '^[0-9]+$' "one such process"
	expect_equal "$(sed -nE 's/^(CapEff|CapBnd|NoNewPrivs|Seccomp):\s+//p' "/proc/$pid/status" | tr '\n' ' ')" \
		"00000000000000c2 00000000000000c2 1 2 "
	expect_equal "$(for fd in "/proc/$pid/fd"/*; do readlink "$fd"; done | sed 's/:.*//' | sort | tr '\n' ' ')" \
		"$T/server.sock socket "
	# Killing it leaves a container without the socket, and nothing else.
	kill -KILL "$pid"
	wait_for "a line in the log" grep -q 'the process that connects to sockets is gone' "$ROOT/$ID/log"
	call exec "$ID" sh -c 'payload unix-talk /run/server.sock </dev/null; echo $?'
	expect_out 0
}

@test "sockets of other types are refused by name" {
	vm_only "a process can use any socket"
	serve dgram
	mount_server rw
	args true
	expect_create_refused "error mounting \"$T/server.sock\" to rootfs at \"/run/server.sock\": it is a datagram socket of the host: a VM can be given stream sockets only"
	kill "${SERVERS[@]}"
	rm "$T/server.sock"
	serve seqpacket
	expect_create_refused "it is a sequenced packet socket of the host: a VM can be given stream sockets only"
}

@test "a dry run refuses what only vmrt's own processes can do: sockets, disk images" {
	vm_only "it has none"
	serve count
	mount_server rw
	mkdir "$T/dry"
	call run --dry-run "$T/dry" --bundle "$BUNDLE" "$ID"
	expect_status 1
	expect_out ""
	expect_err "option --dry-run: the socket '$T/server.sock' is relayed by vmrt's monitor"
	config '.vm = {image: {path: "/image", format: "raw"}}'
	call run --dry-run "$T/dry" --bundle "$BUNDLE" "$ID"
	expect_status 1
	expect_err "option --dry-run: vm.image: the disk is opened for QEMU by vmrt"
	expect_equal "$(ls -A "$T/dry")" ""
}
