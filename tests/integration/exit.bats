# How processes end, which signals reach them, and the words for programs that cannot be run.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "every exit status comes through" {
	local code
	for code in 1 2 125 126 127 128 129 137 254 255; do
		run_container /bin/sh -c "echo $code; exit $code"
		expect_status $code
		expect_out $code
	done
}

@test "a fault of the first process ends with 128 plus SIGSEGV" {
	run_container /payload fault
	expect_status 139
}

@test "a child ended by a signal gives the shell's status" {
	run_container /payload kill-child KILL
	expect_status 137
	run_container /payload kill-child TERM
	expect_status 143
}

@test "the first process of a pid namespace ignores what it has no handler for, as with runc" {
	run_container /bin/sh -c 'kill -TERM $$; kill -KILL $$; echo survived; exit 4'
	expect_status 4
	expect_out survived
}

@test "without a pid namespace a signal's default action happens" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	run_container /payload kill TERM
	expect_status 143
	run_container /payload kill KILL
	expect_status 137
}

@test "kill takes numbers, names, and names with SIG in either case" {
	args /payload watch-signals
	launch ready
	local name count=0
	for name in 1 USR1 SIGUSR2 hup sigusr1 WINCH 34 64 CONT; do
		call kill "$ID" "$name"
		expect_status 0
		count=$((count + 1))
		wait_for "signal $name" test_got "$count"
	done
	look_at_container
	expect_out "$(printf '%s\n' ready 'got 1' 'got 10' 'got 12' 'got 1' 'got 10' 'got 28' 'got 34' 'got 64' 'got 18')"
	call kill "$ID"
	expect_status 0
	wait_exit
	expect_status 0
	expect_out_line 'got 15'
}

test_got() {
	[ "$(grep -c ^got "$T/out")" = "$1" ]
}

@test "a signal arrives within a fraction of a second" {
	args /payload trap USR1 6
	launch ready
	local before
	before=$(now_ms)
	call kill "$ID" USR1
	expect_status 0
	wait_for "the signal" file_has "$T/out" 'got 10'
	(($(now_ms) - before < 1000)) || expect_failed "less than a second from kill to the handler"
	wait_exit
	expect_status 6
}

@test "kill of an unknown signal is refused by name" {
	args /payload ready
	launch ready
	call kill "$ID" NOPE
	expect_refusal 'unknown signal "NOPE"'
	expect_equal "$(state_of .status)" running
}

@test "signal 0 only asks" {
	args /payload watch-signals
	launch ready
	call kill "$ID" 0
	expect_status 0
	look_at_container
	expect_out ready
}

@test "kill of a stopped container says so" {
	args /payload exit 0
	launch
	wait_exit
	expect_status 0
	call kill "$ID" TERM
	expect_refusal 'container not running'
	call kill --all "$ID" 9
	expect_status 0
}

@test "kill of a created container ends it without running anything" {
	args /bin/sh -c 'echo ran'
	create_ok
	call kill "$ID" KILL
	expect_status 0
	wait_exit
	expect_status 137
	expect_out ""
	expect_equal "$(state_of .status)" stopped
}

@test "kill --all reaches every process" {
	args /bin/sh -c 'trap : TERM; sleep 300 & sleep 300 & echo ready; wait; wait; echo both gone; exit 8'
	launch ready
	call kill --all "$ID" TERM
	expect_status 0
	wait_exit
	expect_status 8
	expect_out_line "both gone"
}

@test "the container ends with its first process, whatever its children do" {
	run_container /payload background 300 3
	expect_status 3
	expect_out "parent ends"
}

@test "orphans in the container are adopted by its first process" {
	run_container /payload orphan
	expect_status 0
	expect_out "adopted, status 5"
}

@test "two hundred children at once" {
	run_container /payload forks 200
	expect_status 0
	expect_out "200 children"
}

@test "a missing program in PATH fails create with runc's words" {
	args nosuch
	expect_create_refused 'unable to start container process: exec: "nosuch": executable file not found in $PATH'
}

@test "a missing program by path fails create with runc's words" {
	args /no/such
	expect_create_refused 'unable to start container process: exec: "/no/such": stat /no/such: no such file or directory'
}

@test "a program that is not executable fails create with runc's words" {
	args /etc/notes
	expect_create_refused 'unable to start container process: exec: "/etc/notes": permission denied'
}

@test "a directory as the program fails create with runc's words" {
	args /etc
	expect_create_refused 'unable to start container process: exec: "/etc": '
	grep -qE 'permission denied|is a directory' "$T/err" || expect_failed 'a reason'
}

@test "a program that the user may not execute fails create" {
	chmod 0700 "$ROOTFS/home"
	cp --remove-destination "$BUILD/payload" "$ROOTFS/home/payload"
	config '.process.user = {uid: 1000, gid: 1000} | del(.process.capabilities)'
	args /home/payload exit 0
	expect_create_refused 'permission denied'
}

@test "a missing working directory is made, as with runc" {
	config '.process.cwd = "/not/yet/there"'
	run_container /payload cwd
	expect_status 0
	expect_out /not/yet/there
	[ -d "$ROOTFS/not/yet/there" ]
}

@test "a working directory that is a file fails create" {
	config '.process.cwd = "/etc/notes"'
	create
	expect_refusal 'not a directory'
}

@test "a program is looked for in the PATH of the configuration" {
	mkdir "$ROOTFS/opt"
	ln "$ROOTFS/payload" "$ROOTFS/opt/special"
	config '.process.env = ["PATH=/nowhere:/opt"]'
	run_container special say found
	expect_status 0
	expect_out found
}

@test "a relative program is looked for in the working directory" {
	config '.process.cwd = "/bin"'
	run_container ./payload say relative
	expect_status 0
	expect_out relative
}

@test "a script runs through its interpreter" {
	printf '#!/bin/sh\necho script "$@"\n' >"$ROOTFS/script"
	chmod 755 "$ROOTFS/script"
	run_container /script one two
	expect_status 0
	expect_out "script one two"
}

@test "a program of no known format, of another architecture, without its interpreter makes create fail" {
	local row text
	printf 'not a program' >"$ROOTFS/garbage"
	: >"$ROOTFS/empty"
	printf '#!/no/such/shell\n' >"$ROOTFS/script"
	printf '#!/garbage\n' >"$ROOTFS/nested"
	printf '#!/etc/notes -x\n' >"$ROOTFS/plain"
	# e_machine: EM_MIPS
	cp "$BUILD/payload" "$ROOTFS/mips"
	printf '\10\0' | dd of="$ROOTFS/mips" bs=1 seek=18 conv=notrunc status=none
	# The image has no C library.
	cp "$(readlink -f "$(type -P true)")" "$ROOTFS/dynamic"
	chmod 755 "$ROOTFS"/{garbage,empty,script,nested,plain}
	while read -r row text; do
		args "$row"
		create
		expect_status 1
		expect_match "$(cat "$ERR")" "unable to start container process: exec $text"
	done <<-'END'
		/garbage /garbage: exec format error
		/empty /empty: exec format error
		/script /script: interpreter /no/such/shell: no such file or directory
		/nested /garbage: exec format error
		/plain /plain: interpreter /etc/notes: permission denied
		/mips /mips: exec format error
		/dynamic /dynamic: interpreter /lib64/ld-linux-x86-64.so.2: no such file or directory
	END
}
