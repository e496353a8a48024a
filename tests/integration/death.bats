# Whatever is killed, at whatever moment: within two seconds nothing is left, and nobody is told of a success.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# The pid of the process named like $1 below $2.
process_below() {
	local child
	for child in $(ps -o pid= --ppid "$2"); do
		[[ $(cat "/proc/$child/comm" 2>/dev/null) != "$1"* ]] || echo "$child"
		process_below "$1" "$child"
	done
}

# The host's last word on a container whose insides died: not a success, stopped, and delete --force clears up.
expect_dead() {
	wait_exit 10
	[ "$status" -ne 0 ] || expect_failed "a status other than 0"
	expect_equal "$(state_of .status)" stopped
	call delete --force "$ID"
	expect_status 0
	expect_err ""
}

@test "SIGKILL of the pid takes the whole container along" {
	args /payload ready
	launch ready
	kill -KILL "$PID"
	wait_exit 2
	expect_status 137
	expect_equal "$(state_of .status)" stopped
	wait_seconds 2 "no process is left" process_is_gone "$REAPER"
	call delete --force "$ID"
	expect_status 0
	[ -z "$(ls -A "$ROOT")" ]
}

@test "SIGKILL of QEMU ends the container with an error" {
	vm_only "there is none"
	args /payload ready
	launch ready
	kill -KILL "$(process_below qemu-system "$PID" | head -n 1)"
	expect_dead
}

@test "SIGKILL of virtiofsd ends the container with an error" {
	vm_only "there is none"
	args /payload ready
	launch ready
	kill -KILL "$(process_below virtiofsd "$PID" | tail -n 1)"
	expect_dead
}

descendants_of() {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		echo "$child"
		descendants_of "$child"
	done
}

# systemd stops a scope that way, and a terminal speaks to its whole group.
@test "a signal to the whole group is the container's to answer, not its VM's" {
	vm_only "it has one process"
	local signal
	args /bin/sh -c 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 1000 & wait $!; done'
	launch ready
	for signal in HUP INT QUIT TERM; do
		descendants_of "$PID" | xargs kill -s "$signal"
	done
	call exec "$ID" /payload say alive
	expect_out alive
	kill -TERM "$PID" $(descendants_of "$PID")
	wait_exit
	expect_out_line bye
	expect_status 3
	call delete "$ID"
	expect_status 0
}

@test "SIGKILL of QEMU before start makes start fail" {
	vm_only "there is none"
	args /payload say never
	create_ok
	kill -KILL "$(process_below qemu-system "$PID" | head -n 1)"
	wait_exit 10
	[ "$status" -ne 0 ] || expect_failed "a status other than 0"
	call start "$ID"
	expect_refusal ""
	look_at_container
	expect_out ""
}

@test "SIGKILL of create at any moment leaves nothing that delete --force does not remove" {
	args /payload ready
	local delay
	for delay in 0.01 0.05 0.1 0.2 0.35 0.6; do
		status=0
		timeout -s KILL "$delay" "$VMRT" --root "$ROOT" --log "$LOG" create --bundle "$BUNDLE" \
			--pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- || status=$?
		call delete --force "$ID"
		expect_status 0
		expect_equal "$(ls -A "$ROOT" 2>/dev/null)" "" "no state after $delay s"
		wait_seconds 2 "no process is left after $delay s" no_leaked_processes
	done
	# What was interrupted can be done again under the same id.
	run_container /payload say again
	expect_out again
}

@test "SIGKILL of run in the foreground takes the container along or leaves it to delete --force" {
	args /payload ready
	"$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- &
	local runner=$!
	wait_for "the process to run" file_has "$T/out" ready
	kill -KILL "$runner"
	call delete --force "$ID"
	expect_status 0
	call state "$ID"
	expect_refusal 'container does not exist'
	wait_seconds 2 "no process is left" no_leaked_processes
}

# The container's process ends the machine it runs in, as $1 says; expects a failure.
expect_machine_ended() {
	config '.linux.namespaces |= map(select(.type != "pid")) | del(.linux.readonlyPaths, .linux.maskedPaths) |
		.process.capabilities |= map_values(. + ["CAP_SYS_BOOT"]) | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
	args /bin/sh -c "/payload $1; echo 'still here: '\$?"
	create_ok
	start_ok
	wait_exit 30
	expect_out ""
	[ "$status" -ne 0 ] || expect_failed "a status other than 0"
	expect_equal "$(state_of .status)" stopped
}

@test "a guest kernel panic is reported as such and is not a success" {
	vm_only "it would be the host's"
	expect_machine_ended panic
	expect_err_has panic
}

@test "a guest that powers itself off or halts is not a success" {
	vm_only "it would be the host"
	expect_machine_ended 'reboot off'
	expect_err_has 'shut down without telling an exit status'
	rt delete "$ID"
	expect_machine_ended 'reboot halt'
}

@test "a guest that restarts itself is not a success" {
	vm_only "it would be the host"
	expect_machine_ended 'reboot restart'
}

@test "delete --force waits for a container that ends slowly" {
	vm_only "runc's wait is its own"
	args /payload ready
	launch ready
	# A process in the container's pid namespace that nobody reaps for a while: until then its first one cannot end.
	nsenter --target "$PID" --pid --no-fork sh -c 'sleep 1000 & exec sleep 6' </dev/null >/dev/null 2>&1 3>&- &
	wait_for "it to be there" pgrep -P $! sleep
	call delete --force "$ID"
	expect_status 0
	[ ! -e "$ROOT/$ID" ] || expect_failed "no state"
	wait $! || true
}

@test "a state directory without its files is removed by delete --force" {
	mkdir -p "$ROOT/$ID"
	call delete --force "$ID"
	expect_status 0
	[ ! -e "$ROOT/$ID" ] || expect_failed "the directory to be gone"
	# Proof that the call does more than say yes.
	run_container /payload say works
	expect_out works
}

@test "a guest that stands still is given up: start after the limit, exec without harm" {
	vm_only "it has none"
	runtime_config '.["boot-timeout"] = 4'
	args /payload ready
	create_ok
	start_ok
	wait_for "ready" file_has "$T/out" ready
	pkill -STOP -P "$PID" qemu
	call exec "$ID" true
	expect_status 255
	expect_err_has 'guest: did not start the process within 4 s'
	pkill -CONT -P "$PID" qemu
	call exec "$ID" echo again
	expect_status 0
	expect_out again
	call kill "$ID" KILL
	wait_exit
	call delete "$ID"
	create_ok
	pkill -STOP -P "$PID" qemu
	call start "$ID"
	expect_refusal 'guest: did not start the process within 4 s'
	expect_dead
}
