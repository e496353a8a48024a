# User namespaces: the ids inside, the ids of the files outside, and what root inside may do.

load ../lib/load

setup() {
	test_setup
	# What an engine does to an image it runs with a mapping.
	local dir
	for dir in "$BUNDLE" "$T" "$BATS_RUN_TMPDIR/test" "$BATS_RUN_TMPDIR"; do
		chmod o+x "$dir"
	done
	cp -a --reflink=auto "$ROOTFS" "$BUNDLE/mapped"
	chown -R -h 100000:100000 "$BUNDLE/mapped"
	rm -rf "$ROOTFS"
	mv "$BUNDLE/mapped" "$ROOTFS"
	config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}
teardown() { test_teardown; }

@test "root inside is another user outside" {
	run_container /bin/sh -c 'payload ids; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "; echo x >/data/file; payload stat /data/file /bin'
	expect_status 0
	expect_out "uid=0,0,0 gid=0,0,0 groups= umask=0022
 0 100000 65536
 0 100000 65536
/data/file file 0644 uid=0 gid=0 size=2 nlink=1
/bin directory 0755 uid=0 gid=0"
	expect_equal "$(stat -c %u:%g "$ROOTFS/data/file")" 100000:100000
}

@test "a user and groups inside are mapped" {
	config '.process.user = {uid: 1000, gid: 1001, additionalGids: [2000]}'
	chmod 1777 "$ROOTFS/data"
	run_container /bin/sh -c 'payload ids; echo x >/data/file; echo out >/dev/stdout; payload env | grep HOME'
	expect_status 0
	expect_out "uid=1000,1000,1000 gid=1001,1001,1001 groups=2000 umask=0022
out
HOME=/home"
	expect_equal "$(stat -c %u:%g "$ROOTFS/data/file")" 101000:101001
}

@test "several ranges are mapped" {
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 500}, {containerID: 500, hostID: 7, size: 1}] | .process.user.uid = 500'
	chmod 1777 "$ROOTFS/data"
	run_container /bin/sh -c 'id -u; echo x >/data/file'
	expect_out 500
	expect_equal "$(stat -c %u "$ROOTFS/data/file")" 7
}

@test "mounts and devices belong to root inside" {
	vm_only "runc binds the host's devices, which are nobody's inside"
	run_container /payload stat /dev /dev/shm /dev/pts /dev/null /dev/mqueue /etc
	expect_status 0
	[ "$(grep -c 'uid=0 gid=0' "$OUT")" = 6 ] || expect_failed "everything to belong to root"
	run_container /bin/sh -c 'touch /dev/shm/x /dev/y && echo made; payload mounts | grep -c "^/dev/pts .*gid=100005"'
	expect_out_has made
}

@test "the capabilities are those of the namespace" {
	vm_only "some hosts withhold mounting from user namespaces"
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_TIME"])'
	run_container /bin/sh -c 'hostname inside && hostname; mount -t tmpfs t /mnt && echo mounted; date -s 2000-01-01 >/dev/null 2>&1; [ "$(date +%Y)" = 2000 ] || echo no clock
		chown 5 /data && echo chowned; mknod /data/m c 1 11 2>/dev/null || echo no node; umount /proc/keys 2>/dev/null || echo still masked'
	expect_status 0
	expect_out "inside
mounted
no clock
chowned
no node
still masked"
}

@test "an exec session is in the user namespace" {
	vm_only "the same in runc, tested there"
	args /payload sleep 1000
	launch
	call exec "$ID" /bin/sh -c 'payload ids; echo x >/data/file; tr -s " " </proc/self/uid_map'
	expect_status 0
	expect_out "uid=0,0,0 gid=0,0,0 groups= umask=0022
 0 100000 65536"
	expect_equal "$(stat -c %u:%g "$ROOTFS/data/file")" 100000:100000
	call exec --user 1000:1000 "$ID" /bin/sh -c 'id -u; echo out >/dev/stdout'
	expect_out "1000
out"
}

@test "a user namespace without mappings is refused by name" {
	config 'del(.linux.uidMappings)'
	create
	expect_status 1
	expect_err_has "appings"
}
