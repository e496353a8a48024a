# The mount table of the container: default file systems, bind mounts, read-only root, destinations.

load ../lib/load

setup() {
	test_setup
	mkdir "$T/host"
	echo "from the host" >"$T/host/file"
}
teardown() { test_teardown; }

# expect_mount DESTINATION TYPE OPTION…: in what "payload mounts" printed.
expect_mount() {
	local line option destination=$1 type=$2
	line=$(grep -F -- "$destination $type " "$OUT" | grep "^$destination " | tail -n 1)
	[ -n "$line" ] || expect_failed "a mount of $type on $destination"
	shift 2
	for option in "$@"; do
		[[ " ${line//,/ } " == *" $option "* ]] || expect_failed "$option on $destination: $line"
	done
}

@test "the default mounts have their types and options" {
	config '.mounts = [
		{destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]},
		{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]},
		{destination: "/dev/pts", type: "devpts", source: "devpts",
			options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
		{destination: "/dev/shm", type: "tmpfs", source: "shm",
			options: ["nosuid", "noexec", "nodev", "mode=1777", "size=4096k"]},
		{destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]},
		{destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]}]'
	run_container /payload mounts
	expect_status 0
	expect_mount /proc proc nosuid noexec nodev
	expect_mount /dev tmpfs nosuid mode=755 size=65536k
	expect_mount /dev/pts devpts nosuid noexec gid=5 mode=620 ptmxmode=666
	expect_mount /dev/shm tmpfs nosuid noexec nodev size=4096k
	expect_mount /dev/mqueue mqueue nosuid noexec nodev
	expect_mount /sys sysfs ro nosuid noexec nodev
}

@test "the default device nodes and links are there" {
	run_container /payload stat /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fd /dev/stdin \
		/dev/stdout /dev/stderr /dev/ptmx
	expect_status 0
	local node
	for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		expect_out_line "/dev/${node%%:*} char 0666 uid=0 gid=0 dev=${node#*:}"
	done
	for node in fd stdin stdout stderr ptmx; do
		expect_out_has "/dev/$node symlink"
	done
}

@test "the device nodes work for every user" {
	config '.process.user = {uid: 1000, gid: 1000}'
	run_container /bin/sh -c 'echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 8 /dev/urandom | wc -c &&
		! echo x >/dev/full'
	expect_status 0
	expect_out " 00 00 00 00"$'\n'8
}

@test "the cgroup file system of a container is its own" {
	vm_only "needs a cgroup v2 host with runc"
	config '.mounts |= map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
		options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
	run_container /bin/sh -c '/payload mounts; cat /proc/self/cgroup'
	expect_status 0
	expect_mount /sys/fs/cgroup cgroup2 ro nosuid noexec nodev
	expect_out_has "0::/"
}

@test "a directory is bound read-write" {
	bind "$T/host" /mnt rw
	run_container /bin/sh -c 'cat /mnt/file; echo "from the guest" >/mnt/new; mkdir /mnt/dir'
	expect_status 0
	expect_out "from the host"
	expect_equal "$(cat "$T/host/new")" "from the guest"
	[ -d "$T/host/dir" ]
	expect_equal "$(stat -c %U:%a "$T/host/new")" root:644
}

@test "a directory is bound read-only" {
	bind "$T/host" /mnt ro
	run_container /bin/sh -c 'cat /mnt/file; echo x >/mnt/new; echo x >/mnt/file; rm /mnt/file; touch /mnt/file; true'
	expect_status 0
	expect_out "from the host"
	expect_equal "$(grep -ci 'read-only file system' "$ERR")" 4
	expect_equal "$(ls "$T/host")" file
	run_container /payload mounts
	expect_match "$(grep '^/mnt ' "$OUT")" '^/mnt [a-z.0-9]+ ([a-z,]+,)?ro[, ]'
}

@test "a read-only bind mount is not only the guest's promise" {
	vm_only "there is no other kernel to trust"
	bind "$T/host" /mnt ro
	# The guest's root, with every capability, takes its own restriction away; the host's must stand.
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	run_container /bin/sh -c 'mount -o remount,rw,bind /mnt; echo x >/mnt/new; cat /mnt/file'
	expect_out "from the host"
	expect_equal "$(ls "$T/host")" file
}

@test "a single file is bound read-write" {
	echo hosts >"$T/hosts"
	bind "$T/hosts" /etc/hosts
	run_container /bin/sh -c 'cat /etc/hosts; echo more >>/etc/hosts'
	expect_status 0
	expect_out hosts
	expect_equal "$(cat "$T/hosts")" hosts$'\n'more
}

@test "a single file is bound read-only" {
	echo hosts >"$T/hosts"
	bind "$T/hosts" /etc/hosts ro
	run_container /bin/sh -c 'cat /etc/hosts; echo more >>/etc/hosts; true'
	expect_out hosts
	expect_err_has "ead-only file system"
	expect_equal "$(cat "$T/hosts")" hosts
}

@test "a file over an existing file hides it and leaves it alone" {
	echo other >"$T/notes"
	bind "$T/notes" /etc/notes
	run_container /payload show /etc/notes
	expect_out other
	expect_equal "$(cat "$ROOTFS/etc/notes")" "plain text"
}

@test "a missing destination is made in the root" {
	bind "$T/host" /made/on/the/way
	bind "$T/host/file" /made/as/file
	run_container /payload stat /made/on/the/way /made/as/file
	expect_status 0
	expect_out_has "/made/on/the/way directory"
	expect_out_has "/made/as/file file"
	[ -d "$ROOTFS/made/on/the/way" ]
	[ -f "$ROOTFS/made/as/file" ]
}

@test "mounts are stacked in the order of the configuration" {
	mkdir "$T/inner"
	echo inner >"$T/inner/file"
	bind "$T/host" /mnt
	mkdir "$T/host/sub"
	bind "$T/inner" /mnt/sub ro
	run_container /bin/sh -c 'cat /mnt/file /mnt/sub/file; echo x >/mnt/top; echo x >/mnt/sub/no; true'
	expect_status 0
	expect_out "from the host"$'\n'inner
	[ -e "$T/host/top" ]
	[ ! -e "$T/inner/no" ]
}

@test "many bind mounts at once" {
	local i
	for i in $(seq 40); do
		echo "number $i" >"$T/f$i"
		bind "$T/f$i" "/data/$i" ro
	done
	run_container /bin/sh -c 'cat /data/* | sort -k2n'
	expect_status 0
	expect_out "$(for i in $(seq 40); do echo "number $i"; done)"
}

@test "a mount on the host below a bound directory comes along with rbind and not with bind" {
	mkdir "$T/host/sub"
	mount -t tmpfs vmrt-test "$T/host/sub"
	echo below >"$T/host/sub/file"
	config '.mounts += [
		{destination: "/data", type: "bind", source: $s, options: ["rbind", "rprivate"]},
		{destination: "/mnt", type: "bind", source: $s, options: ["bind"]}]' --arg s "$T/host"
	run_container /bin/sh -c 'cat /data/sub/file; ls /mnt/sub'
	umount "$T/host/sub"
	expect_status 0
	expect_out below
}

@test "a missing bind source is refused, naming it" {
	bind "$T/no-such-source" /mnt
	create
	expect_refusal "$T/no-such-source"
}

@test "a symbolic link as destination stays inside the root" {
	rm -rf "$T/escape"
	mkdir "$T/escape"
	ln -s "$T/escape" "$ROOTFS/absolute"
	ln -s ../../../../../../../../.."$T/escape" "$ROOTFS/relative"
	ln -s /data "$ROOTFS/inside"
	bind "$T/host" /absolute/a
	bind "$T/host" /relative/b
	bind "$T/host" /inside/c
	run_container /bin/sh -c 'cat /inside/c/file /data/c/file'
	expect_status 0
	expect_out "from the host"$'\n'"from the host"
	expect_equal "$(ls -A "$T/escape")" ""
}

@test "dots in a destination stay inside the root" {
	bind "$T/host" /../../../../mnt/../mnt
	run_container /payload show /mnt/file
	expect_status 0
	expect_out "from the host"
}

@test "the container cannot see its rootfs's host path through the share" {
	echo secret >"$BUNDLE/secret"
	run_container /bin/sh -c 'ls /..; cat /../secret ../../../secret 2>/dev/null; ln -s /../../secret /data/l; cat /data/l; true'
	rm "$BUNDLE/secret"
	! grep -q secret "$OUT" || expect_failed "nothing of the bundle's directory"
	expect_out_has payload
}

@test "tmpfs takes size and mode" {
	config '.mounts += [{destination: "/scratch", type: "tmpfs", source: "tmpfs",
		options: ["nosuid", "nodev", "mode=1750", "size=1m"]}]'
	run_container /bin/sh -c '/payload stat /scratch; /payload mounts; head -c 2000000 /dev/zero >/scratch/big; wc -c </scratch/big'
	expect_out_line "/scratch directory 1750 uid=0 gid=0"
	expect_mount /scratch tmpfs nosuid nodev size=1024k
	expect_out_line 1048576
	expect_equal "$(ls "$ROOTFS/scratch")" ""
}

@test "a read-only root refuses writes, mounts in it do not" {
	config '.root.readonly = true'
	bind "$T/host" /mnt
	run_container /bin/sh -c 'echo x >/new; echo x >/mnt/new; echo x >/dev/shm/new && echo fine'
	expect_status 0
	expect_out fine
	expect_err_has "ead-only file system"
	[ ! -e "$ROOTFS/new" ]
	[ -e "$T/host/new" ]
}

@test "a writable root is written through to the host" {
	run_container /bin/sh -c 'echo x >/new && mkdir /dir && rm /etc/notes && mv /home /house'
	expect_status 0
	[ -e "$ROOTFS/new" ] && [ -d "$ROOTFS/dir" ] && [ ! -e "$ROOTFS/etc/notes" ] && [ -d "$ROOTFS/house" ]
}

@test "a bind of the host's cgroups where the container's are is the guest's own" {
	vm_only "a process has the host's"
	local place
	for place in systemd memory ''; do
		config '.mounts |= map(select(.destination | startswith("/sys/fs/cgroup") | not)) |
			if $p == "" then . else .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]}] end |
			.mounts += [{destination: ("/sys/fs/cgroup" + (if $p == "" then "" else "/" + $p end)), type: "bind",
				source: "/sys/fs/cgroup", options: ["bind", "ro", "nosuid"]}]' --arg p "$place"
		run_container sh -c 'mkdir /sys/fs/cgroup/mine && cat /proc/self/cgroup /sys/fs/cgroup/mine/cgroup.type; stat -f -c %T /sys/fs/cgroup'
		expect_status 0
		expect_match "$(tr '\n' ' ' <"$OUT")" '^0::/ domain (cgroup2fs|UNKNOWN.*) $'
	done
}

@test "masked paths are empty, read-only paths refuse writes" {
	mkdir "$ROOTFS/data/dir"
	echo secret >"$ROOTFS/data/dir/file"
	echo secret >"$ROOTFS/data/file"
	config '.linux.maskedPaths = ["/data/dir", "/data/file", "/no/such"] | .linux.readonlyPaths = ["/proc/sys", "/home", "/no/such"]'
	run_container /bin/sh -c 'ls /data/dir; cat /data/file; echo x >/home/x; echo x >/proc/sys/kernel/hostname; echo end'
	expect_status 0
	expect_out end
	expect_equal "$(grep -c 'ead-only file system' "$ERR")" 2
}

@test "no mount of the container shows on the host" {
	bind "$T/host" /mnt
	args /payload ready
	launch ready
	! grep -F " $T/" /proc/self/mountinfo || expect_failed "no mount below the test's directory"
}

@test "an unknown file system type is refused by name" {
	config '.mounts += [{destination: "/mnt", type: "nosuchfs", source: "x"}]'
	create
	expect_status 1
	grep -q 'nosuchfs' "$LOG" || grep -q 'no such device' "$LOG" || expect_failed "a reason"
}
