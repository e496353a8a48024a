# Real work on the shared current directory: what lands on the host is what a run without vmrun would have left there.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

CALL_LIMIT_S=120

setup() { vmrun_setup; }
teardown() { test_teardown; }

@test "make on a small C project: what it builds lands on the host, owned by the caller" {
	printf 'int answer(void);\nint main(void) { return answer(); }\n' >"$WORK/main.c"
	printf 'int answer(void) { return 42; }\n' >"$WORK/answer.c"
	printf 'CC = gcc\nall: prog\nprog: main.o answer.o\n\t$(CC) -o $@ $^\ncheck: prog\n\t./prog\n' >"$WORK/Makefile"
	chown -R 1000:1000 "$WORK"
	vmrun -u 1000:1000 make
	expect_status 0
	expect_out_has 'gcc -o prog main.o answer.o'
	expect_equal "$(stat -c '%u:%g %F' "$WORK/prog" "$WORK/main.o" | sort -u)" '1000:1000 regular file'
	(cd "$WORK" && ./prog) || status=$?
	expect_equal "$status" 42
	vmrun make check
	expect_status 2
	expect_err_has 'Error 42'
	touch "$WORK/answer.c"
	vmrun -u 1000:1000 make
	expect_out 'cc    -c -o answer.o answer.c
gcc -o prog main.o answer.o' || expect_out 'gcc    -c -o answer.o answer.c
gcc -o prog main.o answer.o'
}

@test "git in the VM works on the host's repository, and the host's git on what it left" {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	git -C "$WORK" init -q -b main
	git -C "$WORK" config user.name Tester
	git -C "$WORK" config user.email tester@example.org
	mkdir "$WORK/dir"
	for i in $(seq 200); do echo "file $i" >"$WORK/dir/$i"; done
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun sh -ec 'git add .; git commit -qm first; for i in $(seq 50); do echo changed >>dir/$i; done; git commit -qam second
		git checkout -qb side HEAD~; git mv dir/200 moved; git commit -qm third; git merge -q -m merge main; git gc -q
		git fsck --strict; git status --porcelain; git rev-list --count HEAD'
	expect_status 0
	expect_out 4
	expect_equal "$(git -C "$WORK" fsck --strict 2>/dev/null; git -C "$WORK" status --porcelain; git -C "$WORK" log --format=%s -1)" merge
	echo more >>"$WORK/moved"
	vmrun git status --porcelain
	expect_out ' M moved'
}

@test "sqlite with a write-ahead log and mmap, by several writers at once" {
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun sh -ec 'sqlite3 db "pragma journal_mode=wal; create table t(writer, n);"
		for writer in 1 2 3 4; do
			(for n in 1 2 3 4 5; do sqlite3 -cmd ".timeout 60000" -cmd "pragma mmap_size=1048576" db \
				"insert into t select $writer, value from generate_series(1, 20)" >/dev/null; done) &
		done
		wait
		sqlite3 db "pragma integrity_check; select writer, count(*) from t group by writer"'
	expect_status 0
	expect_out 'wal
ok
1|100
2|100
3|100
4|100'
	expect_equal "$(sqlite3 "$WORK/db" 'pragma integrity_check; select count(*) from t')" 'ok
400'
}

@test "locks, files that are unlinked while open, shared mappings, links and holes" {
	cat >"$WORK/work.py" <<-'END'
		import fcntl, mmap, os, subprocess, sys, tempfile

		with open("lock", "w") as f:
		    fcntl.flock(f, fcntl.LOCK_EX)
		    print("second lock:", subprocess.call(["flock", "--nonblock", "lock", "true"]))
		    fcntl.flock(f, fcntl.LOCK_UN)
		    print("after unlock:", subprocess.call(["flock", "--nonblock", "lock", "true"]))
		with open("gone", "w+") as f:
		    f.write("still here")
		    f.flush()
		    os.unlink("gone")
		    f.seek(0)
		    print("unlinked:", f.read(), os.fstat(f.fileno()).st_nlink, os.path.exists("gone"))
		with tempfile.TemporaryFile(dir=".") as f:
		    f.write(b"temporary")
		    f.seek(0)
		    print("O_TMPFILE:", f.read().decode())
		with open("mapped", "w+b") as f:
		    f.truncate(8192)
		    m = mmap.mmap(f.fileno(), 8192)
		    child = os.fork()
		    if child == 0:
		        m[4096:4101] = b"child"
		        os._exit(0)
		    os.waitpid(child, 0)
		    print("shared mapping:", m[4096:4101].decode())
		    m.flush()
		os.link("mapped", "hard")
		os.symlink("mapped", "soft")
		with open("hole", "wb") as f:
		    f.seek(1 << 24)
		    f.write(b"x")
		print("hole:", os.stat("hole").st_blocks < 100)
		os.setxattr("mapped", "user.note", b"kept")
		os.mkdir("a"); os.mkdir("a/b"); os.rename("a/b", "c"); os.rename("c", "a/d")
		os.utime("soft", ns=(1, 1000000002), follow_symlinks=False)
	END
	vmrun python3 work.py
	expect_err ""
	expect_status 0
	expect_out 'second lock: 1
after unlock: 0
unlinked: still here 0 False
O_TMPFILE: temporary
shared mapping: child
hole: True'
	cd "$WORK"
	expect_equal "$(head -c 4101 mapped | tail -c 5) $(stat -c %h hard) $(readlink soft) $(stat -c %Y soft)" 'child 2 mapped 1'
	expect_equal "$(getfattr --only-values -n user.note mapped) $(ls -A a) $(stat -c %s hole)" 'kept d 16777217'
}
