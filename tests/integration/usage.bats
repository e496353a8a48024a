# What is told of a running container: ps, events. Several checks share a container, which costs a boot each.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# The numbers and commands that ps shows, without its own and without those of the host.
ps_rows() {
	awk 'NR > 1 { for (i = 8; i <= NF; i++) printf "%s%s", $i, i < NF ? " " : "\n" }' "$OUT" | sort
}

@test "ps shows the container's processes with ps's own options" {
	args sh -c 'sleep 1001 & echo ready; exec sleep 1002'
	launch ready
	wait_for "its child" ps_has 'sleep 1001'
	call ps "$ID"
	expect_status 0
	expect_err ""
	expect_equal "$(ps_rows)" $'sleep 1001\nsleep 1002'
	expect_match "$(head -n 1 "$OUT")" '^UID +PID +PPID +C STIME TTY +TIME CMD$'
	expect_match "$(sed -n '/1002/p' "$OUT")" '^root +[0-9]+ +[0-9]+ '
	call ps "$ID" -o pid,ppid,user,stat,args
	expect_status 0
	expect_match "$(grep 1002 "$OUT")" 'root +S[a-zN]* +sleep 1002$'
	call ps "$ID" aux
	expect_match "$(head -n 1 "$OUT")" '^USER +PID %CPU %MEM'
	call ps "$ID" --nonsense
	expect_status 1
	expect_err_has 'unknown gnu long option'
	call ps --format nonsense "$ID"
	expect_refusal 'invalid format option'
	call ps --format json "$ID"
	expect_status 0
	if is_vm; then
		expect_out "[$PID]"
		# The numbers are those that the container itself sees.
		call ps "$ID" -o pid,comm
		expect_match "$(head -n 2 "$OUT" | tail -n 1)" '^ +1 sleep$'
		call pause "$ID"
		call ps "$ID"
		expect_refusal 'the container is paused'
		call resume "$ID"
	fi
	call exec --detach "$ID" sleep 1003
	call ps "$ID"
	expect_equal "$(ps_rows)" $'sleep 1001\nsleep 1002\nsleep 1003'
	call kill "$ID" KILL
	wait_exit
	call ps "$ID"
	expect_status 0
	expect_match "$(cat "$OUT")" '^UID +PID +PPID +C STIME TTY +TIME CMD$'
}

# ps_trick NAME COMMAND…: what happens to another program that is called ps, as if a guest had taken ps over.
ps_trick() {
	status=0
	OUT=$T/call.out ERR=$T/call.err
	PATH=$T/tools/bin:$PATH rt ps "$ID" "$@" </dev/null >"$OUT" 2>"$ERR" || status=$?
}

@test "who has taken ps over reaches nothing of the host" {
	vm_only "its ps is not confined"
	local file
	mkdir -p "$T/tools/bin"
	cp "$BUILD/payload" "$T/tools/bin/ps"
	args /payload ready
	launch ready
	ps_trick say works
	expect_status 0
	expect_out works
	for file in /etc/shadow /root /run /sys/kernel /var /home "$TOP" "$T/bundle"; do
		[ -e "$file" ] || continue
		ps_trick stat "$file"
		expect_out_has 'No such file or directory'
	done
	python3 "$TOP/tests/lib/listener.py" "$T/tools/host.sock" "$T/heard" </dev/null >"$T/listener.log" 2>&1 3>&- &
	wait_for "the host's socket" test -S "$T/tools/host.sock"
	# In its root because it lies beside the program.
	ps_trick stat "$T/tools/host.sock"
	expect_out_has socket
	NOTIFY_SOCKET=$T/tools/host.sock ps_trick notify READY=1
	[ "$status" != 0 ] || expect_failed "no socket"
	[ ! -s "$T/heard" ] || expect_failed "no message"
	NOTIFY_SOCKET=$T/tools/host.sock "$BUILD/payload" notify CONTROL=1
	wait_for "the control" file_has "$T/heard" CONTROL=1
	for file in kill forks; do
		ps_trick "$file" 1
		[ "$status" != 0 ] || expect_failed "no $file"
	done
	call exec "$ID" /payload say alive
	expect_out alive
}

ps_has() {
	rt ps "$ID" </dev/null | grep -q "$1"
}

@test "ps without a pid namespace, with a user, a terminal and threads" {
	vm_only "it would list the machine's"
	config '.linux.namespaces |= map(select(.type != "pid")) | .process.user = {uid: 1000, gid: 1000} | .process.terminal = true'
	args payload trap TERM 0
	python3 "$TOP/tests/lib/terminal.py" 'expect:got 15' -- "$VMRT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" \
		</dev/null >"$T/terminal.out" 2>&1 3>&- &
	local terminal=$!
	wait_for "the process" ps_has ' payload trap'
	call ps "$ID" -eo pid,uid,tty,args
	expect_status 0
	expect_match "$(cat "$OUT")" $'^ +PID +UID TT +COMMAND\n +[0-9]+ +1000 pts/0 +payload trap TERM 0$'
	call ps "$ID" -eLf
	expect_match "$(head -n 1 "$OUT")" 'LWP'
	call kill "$ID" TERM
	expect_status 0
	wait "$terminal"
}


@test "events --stats has runc's members and the container's numbers" {
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}'
	args sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; exec sleep 1000'
	launch ready
	call events --stats "$ID"
	expect_status 0
	expect_err ""
	expect_equal "$(jq -c '[.type, .id, .data.memory.usage.limit, .data.pids.current, .data.pids.limit]' "$OUT")" \
		"[\"stats\",\"$ID\",67108864,1,50]"
	jq -e '.data.cpu.usage.total > 1000000 and (.data.memory.usage.usage | . > 10000 and . < 67108864) and
		.data.memory.raw.pgfault > 0 and .data.network_interfaces == null' "$OUT" >/dev/null || expect_failed "numbers"
	expect_equal "$(jq -c '.data | keys_unsorted' "$OUT")" \
		'["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
	local before
	before=$(jq .data.cpu.usage.total "$OUT")
	call exec "$ID" sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'
	call events --stats "$ID"
	jq -e ".data.cpu.usage.total > $before" "$OUT" >/dev/null || expect_failed "more than $before ns"
	call events --interval 0s "$ID"
	expect_refusal 'duration interval must be greater than 0'
	call events --interval 5x "$ID"
	expect_status 1
	call kill "$ID" KILL
	wait_exit
	call events --stats "$ID"
	expect_refusal "container with id $ID is not running"
	call events --stats nobody
	expect_refusal 'container does not exist'
}

@test "events streams numbers and OOM kills until the container ends" {
	config '.linux.resources = {memory: {limit: 33554432, swap: 33554432}}'
	args payload ready
	launch ready
	rt events --interval 100ms "$ID" </dev/null >"$T/events" 2>"$T/events.err" &
	local events=$!
	wait_for "numbers, again and again" stream_has stats 3
	call exec "$ID" dd if=/dev/zero of=/dev/null bs=64M count=1
	expect_status 137
	wait_for "an OOM kill" stream_has oom 1
	expect_equal "$(jq -c 'select(.type == "oom")' "$T/events" | head -n 1)" "{\"type\":\"oom\",\"id\":\"$ID\"}"
	if is_vm; then
		call pause "$ID"
		wait_for "a word on why there are none" grep -q paused "$T/events.err"
		call resume "$ID"
	fi
	call kill "$ID" KILL
	wait_exit
	call delete "$ID"
	status=0
	wait "$events" || status=$?
	expect_status 0
}

stream_has() {
	(($(jq -r .type "$T/events" 2>/dev/null | grep -cx "$1") >= $2))
}
