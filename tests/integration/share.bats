# The shared file system behaves like the host's: semantics, and what one side writes the other side reads.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "the root behaves like a local file system" {
	run_container /payload files /data
	expect_status 0
	expect_equal "$(grep -c ' ok$' "$OUT")" 13
	expect_equal "$(grep -vc ' ok$' "$OUT")" 0
	expect_equal "$(ls -A "$ROOTFS/data")" ""
}

@test "a bound directory behaves like a local file system" {
	mkdir "$T/host"
	bind "$T/host" /mnt
	run_container /payload files /mnt
	expect_status 0
	expect_equal "$(grep -vc ' ok$' "$OUT")" 0
	expect_equal "$(grep -c ' ok$' "$OUT")" 13
}

@test "a user who is not root works on files of his own" {
	install -d -o 1000 -g 1000 "$T/host"
	bind "$T/host" /mnt
	config '.process.user = {uid: 1000, gid: 1000} | del(.process.capabilities)'
	run_container /bin/sh -c 'for check in mmap flock posix-lock unlinked tmpfile xattr sparse hardlink rename large; do
		/payload files /mnt $check || exit 1; done; echo >/mnt/mine'
	expect_status 0
	expect_equal "$(grep -c ' ok$' "$OUT")" 10
	expect_equal "$(stat -c %u:%g "$T/host/mine")" 1000:1000
}

# virtiofsd has a file open for each inode that the guest's kernel knows.
@test "a tree of more files than virtiofsd may have open" {
	vm_only "there is no server"
	local dir
	for dir in {1..20}; do
		mkdir -p "$T/host/$dir"
		(cd "$T/host/$dir" && : | tee {1..200} >/dev/null)
	done
	bind "$T/host" /mnt
	args /payload ready
	ulimit -n 1500
	launch ready
	call exec "$ID" /payload count-files /mnt
	expect_status 0
	expect_out "4000 files"
	# What was forgotten is found again, and what is made is counted too.
	call exec "$ID" sh -c 'cd /mnt && for i in 1 2; do mkdir new; (cd new && true | tee $(seq 700) >/dev/null); rm -r new; done; ls 1 | wc -l'
	expect_status 0
	expect_out 200
}

# Of the host's /proc and cgroups: their sizes are 0. What is empty is empty.
@test "files that say that they are empty are read" {
	mkdir "$T/host"
	: >"$T/host/empty"
	bind /proc/sys /host/sys ro
	bind "$T/host" /mnt
	run_container sh -c 'cat /host/sys/kernel/ostype; wc -c </mnt/empty; cp /mnt/empty /mnt/copy; wc -c </mnt/copy
		exec 3</mnt/empty; cat <&3 | wc -c; echo later >>/mnt/empty; cat <&3'
	expect_status 0
	expect_out "Linux
0
0
0
later"
}

# Version 2: user::rw-, user:1000:r--, group::---, mask::r--, other::---
ACL=0200000001000600ffffffff02000400e803000004000000ffffffff10000400ffffffff20000000ffffffff

@test "POSIX ACLs hold, those of the host's files and those that the container sets" {
	install -d -m 755 "$T/host" "$T/host/dir"
	for file in denied allowed; do
		echo $file >"$T/host/$file"
		chmod 600 "$T/host/$file"
	done
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))' \
		"$T/host/allowed" "$ACL"
	bind "$T/host" /mnt
	bind /sys/kernel /kernel ro
	args /payload ready
	launch ready
	call exec -u 1000:1000 "$ID" cat /mnt/allowed
	expect_out allowed
	call exec -u 1000:1000 "$ID" cat /mnt/denied
	expect_status 1
	call exec -u 1001:1001 "$ID" cat /mnt/allowed
	expect_status 1
	# Not all file systems of the host have ACLs: those stay readable.
	call exec -u 1000:1000 "$ID" cat /kernel/fscaps
	expect_out 1
	call exec "$ID" /payload xattr-set /mnt/denied system.posix_acl_access "$ACL"
	expect_status 0
	expect_equal "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "system.posix_acl_access").hex())' \
		"$T/host/denied")" "$ACL"
	call exec -u 1000:1000 "$ID" cat /mnt/denied
	expect_out denied
	# What is made in a directory with a default ACL has it, whatever the umask.
	call exec "$ID" sh -c "payload xattr-set /mnt/dir system.posix_acl_default $ACL; umask 077; echo new >/mnt/dir/new
		payload xattr-get /mnt/dir/new system.posix_acl_access"
	expect_out "$ACL"
}

@test "programs that follow each other in the same page of memory are not mixed up" {
	run_container /payload stale /stale-a /stale-b 200
	expect_status 0
	expect_out "wrong=0 of 400"
}

@test "hundreds of short programs run without a fault" {
	run_container /bin/sh -c 'i=0; while [ $i -lt 150 ]; do
		[ "$(echo $i | cat | tr 0-9 a-j | wc -c)" -ge 2 ] || echo wrong $i; /bin/true || echo false $i; i=$((i+1)); done; echo end'
	expect_status 0
	expect_out end
	expect_err ""
}

# Its disk is the host's affair: writing it takes as long as others keep it busy.
@test "what a shared mapping held at the end is on the host, which need not write its disk" {
	args /payload leave-mapped /data/mapped 16777216
	create_ok
	server=$(pgrep -P "$(pgrep -P "$PID" virtiofsd)" virtiofsd)
	strace -f -e trace=syncfs,fsync,fdatasync -o "$T/calls" -p "$server" 2>"$T/strace" &
	wait_for "strace" file_has "$T/strace" attached
	start_ok
	wait_exit
	expect_status 0
	expect_equal "$(tr -d x <"$ROOTFS/data/mapped" | wc -c) $(stat -c %s "$ROOTFS/data/mapped")" "0 16777216"
	! grep sync "$T/calls"
}

# A shell in the container that runs the lines of descriptor 8 and says "done" after each.
launch_shell() {
	args /bin/sh -c 'echo ready; while read -r command; do eval "$command" 2>&1; echo done; done'
	mkfifo "$T/stdin"
	exec 8<>"$T/stdin"
	STDIN=$T/stdin create_ok
	start_ok
	wait_for ready file_has "$T/out" ready
	ASKED=0
}

# ask COMMAND: the command's output in the container.
ask() {
	local before
	before=$(wc -l <"$T/out")
	ASKED=$((ASKED + 1))
	echo "$1" >&8
	wait_for "an answer to '$1'" has_answers "$ASKED"
	tail -n "+$((before + 1))" "$T/out" | grep -vx done
}

has_answers() {
	[ "$(grep -cx done "$T/out")" -ge "$1" ]
}

# expect_seen COMMAND TEXT: at the latest after two seconds, the age at which file servers let names and sizes grow stale.
expect_seen() {
	local answer deadline
	deadline=$(($(now_ms) + 2000))
	until answer=$(ask "$1") && [ "$answer" = "$2" ]; do
		(($(now_ms) < deadline)) || expect_failed "'$1' to give '$2', not '$answer'"
	done
}

end_shell() {
	exec 8>&-
	call kill "$ID" KILL
	wait_exit
}

@test "what the host changes the running container sees" {
	mkdir "$T/host"
	echo one >"$T/host/file"
	echo hosts >"$T/hosts"
	bind "$T/host" /mnt
	bind "$T/hosts" /etc/hosts
	launch_shell
	expect_seen 'cat /mnt/file' one
	expect_seen 'cat /etc/hosts' hosts
	expect_seen 'test -e /mnt/new || echo absent' absent
	# In place, as engines rewrite /etc/hosts; new; in the root, as docker cp does; by rename, as editors do; removed.
	echo rewritten >"$T/hosts"
	expect_seen 'cat /etc/hosts' rewritten
	echo two-longer >"$T/host/file"
	expect_seen 'cat /mnt/file' two-longer
	echo new >"$T/host/new"
	expect_seen 'cat /mnt/new' new
	echo copied >"$ROOTFS/etc/copied"
	expect_seen 'cat /etc/copied' copied
	echo replaced >"$T/host/next" && mv "$T/host/next" "$T/host/file"
	expect_seen 'cat /mnt/file' replaced
	rm "$T/host/new"
	expect_seen 'test -e /mnt/new || echo absent' absent
	end_shell
}

@test "a file of the same size is seen to have changed" {
	mkdir "$T/host"
	echo aaaa >"$T/host/file"
	bind "$T/host" /mnt
	launch_shell
	expect_seen 'cat /mnt/file' aaaa
	local round
	for round in 2 3 4 5; do
		echo "bbb$round" >"$T/host/file"
		expect_seen 'cat /mnt/file' "bbb$round"
	done
	end_shell
}

@test "what the container has written and closed the host reads" {
	args /bin/sh -c 'i=0; while [ $i -lt 30 ]; do echo "$i" >"/data/$i"; i=$((i+1)); done; echo ready; read -r x'
	mkfifo "$T/stdin"
	exec 8<>"$T/stdin"
	STDIN=$T/stdin create_ok
	start_ok
	wait_for ready file_has "$T/out" ready
	local i
	for i in 0 10 29; do
		expect_equal "$(cat "$ROOTFS/data/$i")" "$i"
	done
	exec 8>&-
	call kill "$ID" KILL
	wait_exit
}

@test "what was written before the end is there after it" {
	run_container /bin/sh -c '/payload write 5000003 4 >/data/big; echo small >/data/small'
	expect_status 0
	expect_equal "$("$BUILD/payload" check 5000003 4 <"$ROOTFS/data/big")" "5000003 bytes agree"
	expect_equal "$(cat "$ROOTFS/data/small")" small
}

@test "set-uid and ownership survive on the host" {
	run_container /bin/sh -c 'cp /payload /data/su && chown 5:6 /data/su && chmod 4755 /data/su && mknod /data/pipe p'
	expect_status 0
	expect_equal "$(stat -c %u:%g:%a "$ROOTFS/data/su")" 5:6:4755
	[ -p "$ROOTFS/data/pipe" ]
}

@test "two containers on one directory see each other's files" {
	mkdir "$T/host"
	bind "$T/host" /mnt
	args /bin/sh -c 'echo one >/mnt/from-one; echo ready; while [ ! -e /mnt/from-two ]; do sleep 0.1; done; cat /mnt/from-two'
	launch ready
	args /bin/sh -c 'cat /mnt/from-one; echo two >/mnt/from-two'
	call run --bundle "$BUNDLE" "$ID-two"
	expect_status 0
	expect_out one
	wait_exit
	expect_status 0
	expect_out ready$'\n'two
}
