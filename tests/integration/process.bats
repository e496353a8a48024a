# The host process that stands for the container: what engines, their subreapers and the shell rely on.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

namespace_of() {
	readlink "/proc/$1/ns/$2"
}

# "PID COMMAND" of every process below $1.
descendants() {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		echo "$child $(cat "/proc/$child/comm" 2>/dev/null)"
		descendants "$child"
	done
}

@test "the pid-file has digits only, no newline, and is not there before create succeeded" {
	args /payload ready
	create_ok
	expect_match "$(od -An -c "$PIDFILE" | tr -d ' ')" '^[0-9]+$'
	expect_equal "$(stat -c %a "$PIDFILE")" 644
	[ "$(find "$T" -maxdepth 1 -name '*pid*' | wc -l)" = 1 ] || expect_failed "no temporary pid-file left"
}

@test "the pid is adopted by the subreaper above create" {
	args /payload ready
	create_ok
	expect_equal "$(ps -o ppid= -p "$PID" | tr -d ' ')" "$REAPER"
}

@test "the pid ends with the process's exit status" {
	args /payload exit 7
	launch
	wait_exit
	expect_status 7
}

@test "the pid ends with 128 plus the signal that ended the process" {
	args /payload ready
	launch ready
	call kill "$ID" 9
	expect_status 0
	wait_exit
	expect_status 137
}

@test "the pid is a session and a process group of its own" {
	args /payload ready
	create_ok
	expect_match "$PID" '^[0-9]+$'
	expect_equal "$(ps -o pgid= -p "$PID" | tr -d ' ')" "$PID" "its own process group"
	expect_equal "$(ps -o sid= -p "$PID" | tr -d ' ')" "$PID" "its own session"
}

@test "nothing of the runtime is left to reap when the pid has ended" {
	args /payload say end
	launch
	wait_exit
	expect_out end
	# The subreaper ends when its last child has: conmon waits like this.
	wait_seconds 2 "the subreaper runs out of children" process_is_gone "$REAPER"
}

@test "a descriptor leaked into create is open in no process of the container" {
	args /payload fds
	exec 9>"$T/leaked"
	create_ok
	exec 9>&-
	local pid
	for pid in $PID $(descendants "$PID" | cut -d' ' -f1); do
		! ls -l "/proc/$pid/fd" 2>/dev/null | grep -F "$T/leaked" || expect_failed "no leaked descriptor in $pid"
	done
	start_ok
	wait_exit
	expect_status 0
	expect_equal "$(cut -d' ' -f1 "$T/out" | tr '\n' ' ')" "0 1 2 "
}

@test "only the pid holds the container's stdio" {
	vm_only "runc's process has them itself"
	args /payload ready
	mkfifo "$T/stdout"
	cat "$T/stdout" >"$T/copy" &
	STDOUT=$T/stdout create_ok
	start_ok
	wait_for "output" file_has "$T/copy" ready
	local pid
	for pid in $(descendants "$PID" | cut -d' ' -f1); do
		! ls -l "/proc/$pid/fd" | grep -F "$T/stdout" || expect_failed "no stdio of the container in $pid"
	done
	ls -l "/proc/$PID/fd" | grep -qF "$T/stdout" || expect_failed "the pid to hold its stdout"
}

@test "the monitor is process 1 of its pid namespace and sees nothing of the host" {
	vm_only "a monitor stands in for the process"
	args /payload ready
	launch ready
	expect_equal "$(awk '/^NSpid:/ {print $3}' "/proc/$PID/status")" 1
	[ "$(namespace_of "$PID" mnt)" != "$(namespace_of self mnt)" ] || expect_failed "a mount namespace of its own"
	# What podman cp does: enter the mount namespace and work on /, which must be the container's root.
	nsenter --mount="/proc/$PID/ns/mnt" -- /payload stat /payload >"$T/inside"
	file_has "$T/inside" "/payload file"
}

@test "qemu and virtiofsd are below the pid" {
	vm_only "there are none"
	args /payload ready
	launch ready
	descendants "$PID" >"$T/below"
	grep -q qemu-system "$T/below"
	grep -q virtiofsd "$T/below"
}

@test "a network namespace without a path is a new one" {
	config '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network"}])'
	args /payload ready
	create_ok
	[ "$(namespace_of "$PID" net)" != "$(namespace_of self net)" ] || expect_failed "another network namespace"
}

@test "a network namespace with a path is that one" {
	local wanted
	: >"$T/netns"
	unshare --net="$T/netns" true
	wanted=$(nsenter --net="$T/netns" readlink /proc/self/ns/net)
	config '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network", path: $path}])' \
		--arg path "$T/netns"
	args /payload ready
	create_ok
	umount "$T/netns"
	expect_equal "$(namespace_of "$PID" net)" "$wanted"
}

@test "without a network namespace it is the caller's" {
	config '.linux.namespaces |= map(select(.type != "network"))'
	args /payload ready
	create_ok
	expect_equal "$(namespace_of "$PID" net)" "$(namespace_of self net)"
}

@test "ignored and blocked signals of the caller do not reach the process" {
	args /payload signals
	local blocked=USR1,TERM,CHLD
	is_vm || blocked=CHLD # runc leaves them blocked
	status=0
	env --ignore-signal=PIPE,HUP,INT --block-signal=$blocked \
		"$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 0
	expect_out "ignored= blocked="
}

@test "the caller's umask, directory and environment do not reach the process" {
	args /bin/sh -c 'umask; pwd; env | sort'
	status=0
	cd /etc
	(umask 077 && SECRET=leaked rt run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR") || status=$?
	expect_status 0
	expect_out_line 0022
	expect_out_line /
	expect_no_out_line SECRET=leaked
}

@test "SIGTERM sent straight to the pid reaches the process" {
	args /payload trap TERM 5
	launch ready
	kill -TERM "$PID"
	wait_exit
	expect_status 5
}

@test "a stopped virtual machine does not survive kill 9" {
	vm_only "there is none"
	args /payload ready
	launch ready
	local qemu
	qemu=$(descendants "$PID" | awk '/qemu-system/ {print $1; exit}')
	kill -STOP "$qemu"
	call kill "$ID" 9
	expect_status 0
	wait_exit 8
	expect_status 137
}

@test "state answers while other calls are under way" {
	args /payload ready
	launch ready
	local i
	for i in 1 2 3 4 5 6 7 8; do
		rt state "$ID" >"$T/state.$i" 2>&1 </dev/null &
		rt kill "$ID" 0 >"$T/kill.$i" 2>&1 </dev/null &
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait_for "state $i" file_has "$T/state.$i" '}'
		expect_equal "$(jq -r .status "$T/state.$i")" running
		wait_seconds 5 "kill $i ends" test -f "$T/kill.$i"
		expect_equal "$(cat "$T/kill.$i")" ""
	done
}

@test "a pid that another process has got since is not taken for the container" {
	args /payload ready
	launch ready
	kill -KILL "$PID"
	wait_exit
	# The kernel's own counter makes the next process get the dead monitor's pid.
	local reused=0 round
	for round in $(seq 200); do
		echo $((PID - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 30 3>&- &
		reused=$!
		[ "$reused" != "$PID" ] || break
		kill "$reused"
	done
	expect_equal "$reused" "$PID" "the pid taken by another process"
	expect_equal "$(state_of .status)" stopped
	call delete --force "$ID"
	expect_status 0
	kill -0 "$reused" || expect_failed "the other process to live"
	kill "$reused"
}

@test "unknown members, namespaces and newer versions of the configuration are accepted" {
	config '.ociVersion = "1.2.1" | .mystery = {deep: [1, 2]} | .process.mystery = true | .linux.mystery = "x" |
		.annotations = {"org.example": "y"} | .linux.namespaces += [{type: "time"}]'
	is_vm || config '.linux.namespaces |= map(select(.type != "time"))'
	run_container /payload say accepted
	expect_status 0
	expect_out accepted
}

@test "twenty containers at once all succeed" {
	local i
	for i in $(seq 20); do
		bundle_new "$T/b$i"
		args /bin/sh -c "echo number $i; exit $i"
		LOG=$T/log$i rt run --bundle "$BUNDLE" "$ID-$i" </dev/null >"$T/out$i" 2>"$T/err$i" &
		echo $! >"$T/runner$i"
	done
	for i in $(seq 20); do
		status=0
		wait "$(cat "$T/runner$i")" || status=$?
		expect_equal "$status $(cat "$T/out$i" "$T/err$i")" "$i number $i" "container $i"
	done
}
