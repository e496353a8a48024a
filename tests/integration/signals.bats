# kill in every state, pause and resume. Several checks share a container, which costs a boot each.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "kill by name and by number, with and without SIG, real-time signals too" {
	args /payload watch-signals
	launch ready
	local signal signals=(USR1:10 SIGUSR2:12 sigcont:18 34:34 64:64 11:11)
	if is_vm; then signals+=(RTMIN+1:35 SIGRTMAX-1:63); fi
	for signal in "${signals[@]}"; do
		call kill "$ID" "${signal%:*}"
		expect_status 0
		wait_for "signal $signal" file_has "$T/out" "got ${signal#*:}"
	done
	signals=(NOPE SIG)
	if is_vm; then signals+=(65 -1 '' RTMAX+1); fi
	for signal in "${signals[@]}"; do
		call kill -- "$ID" "$signal"
		expect_refusal "unknown signal \"$signal\""
	done
	call kill "$ID" 0
	expect_status 0
	# No signal is TERM.
	call kill "$ID"
	expect_status 0
	wait_exit
	expect_status 0
	file_has "$T/out" 'got 15'
	call kill "$ID" TERM
	expect_refusal 'container not running'
	call kill "$ID" 0
	expect_refusal 'container not running'
	call kill --all "$ID" KILL
	expect_status 0
}

@test "SIGSTOP stops the process and not its runtime" {
	args sh -c 'echo ready; while :; do date +%s%N >/data/now; sleep 0.02; done'
	launch ready
	call exec "$ID" sh -c 'while :; do sleep 0.02; echo x >/data/alive; done & kill -STOP $!; echo stopped $!'
	expect_out_has stopped
	call kill "$ID" STOP
	expect_status 0
	expect_equal "$(state_of .status)" running
	call kill "$ID" CONT
	expect_status 0
	call kill "$ID" KILL
	expect_status 0
	wait_exit
	expect_status 137
}

@test "kill --all reaches every process" {
	args sh -c 'trap "echo first; exit 3" TERM; (trap "echo second >/data/second; exit" TERM; echo ready; while :; do sleep 0.05; done) &
		while :; do sleep 0.05; done'
	launch ready
	call kill --all "$ID" TERM
	expect_status 0
	wait_exit
	expect_status 3
}

@test "kill of a created container ends it before it ran" {
	args sh -c 'echo ran >/data/ran'
	create_ok
	call kill "$ID" KILL
	expect_status 0
	wait_exit
	expect_status 137
	expect_equal "$(state_of .status)" stopped
	[ ! -e "$ROOTFS/data/ran" ]
}

@test "what is sent to the host process reaches the container's" {
	vm_only "runc's is the process itself"
	args /payload watch-signals
	launch ready
	kill -USR1 "$PID"
	wait_for "the signal" file_has "$T/out" 'got 10'
	kill -TERM "$PID"
	wait_exit
	expect_status 0
}

@test "pause stops everything, resume lets it go on, with the right time" {
	args sh -c 'echo ready; while :; do date +%s >/data/now; echo tick; sleep 0.05; done'
	launch ready
	call resume "$ID"
	expect_refusal 'container not paused'
	call pause "$ID"
	expect_status 0
	expect_equal "$(state_of .status)" paused
	call pause "$ID"
	expect_status 1
	call exec "$ID" true
	expect_status 255
	expect_err_has 'cannot exec in a paused container'
	call start "$ID"
	expect_status 1
	call delete "$ID"
	expect_status 1
	local before
	before=$(wc -c <"$T/out")
	sleep 3
	expect_equal "$(wc -c <"$T/out")" "$before" "no output while paused"
	call resume "$ID"
	expect_status 0
	expect_equal "$(state_of .status)" running
	wait_for "output" output_is_longer_than "$before"
	call exec "$ID" date +%s
	(($(date +%s) - $(cat "$OUT") <= 1)) || expect_failed "the guest's clock to be right"
}

output_is_longer_than() {
	(($(wc -c <"$T/out") > $1))
}

@test "signals wait for resume, SIGKILL does not" {
	args /payload trap TERM 5
	launch ready
	call pause "$ID"
	expect_status 0
	call kill "$ID" TERM
	expect_status 0
	expect_equal "$(state_of .status)" paused
	call resume "$ID"
	expect_status 0
	wait_exit
	expect_status 5
}

@test "SIGKILL ends a paused container at once" {
	args /payload ready
	launch ready
	call pause "$ID"
	expect_status 0
	call kill "$ID" KILL
	expect_status 0
	wait_exit 5
	expect_status 137
	call pause "$ID"
	expect_refusal 'container not running'
	call resume "$ID"
	expect_refusal 'container not paused'
}

@test "delete --force of a paused container" {
	args /payload ready
	launch ready
	call pause "$ID"
	call delete --force "$ID"
	expect_status 0
	wait_exit 5
	expect_status 137
}

@test "a guest that forks without end is deleted in time" {
	args sh -c 'echo ready; bomb() { bomb | bomb & }; bomb; sleep 1000'
	vm_only "not on the machine itself"
	launch ready
	sleep 1
	local before
	before=$(now_ms)
	call delete --force "$ID"
	expect_status 0
	(($(now_ms) - before < 5000)) || expect_failed "less than the 5 s that engines wait"
	wait_exit 2
}

@test "a frozen host process of QEMU does not make kill KILL fail" {
	vm_only "it has a QEMU"
	args /payload ready
	launch ready
	pkill -STOP -P "$PID" qemu
	call kill "$ID" KILL
	expect_status 0
	wait_exit 15
	expect_status 137
}

@test "checkpoint and restore are refused with one line" {
	vm_only "runc has CRIU"
	call checkpoint --image-path "$T/image" --work-path "$T/work" "$ID"
	expect_refusal 'checkpoint and restore are not supported'
	call restore --detach --image-path "$T/image" --bundle "$BUNDLE" "$ID"
	expect_refusal 'checkpoint and restore are not supported'
}
