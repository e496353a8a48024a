# Images that mean harm: links, hard links, device nodes and changes while the container is made. Whatever they do, nothing
# outside of the root file system is read, made, changed or removed.

load ../lib/load

setup() {
	test_setup
	mkdir "$T/outside" "$T/source"
	echo secret >"$T/outside/secret"
	echo source >"$T/source/file"
	find "$T/outside" -printf '%p %i %s %m %T@\n' | sort >"$T/outside.before"
}
teardown() { test_teardown; }

expect_outside_untouched() {
	find "$T/outside" -printf '%p %i %s %m %T@\n' | sort >"$T/outside.after"
	expect_equal "$(cat "$T/outside.after")" "$(cat "$T/outside.before")" "the folder outside as it was"
}

# The container ran, or was refused with a line.
expect_orderly_end() {
	case $status in
	0) expect_out ran ;;
	1) expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr" ;;
	*) expect_failed "status 0 or 1, got $status" ;;
	esac
}

# A mount each at $1, which the image makes a trap of.
trap_mounts() {
	config '.mounts += [{destination: $d, source: $s, type: "bind", options: ["bind", "rw"]},
		{destination: ($d + "/sub/dir"), source: $s, type: "bind", options: ["bind"]},
		{destination: ($d + "/new-file"), source: ($s + "/file"), type: "bind", options: ["bind"]},
		{destination: ($d + "/tmpfs"), source: "tmpfs", type: "tmpfs"}]' --arg d "$1" --arg s "$T/source"
}

@test "links and .. in mount destinations end inside of the root" {
	ln -s "$T/outside" "$ROOTFS/absolute"
	ln -s ../../../../../../../../../../../../../../"$T/outside" "$ROOTFS/relative"
	mkdir "$ROOTFS/chain"
	ln -s ../absolute "$ROOTFS/chain/link"
	trap_mounts /absolute
	config '.mounts += [
		{destination: ("/mnt/../../../../../.." + $o), source: $s, type: "bind", options: ["bind"]},
		{destination: "/relative/x", source: $s, type: "bind", options: ["bind"]},
		{destination: "/chain/link/y", source: "tmpfs", type: "tmpfs"}] |
		.linux.maskedPaths += ["/relative/secret"] | .linux.readonlyPaths += ["/chain/link"]' \
		--arg o "$T/outside" --arg s "$T/source"
	run_container /bin/sh -c "cat '$T/outside/file'; ls -d '$T/outside/x' '$T/outside/y'; cat /absolute/secret 2>/dev/null; true"
	expect_status 0
	expect_out_line source
	expect_no_out_line secret
	expect_outside_untouched
}

@test "a /dev that is a link, and other folders of the runtime's, end inside of the root" {
	rm -r "$ROOTFS/dev" "$ROOTFS/sys"
	ln -s "$T/outside" "$ROOTFS/dev"
	ln -s "$T/outside" "$ROOTFS/sys"
	mv "$ROOTFS/etc" "$ROOTFS/etc.real"
	ln -s "$T/outside" "$ROOTFS/etc"
	config '.mounts += [{destination: "/etc/hosts", source: ($s + "/file"), type: "bind", options: ["bind"]}]' --arg s "$T/source"
	# As it likes: it may refuse, as runc does for some, or work inside.
	run_container /bin/echo ran
	expect_orderly_end
	expect_outside_untouched
}

@test "a /proc that is a link is refused, and nothing is touched" {
	rm -r "$ROOTFS/proc"
	ln -s "$T/outside" "$ROOTFS/proc"
	args /bin/true
	create
	expect_status 1
	expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr"
	expect_err_has proc
	expect_outside_untouched
}

@test "mounting over a hard link leaves what it is a link of alone" {
	ln "$T/outside/secret" "$ROOTFS/linked"
	find "$T/outside" -printf '%p %i %s %m %T@\n' | sort >"$T/outside.before"
	config '.mounts += [{destination: "/linked", source: ($s + "/file"), type: "bind", options: ["bind"]}] |
		.linux.maskedPaths += ["/linked"]' --arg s "$T/source"
	run_container /bin/echo ran
	expect_status 0
	expect_out ran
	expect_equal "$(cat "$T/outside/secret")" secret "the other link"
	expect_outside_untouched
}

@test "device nodes in an image are not the host's devices" {
	vm_only "they are, where the kernel is the host's"
	local disk
	disk=$(lsblk -dnro MAJ:MIN 2>/dev/null | head -n 1)
	[ -n "$disk" ] || disk=7:0
	mknod "$ROOTFS/disk" b "${disk%:*}" "${disk#*:}"
	mknod "$ROOTFS/memory" c 1 1
	mknod "$ROOTFS/fuse" c 10 229
	mknod "$ROOTFS/zero" c 1 5
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	run_container /bin/sh -c 'for f in /disk /memory /fuse; do head -c 1 $f >/tmp/x 2>/dev/null; test -s /tmp/x && echo "read $f"; done
		head -c 3 /zero | wc -c'
	expect_status 0
	# Memory and FUSE, if the guest has them, are its own; the disk is nobody's.
	expect_out_line 3
	expect_no_out_line 'read /disk'
}

@test "a root that changes while the container is made leads nowhere" {
	local flipper round
	mkdir "$ROOTFS/flip"
	trap_mounts /flip
	args /bin/echo ran
	# In turns a folder and a link to the folder outside, as fast as it goes.
	(
		while :; do
			mv "$ROOTFS/flip" "$ROOTFS/flip.dir" && ln -s "$T/outside" "$ROOTFS/flip"
			rm -f "$ROOTFS/flip" && mv "$ROOTFS/flip.dir" "$ROOTFS/flip"
		done
	) >/dev/null 2>&1 3>&- &
	flipper=$!
	for ((round = 0; round < 4; round++)); do
		call run --bundle "$BUNDLE" "$ID"
		expect_orderly_end
	done
	kill "$flipper"
	wait "$flipper" 2>/dev/null || true
	expect_outside_untouched
	expect_equal "$(cat "$T/source/file")" source "the source of the mounts"
}

@test "a notification socket that is a link leads to no socket of the host's" {
	local name
	python3 "$TOP/tests/lib/listener.py" "$T/outside/host.sock" "$T/heard" </dev/null >"$T/listener.log" 2>&1 3>&- &
	wait_for "the host's socket" test -S "$T/outside/host.sock"
	ln -s "$T/outside" "$ROOTFS/folder"
	ln -s ../outside/host.sock "$T/source/link.sock"
	bind "$T/source" /bound rw
	for name in /folder/host.sock /bound/link.sock /bound/../outside/host.sock; do
		config '.process.env = [.process.env[] | select(startswith("NOTIFY_SOCKET=") | not)] + ["NOTIFY_SOCKET=" + $n]' \
			--arg n "$name"
		run_container /bin/sh -c '/payload notify READY=1 2>/dev/null; echo ran'
		expect_status 0
		expect_out ran
	done
	# It does listen.
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"control", sys.argv[1])' "$T/outside/host.sock"
	wait_for "the host's socket to work" file_has "$T/heard" control
	expect_equal "$(grep -c . "$T/heard")" 1 "lines that came: $(cat "$T/heard")"
}
