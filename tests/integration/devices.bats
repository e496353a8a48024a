# Devices: the nodes of config.json, what works behind them, and the rules of the device cgroup.

load ../lib/load

setup() { test_setup; }
teardown() {
	test_teardown
	for disk in "${DISKS[@]}"; do losetup -d "$disk"; done
}

DISKS=()

# A block device of the host that holds $1 at its beginning: sets DISK and its MAJOR and MINOR.
disk() {
	truncate -s 8M "$T/disk${#DISKS[@]}"
	printf %s "$1" | dd of="$T/disk${#DISKS[@]}" conv=notrunc status=none
	DISK=$(losetup -f --show "$T/disk${#DISKS[@]}")
	DISKS+=("$DISK")
	MAJOR=$((0x$(stat -c %t "$DISK"))) MINOR=$((0x$(stat -c %T "$DISK")))
}

# device TYPE MAJOR MINOR PATH [MEMBERS]
device() {
	# shellcheck disable=SC2016 # jq's variables
	config '.linux.devices += [{type: $t, major: $a, minor: $i, path: $p} + ($m | fromjson)]' \
		--arg t "$1" --argjson a "$2" --argjson i "$3" --arg p "$4" --arg m "${5-"{}"}"
}

# rule true|false TYPE MAJOR MINOR ACCESS, with - for "not given"
rule() {
	config '.linux.resources.devices += [{allow: '"$1"', access: $x} + (if $t == "-" then {} else {type: $t} end)
		+ (if $a == "-" then {} else {major: ($a | tonumber)} end) + (if $i == "-" then {} else {minor: ($i | tonumber)} end)]' \
		--arg t "$2" --arg a "$3" --arg i "$4" --arg x "$5"
}

@test "device nodes are made with mode and owner" {
	device c 1 3 /dev/mine '{"fileMode": 420, "uid": 5, "gid": 6}'
	device c 1 5 /dev/deep/er/zero '{"fileMode": 384}'
	device c 1 7 /outside
	device u 1 9 /dev/raw
	device p 0 0 /dev/fifo '{"fileMode": 432}'
	device b 7 3 /dev/loop3
	run_container /payload stat /dev/mine /dev/deep/er/zero /outside /dev/raw /dev/fifo /dev/loop3
	expect_status 0
	expect_out "/dev/mine char 0644 uid=5 gid=6 dev=1:3
/dev/deep/er/zero char 0600 uid=0 gid=0 dev=1:5
/outside char 0666 uid=0 gid=0 dev=1:7
/dev/raw char 0666 uid=0 gid=0 dev=1:9
/dev/fifo pipe 0660 uid=0 gid=0
/dev/loop3 block 0666 uid=0 gid=0 dev=7:3"
}

@test "a node of the configuration stands for the default one" {
	device c 1 7 /dev/full '{"fileMode": 384, "uid": 7}'
	run_container /payload stat /dev/full /dev/zero
	expect_out "/dev/full char 0600 uid=7 gid=0 dev=1:7
/dev/zero char 0666 uid=0 gid=0 dev=1:5"
}

@test "a device whose place is taken by something else is refused, by itself it is not" {
	vm_only "runc leaves what is there"
	device c 1 3 /etc/notes
	create
	expect_refusal "error creating device nodes: mknod /etc/notes: file exists"
	expect_equal "$(cat "$ROOTFS/etc/notes")" "plain text"
	config '.linux.devices = []'
	device c 1 3 /again
	run_container /payload stat /again
	run_container /payload stat /again
	expect_out "/again char 0666 uid=0 gid=0 dev=1:3"
}

@test "fuse, tun and kmsg of the guest's kernel open" {
	device c 10 229 /dev/fuse
	device c 10 200 /dev/net/tun
	device c 1 11 /dev/kmsg
	rule true c 10 229 rwm
	rule true c 10 200 rwm
	rule true c 1 11 rwm
	config '.process.capabilities |= map_values(. + ["CAP_SYSLOG", "CAP_NET_ADMIN"])'
	run_container /bin/sh -c 'exec 3<>/dev/fuse && echo fuse; exec 4<>/dev/net/tun && echo tun; exec 5</dev/kmsg && echo kmsg'
	expect_status 0
	expect_out "fuse
tun
kmsg"
}

@test "a device of the host is refused by name" {
	vm_only "runc makes a node of it"
	device c 226 0 /dev/dri/card0
	create
	expect_refusal "config.json: linux.devices[0] (/dev/dri/card0, c 226:0): a device of the host, which a VM does not have"
	config '.linux.devices = []'
	device b 4000 5 /dev/xvdz
	create
	expect_refusal "config.json: linux.devices (/dev/xvdz, b 4000:5): the host has no such device"
	config '.linux.devices = [range(5) | {type: "b", major: 4000, minor: ., path: "/dev/xvd\(.)"}]'
	create
	expect_refusal "config.json: linux.devices[4] (/dev/xvd4, b 4000:4): a VM has room for four disks of the host"
}

@test "a block device of the host is a disk of the guest, under its rules" {
	local numbers
	disk writable
	device b "$MAJOR" "$MINOR" /dev/data '{"fileMode": 416, "uid": 5, "gid": 6}'
	device b "$MAJOR" "$MINOR" /dev/data-too
	rule true b "$MAJOR" "$MINOR" rwm
	disk readable
	device b "$MAJOR" "$MINOR" /dev/read-only
	rule true b "$MAJOR" "$MINOR" r
	disk forbidden
	device b "$MAJOR" "$MINOR" /dev/forbidden
	args /bin/sh -c 'for d in data data-too read-only forbidden; do
			echo "$d: $(head -c 9 /dev/$d 2>&1 | tr -d "\0") $(blockdev --getsize64 /dev/$d 2>&1)"
			printf "$d!" | dd of=/dev/$d conv=notrunc,fsync 2>/dev/null && echo "$d written"
		done; [ $(stat -c %t:%T /dev/data) = $(stat -c %t:%T /dev/data-too) ] && echo same
		stat -c "%a %u %g" /dev/data; ls /sys/block'
	run_container
	expect_status 0
	expect_out_has "data: writable 8388608
data written
data-too: data!ble 8388608
data-too written"
	expect_out_has "read-only: readable 8388608
forbidden: head: /dev/forbidden: Operation not permitted"
	expect_no_out_line "read-only written"
	expect_no_out_line "forbidden written"
	expect_out_has "same
640 5 6"
	expect_equal "$(head -c 10 "$T/disk0" | tr -d '\0')" data-too!
	expect_equal "$(head -c 9 "$T/disk1" | tr -d '\0')" readable
}

@test "a disk that the host has read-only is so in the guest, one of the guest's own is none" {
	disk content
	losetup -d "$DISK"
	losetup -r "$DISK" "$T/disk0"
	device b "$MAJOR" "$MINOR" /dev/data
	rule true b "$MAJOR" "$MINOR" rwm
	run_container /bin/sh -c 'head -c 7 /dev/data; printf x | dd of=/dev/data conv=notrunc,fsync 2>/dev/null || echo " read only"'
	expect_status 0
	expect_out "content read only"
	# Its file is gone: such a loop device is the guest's.
	losetup -d "$DISK"
	DISKS=()
	run_container /payload stat /dev/data
	expect_out "/dev/data block 0666 uid=0 gid=0 dev=$MAJOR:$MINOR"
}

@test "a container that may use everything starts without the host's devices" {
	vm_only "runc makes nodes of them"
	rule true - - - rwm
	device c 10 229 /dev/fuse
	device b 8 0 /dev/sda
	device b 7 1 /dev/loop1
	device c 226 0 /dev/dri/card0
	create_ok
	start_ok
	wait_exit
	expect_status 0
	expect_equal "$(grep -c '2 devices of the host are not in the VM (/dev/sda and others)' "$ROOT/$ID/log")" 1
	rt delete "$ID"
	ID=$ID-again
	run_container /payload stat /dev/fuse /dev/sda
	expect_out "/dev/fuse char 0666 uid=0 gid=0 dev=10:229
/dev/sda No such file or directory"
}

# try NODE…: what opening for reading and writing gives. Needs CAP_MKNOD, which docker gives by default.
TRY='for n in "$@"; do set -- $n; mknod /dev/t$2$3 $1 $2 $3 2>/dev/null && echo "made $n"; r=no; w=no
	(: </dev/t$2$3) 2>/dev/null && r=yes; (: >/dev/t$2$3) 2>/dev/null && w=yes; echo "$n r=$r w=$w"; done'

@test "without rules a container has the default devices only" {
	run_container /bin/sh -c "$TRY" sh "c 1 5" "c 1 11" "c 5 0"
	expect_status 0
	# A node may always be made; opening is what the rules are about. There is no terminal behind 5:0.
	expect_out "made c 1 5
c 1 5 r=yes w=yes
made c 1 11
c 1 11 r=no w=no
made c 5 0
c 5 0 r=no w=no"
}

@test "device rules hold, later ones override earlier ones" {
	config '.process.capabilities |= map_values(. + ["CAP_SYSLOG"])'
	rule false - - - rwm
	rule true c 1 11 rw
	rule false c 1 11 w
	run_container /bin/sh -c "$TRY" sh "c 1 11"
	expect_out "made c 1 11
c 1 11 r=yes w=no"
	rule true c 1 - w
	run_container /bin/sh -c "$TRY" sh "c 1 11"
	expect_out "made c 1 11
c 1 11 r=yes w=yes"
	rule false - - - rwm
	run_container /bin/sh -c "$TRY" sh "c 1 11" "c 1 3"
	expect_out "made c 1 11
c 1 11 r=no w=no
made c 1 3
c 1 3 r=yes w=yes"
}

@test "the ports to the host are out of reach even with CAP_MKNOD" {
	vm_only "there are none"
	run_container /bin/sh -c 'for p in /sys/class/virtio-ports/*/dev; do IFS=: read a i <$p; mknod /dev/port c $a $i; cat /dev/port; rm /dev/port; echo "port $?"; done'
	expect_out_has "port 0"
	expect_equal "$(grep -c 'not permitted' "$ERR")" "$(grep -c port "$OUT")"
}
