# exec: one more process in a running container. Several checks share a container, which costs a boot each.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# A container that only waits.
launch_idle() {
	args /payload ready
	launch ready
}

# exec_in [OPTION…] ID COMMAND…: without input; the result in $status, $OUT and $ERR.
exec_in() {
	call exec "$@"
}

# exec_detached [OPTION…] -- COMMAND…: under a subreaper as an engine does; the host process's pid in $EXEC_PID.
exec_detached() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	EXEC_REAPED=$T/exec.reaped
	rm -f "$T/exec.pid"
	: >"$EXEC_REAPED"
	"$BUILD/subreap" --report "$EXEC_REAPED" "$VMRT" --root "$ROOT" --log "$LOG" --log-format json exec --detach \
		--pid-file "$T/exec.pid" "${options[@]}" "$ID" "$@" \
		</dev/null >"$T/exec.out" 2>"$T/exec.err" 3>&- &
	wait_for "exec returns" grep -q '^command ' "$EXEC_REAPED"
	expect_equal "$(sed -n 's/^command [0-9]* //p' "$EXEC_REAPED")" "exit 0" "the status of exec --detach"
	EXEC_PID=$(cat "$T/exec.pid")
	expect_match "$EXEC_PID" '^[0-9]+$' "a pid in the pid-file"
}

# What the subreaper says about the host process's end: "exit 3".
wait_exec_end() {
	wait_for "the exec's host process ends" grep -q "^adopted $EXEC_PID " "$EXEC_REAPED"
	expect_equal "$(sed -n "s/^adopted $EXEC_PID //p" "$EXEC_REAPED")" "$1" "the end of the exec's host process"
}

@test "exec passes streams, input and status" {
	launch_idle
	exec_in "$ID" sh -c 'echo out; echo err >&2; exit 42'
	expect_status 42
	expect_out out
	expect_err err
	exec_in "$ID" payload kill-child KILL
	expect_status 137
	exec_in "$ID" sh -c 'kill -TERM $$'
	expect_status 143
	# Words that look like options belong to the command.
	exec_in "$ID" payload args -t --user --
	expect_status 0
	expect_out_has --user
	status=0
	payload write 3000000 5 | rt exec "$ID" payload cat 2>"$ERR" | payload check 3000000 5 >"$OUT" || status=$?
	expect_status 0
	expect_out "3000000 bytes agree"
	printf abc | rt exec "$ID" sh -c 'cat; echo; echo end' >"$OUT"
	expect_out $'abc\nend'
	# A reader that goes away.
	rt exec "$ID" sh -c 'while echo line; do :; done' 2>/dev/null | head -n 1 >"$OUT"
	expect_out line
	expect_equal "$(state_of .status)" running
}

payload() {
	"$BUILD/payload" "$@"
}

@test "exec is in the container: namespaces, cgroup, root, host name" {
	config '.hostname = "inside"'
	args sh -c 'payload ns >/data/ns; cat /proc/self/cgroup >/data/cgroup; exec payload ready'
	launch ready
	exec_in "$ID" payload ns
	expect_status 0
	expect_out "$(cat "$ROOTFS/data/ns")"
	exec_in "$ID" cat /proc/self/cgroup /proc/1/comm /etc/notes
	expect_out "$(cat "$ROOTFS/data/cgroup")"$'\npayload\nplain text'
	exec_in "$ID" hostname
	expect_out inside
	# Nothing of the guest's own is in view.
	exec_in "$ID" ls -a /
	expect_no_out_line share
	exec_in "$ID" payload fds
	expect_equal "$(cut -d' ' -f1 "$OUT" | tr '\n' ' ')" "0 1 2 " "open descriptors"
}

@test "exec's options are the process's: user, groups, environment, directory, capabilities" {
	config '.process.user.additionalGids = [77] | .process.env += ["FROM=config"]'
	launch_idle
	exec_in -u 1000:2000 -e FROM=option -e MORE=1 --cwd /tmp "$ID" sh -c 'payload ids; pwd; echo $FROM $MORE $HOME'
	expect_status 0
	cp "$OUT" "$T/by-options"
	expect_out_has 1000
	expect_out_line /tmp
	expect_out_line "option 1 /home"
	exec_in -u 1000 -g 5 -g 6 "$ID" id
	expect_match "$(cat "$OUT")" 'groups=.*5.*6'
	exec_in --user 1000:2000 --env FROM=option --env MORE=1 --cwd=/tmp "$ID" sh -c 'payload ids; pwd; echo $FROM $MORE $HOME'
	expect_out "$(cat "$T/by-options")"
	exec_in --cap CAP_SYS_TIME --no-new-privs "$ID" sh -c 'payload nnp; grep -E "Cap(Eff|Bnd)" /proc/self/status'
	expect_out_has 1
	expect_match "$(grep CapEff "$OUT")" '0*2[0-9a-f]*$' "CAP_SYS_TIME"
}

@test "exec --process takes everything from its file" {
	launch_idle
	jq -n '{args: ["sh", "-c", "payload ids; pwd; env | sort; umask; payload rlimits | grep NOFILE; payload caps; payload nnp"],
		cwd: "/usr/bin", env: ["PATH=/bin", "HOME="], user: {uid: 1000, gid: 1000, additionalGids: [5], umask: 63},
		rlimits: [{type: "RLIMIT_NOFILE", soft: 55, hard: 66}], noNewPrivileges: true,
		capabilities: {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}}' >"$T/process.json"
	exec_in --process "$T/process.json" "$ID"
	expect_status 0
	expect_out_line /usr/bin
	expect_out_line HOME=/home
	if is_vm; then expect_out_line 0077; fi # runc 1.1 forgets it in exec
	expect_match "$(grep NOFILE "$OUT")" '55.*66'
	echo '{"args": ["true"], "cwd": "relative"}' >"$T/process.json"
	exec_in --process "$T/process.json" "$ID"
	expect_status 255
	exec_in --process "$T/none.json" "$ID"
	expect_status 255
}

# runc's status of its own failures in exec is 255.
expect_exec_refusal() {
	expect_status 255
	expect_err_has "$1"
	[ "$(grep -c . "$ERR")" = 1 ] || expect_failed "one line on stderr"
	[ "$(jq -r .msg "$LOG")" = "$(cat "$ERR")" ] || expect_failed "the same text on stderr and in --log"
}

@test "what exec cannot do is refused in runc's words" {
	launch_idle
	exec_in "$ID" nosuch
	expect_exec_refusal 'exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH'
	exec_in "$ID" /no/such
	expect_exec_refusal 'exec: "/no/such": stat /no/such: no such file or directory'
	exec_in "$ID" /etc/notes
	expect_exec_refusal 'exec: "/etc/notes": permission denied'
	exec_in --cwd /no/dir "$ID" true
	expect_exec_refusal 'chdir to cwd ("/no/dir") set in config.json failed: no such file or directory'
	exec_in nobody true
	expect_exec_refusal 'container does not exist'
	exec_in --user x "$ID" true
	expect_status 255
	exec_in "$ID"
	expect_status 255
	call kill "$ID" KILL
	wait_exit
	exec_in "$ID" true
	expect_exec_refusal 'cannot exec in a stopped container'
}

@test "an exec that fails does nothing to the container" {
	launch_idle
	mkfifo "$T/held"
	exec 7<>"$T/held"
	for _ in 1 2 3 4 5; do
		status=0
		rt exec "$ID" nosuch <&7 >"$T/call.out" 2>"$T/call.err" || status=$?
		expect_status 255
	done
	exec 7>&-
	exec_in --detach --pid-file /no/such/dir/pid "$ID" sleep 888
	[ "$status" -ne 0 ] || expect_failed "a failure to write the pid file"
	wait_for "its process to end" no_process_888
	state_is running
}

no_process_888() {
	! rt exec "$ID" ps </dev/null | grep -q 'sleep 888'
}

@test "the container's end does not wait for an output that nobody reads" {
	vm_only "runc's pipes are the reader's"
	args /payload trap TERM 5
	launch ready
	mkfifo "$T/unread"
	exec 7<>"$T/unread"
	rt exec "$ID" yes </dev/null >&7 2>/dev/null 7>&- &
	local client=$!
	wait_for "the exec to run" exec_runs yes
	call kill "$ID" TERM
	wait_exit 40
	expect_status 5
	exec 7>&-
	wait_for "exec to end" process_is_gone "$client"
}

exec_runs() {
	rt exec "$ID" ps </dev/null | grep -q "$1"
}

@test "exec --detach leaves a host process that stands for the session" {
	launch_idle
	exec_detached -- sh -c 'echo started; echo $PPID >/data/ppid; exit 3'
	wait_exec_end "exit 3"
	expect_equal "$(cat "$T/exec.out")" started
	expect_equal "$(cat "$ROOTFS/data/ppid")" 0

	# A signal to it reaches the process; its end is the process's end.
	exec_detached -- payload trap USR1 9
	wait_for "the process to be ready" file_has "$T/exec.out" ready
	kill -USR1 "$EXEC_PID"
	wait_exec_end "exit 9"
	expect_equal "$(tail -n 1 "$T/exec.out")" "got 10"

	# SIGKILL of it kills the process.
	exec_detached -- sh -c 'echo $$; exec payload ready'
	wait_for "the process to be ready" file_has "$T/exec.out" ready
	if is_vm; then expect_equal "$(readlink "/proc/$EXEC_PID/ns/pid")" "$(readlink "/proc/$PID/ns/pid")"; fi
	kill -KILL "$EXEC_PID"
	wait_exec_end "signal 9"
	wait_for "the guest's process to end" guest_process_is_gone "$(head -n 1 "$T/exec.out")"
	expect_equal "$(state_of .status)" running
}

guest_process_is_gone() {
	! rt exec "$ID" test -e "/proc/$1/exe" </dev/null >/dev/null 2>&1
}

@test "a signal to exec in the foreground reaches the process" {
	launch_idle
	"$VMRT" --root "$ROOT" --log "$LOG" exec "$ID" payload trap TERM 6 </dev/null >"$T/fg.out" 2>"$T/fg.err" 3>&- &
	local client=$!
	wait_for "the process to be ready" file_has "$T/fg.out" ready
	kill -TERM "$client"
	status=0
	wait "$client" || status=$?
	expect_status 6
}

@test "the container's end ends its exec sessions first" {
	args /payload trap TERM 5
	launch ready
	exec_detached -- payload ready
	wait_for "the process to be ready" file_has "$T/exec.out" ready
	call kill "$ID" TERM
	wait_exit
	expect_status 5
	wait_exec_end "$(is_vm && echo 'exit 137' || echo 'signal 9')"
}

@test "children that exec leaves behind keep its output, and do not keep exec" {
	launch_idle
	exec_detached -- sh -c '(while [ ! -e /data/go ]; do sleep 0.05; done; echo late; echo "wrote $?" >/data/after) &
		echo early; exit 4'
	wait_exec_end "exit 4"
	expect_equal "$(cat "$T/exec.out")" early
	touch "$ROOTFS/data/go"
	wait_for "what the child writes" file_has "$T/exec.out" late
	wait_for "the child" file_has "$ROOTFS/data/after" "wrote 0"
	# The container's end does not wait for them.
	exec_detached -- sh -c '(while :; do echo x; sleep 0.05; done) & true'
	wait_exec_end "exit 0"
	call kill "$ID" KILL
	wait_exit
	expect_status 137
}

@test "exec in the foreground does not wait for children, whose reader may go away" {
	vm_only "runc waits for the end of their output"
	launch_idle
	rt exec "$ID" sh -c '(while [ ! -e /data/go ]; do sleep 0.05; done; payload write 10 1; echo "wrote $?" >/data/after) &
		echo early' </dev/null 2>/dev/null | head -n 1 >"$T/bg.out"
	touch "$ROOTFS/data/go"
	wait_for "the child" file_has "$ROOTFS/data/after" "wrote 141"
	expect_equal "$(cat "$T/bg.out")" early
}

@test "a hundred execs leave nothing behind" {
	vm_only "it counts the descriptors of QEMU"
	launch_idle
	local before i
	rt exec "$ID" true </dev/null
	wait_for "the first to be cleared up" exec_is_cleared_up
	before=$(exec_resources)
	for i in {1..100}; do
		rt exec "$ID" sh -c 'echo x' </dev/null >"$T/hundred.out"
		expect_equal "$(cat "$T/hundred.out")" x
	done
	wait_for "the last to be cleared up" exec_is_cleared_up
	expect_equal "$(exec_resources)" "$before" "descriptors, files and processes"
}

# Others write there as well, and do not expect EAGAIN.
@test "the caller's pipe stays blocking, whoever it belongs to" {
	args /payload ready
	launch ready
	run_python() {
		python3 - "$VMRT" --root "$ROOT" exec "$ID" /payload say said <<-'END'
			import fcntl, os, subprocess, sys
			reader, writer = os.pipe()
			os.fchown(writer, 1234, 1234)
			status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=writer).returncode
			flags = fcntl.fcntl(writer, fcntl.F_GETFL)
			print(status, os.read(reader, 100), bool(flags & os.O_NONBLOCK))
		END
	}
	expect_equal "$(run_python 3>&-)" "0 b'said\\n' False"
}

qemu_pid() {
	pgrep -P "$PID" qemu
}

exec_is_cleared_up() {
	! ls "$ROOT/$ID" | grep -q '^[0-9]' && [ "$(find "/proc/$(qemu_pid)/fd" -lname '*.stdout.*' | wc -l)" -le 1 ]
}

exec_resources() {
	find "/proc/$PID/fd" -mindepth 1 | wc -l
	find "/proc/$(qemu_pid)/fd" -mindepth 1 | wc -l
	ls "$ROOT/$ID"
	rt exec "$ID" sh -c 'set -- /proc/[0-9]*; echo $#; set -- /proc/1/fd/*; echo $#' </dev/null
}

@test "thirty execs at once each move 10 MB" {
	launch_idle
	local i
	for i in {1..30}; do
		{ payload write 10000000 "$i" | rt exec "$ID" payload cat 2>"$T/many.$i.err" | payload check 10000000 "$i"; } \
			>"$T/many.$i" 2>&1 &
		eval "job$i=\$!"
	done
	for i in {1..30}; do
		eval "wait \$job$i"
		expect_equal "$(cat "$T/many.$i" "$T/many.$i.err")" "10000000 bytes agree" "exec number $i"
	done
	expect_equal "$(state_of .status)" running
}

@test "beyond the ports there is a clear error, and it passes" {
	vm_only "it has no ports"
	launch_idle
	local i refused=0
	for i in {1..34}; do
		status=0
		rt exec --detach "$ID" sleep 1000 </dev/null >"$T/full.out" 2>"$T/full.err" || status=$?
		[ "$status" = 0 ] || refused=$((refused + 1))
	done
	# Two ports each, as their input is /dev/null.
	for i in {1..16}; do
		status=0
		rt exec --detach "$ID" sleep 1000 </dev/null >"$T/full.out" 2>"$T/full.err" || status=$?
		[ "$status" = 0 ] || refused=$((refused + 1))
	done
	((refused > 0)) || expect_failed "a refusal"
	grep -q 'no free port for its streams: too many exec sessions' "$T/full.err" || expect_failed "a reason:" "$(cat "$T/full.err")"
	call kill "$ID" 0
	expect_status 0
	expect_equal "$(state_of .status)" running
}

# exec_held: exec while QEMU stands still, so that the session cannot start; its report in $T/held, the command in $HELD.
exec_held() {
	rm -f "$T/held"
	pkill -STOP -P "$PID" qemu
	"$BUILD/subreap" --report "$T/held" "$VMRT" --root "$ROOT" exec "$ID" "$@" </dev/null >"$T/held.out" 2>"$T/held.err" 3>&- &
	HELD_REAPER=$!
	wait_for "the exec's host process" exec_has_agent
}

exec_has_agent() {
	HELD=$(pgrep -P "$HELD_REAPER") && AGENT=$(pgrep -P "$HELD" vmrt-exec)
}

@test "a signal that comes while exec starts waits for the process" {
	vm_only "it starts at once"
	launch_idle
	# To the command.
	exec_held payload ready
	kill -TERM "$HELD"
	kill -0 "$HELD"
	pkill -CONT -P "$PID" qemu
	wait_for "exec ends" grep -q "^command" "$T/held"
	expect_equal "$(grep '^command' "$T/held")" "command $HELD exit 143"
	# To its host process, which has to have sent it on.
	exec_held payload ready
	kill -USR1 "$AGENT"
	pkill -CONT -P "$PID" qemu
	wait_for "exec ends" grep -q "^command" "$T/held"
	expect_equal "$(grep '^command' "$T/held")" "command $HELD exit 138"
	# What a program ignores by default does no harm.
	exec_held sh -c 'echo runs; exit 3'
	kill -WINCH "$HELD"
	pkill -CONT -P "$PID" qemu
	wait_for "exec ends" grep -q "^command" "$T/held"
	expect_equal "$(grep '^command' "$T/held")" "command $HELD exit 3"
	expect_equal "$(cat "$T/held.out")" runs
}

@test "exec into a container whose first process has moved to another cgroup" {
	vm_only "the host may have cgroup v1"
	config '.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)'
	# shellcheck disable=SC2016 # the container's
	args sh -c 'mkdir /sys/fs/cgroup/init && echo $$ >/sys/fs/cgroup/init/cgroup.procs &&
		echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control && echo ready; exec sleep 1000'
	launch ready
	exec_in "$ID" cat /proc/self/cgroup
	expect_status 0
	expect_out 0::/init
	# Its own limits are not its own to change.
	exec_in "$ID" sh -c 'echo max >/sys/fs/cgroup/pids.max'
	expect_status 1
	exec_in "$ID" sh -c 'echo 50 >/sys/fs/cgroup/init/pids.max; cat /sys/fs/cgroup/init/pids.max'
	expect_out 50
	call ps "$ID"
	expect_status 0
	file_has "$OUT" 'sleep 1000'
}

@test "exec --cgroup runs it in an existing sub-cgroup" {
	vm_only "the host may have cgroup v1"
	config '.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)'
	args sh -c 'mkdir /sys/fs/cgroup/sub /sys/fs/cgroup/sub/deep && echo ready; exec sleep 1000'
	launch ready
	local path
	for path in sub /sub/deep /; do
		exec_in --cgroup "$path" "$ID" cat /proc/self/cgroup
		expect_status 0
		expect_match "$(cat "$OUT")" "^0::/${path#/}\$"
	done
	exec_in --cgroup nosuch "$ID" true
	expect_exec_refusal 'exec failed: unable to start container process: error adding pid to cgroups: openat2 /sys/fs/cgroup/nosuch/cgroup.procs: no such file or directory'
	exec_in --cgroup ../.. "$ID" true
	expect_exec_refusal '../.. is not a sub cgroup path'
	exec_in --cgroup memory:sub "$ID" true
	expect_exec_refusal 'unknown controller memory in SubCgroupPaths'
	exec_in --cgroup a:b:c "$ID" true
	expect_exec_refusal 'invalid --cgroup argument: a:b:c'
	exec_in --cgroup sub --cgroup sub/deep "$ID" true
	expect_exec_refusal 'invalid --cgroup argument: sub (missing <controller>: prefix)'
	# What a VM has not is named.
	exec_in --process-label system_u "$ID" true
	expect_exec_refusal 'option --process-label: '
	exec_in --apparmor profile "$ID" true
	expect_exec_refusal 'option --apparmor: '
	call pause "$ID"
	exec_in --ignore-paused "$ID" true
	expect_exec_refusal 'cannot exec in a paused container: the VM stands still'
	call resume "$ID"
	exec_in --ignore-paused "$ID" true
	expect_status 0
}
