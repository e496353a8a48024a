# What config.json sets of the process and of its kernel, read back inside: one row per member.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# A row: a change of config.json, the program, its output.
# IOPRIO_CLASS_BE with level 4 is what the kernel reports for "none".
ROWS='
.process.scheduler = {policy: "SCHED_BATCH", nice: 5}|/payload scheduling|policy=3 nice=5 priority=0 flags=0 runtime=0 deadline=0 period=0 io=
.process.scheduler = {policy: "SCHED_FIFO", priority: 10}|/payload scheduling|policy=1 nice=0 priority=10 flags=0 runtime=0 deadline=0 period=0 io=
.process.scheduler = {policy: "SCHED_OTHER", nice: -5, flags: ["SCHED_FLAG_RESET_ON_FORK"]}|/payload scheduling|policy=0 nice=-5 priority=0 flags=1 runtime=
.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 20000000, period: 20000000}|/payload scheduling|policy=6 nice=0 priority=0 flags=0 runtime=1000000 deadline=20000000 period=20000000 io=
.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}|/payload scheduling|policy=0 nice=0 priority=0 flags=0 runtime=0 deadline=0 period=0 io=2:6
.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}|/payload scheduling|policy=0 nice=0 priority=0 flags=0 runtime=0 deadline=0 period=0 io=3:0
.linux.personality = {domain: "LINUX32"}|/payload personality|personality=8
.linux.personality = {domain: "LINUX"}|/payload personality|personality=0
.process.oomScoreAdj = 500|/payload show /proc/self/oom_score_adj|500
.process.oomScoreAdj = -500|/payload show /proc/self/oom_score_adj|-500
del(.process.oomScoreAdj)|/payload show /proc/self/oom_score_adj|0
.linux.sysctl = {"kernel.msgmax": "12345"}|/payload show /proc/sys/kernel/msgmax|12345
.linux.sysctl = {"fs.mqueue.msg_max": "77"}|/payload show /proc/sys/fs/mqueue/msg_max|77
.linux.sysctl = {"net.ipv4.ip_forward": "1"}|/payload show /proc/sys/net/ipv4/ip_forward|1
.linux.sysctl = {"net/ipv4/ip_default_ttl": "33"}|/payload show /proc/sys/net/ipv4/ip_default_ttl|33
.linux.sysctl = {"vm.swappiness": "7"}|/payload show /proc/sys/vm/swappiness|7
.domainname = "example.org"|/payload show /proc/sys/kernel/domainname|example.org
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2000000, hard: 2000000}]|/bin/sh -c "ulimit -n"|2000000
'

check_row() {
	local change=$1 program=$2 want=$3 words got
	# The default configuration again: a row stands alone.
	cp "$T/config.json" "$BUNDLE/config.json"
	config "$change"
	eval "words=($program)"
	run_container "${words[@]}"
	expect_status 0
	got=$(cat "$OUT")
	[[ $got == "$want"* ]] || expect_failed "$change:" "$want"
}

@test "every setting of the process and its kernel is there" {
	vm_only "the host's kernel refuses some of them to a container"
	local change program want
	cp "$BUNDLE/config.json" "$T/config.json"
	while IFS='|' read -r change program want; do
		[ -z "$change" ] || check_row "$change" "$program" "$want"
	done <<<"$ROWS"
}

@test "a time namespace has its offsets" {
	vm_only "runc 1.1 has no time namespace"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 100000}, boottime: {secs: 5000000, nanosecs: 5}}'
	run_container /bin/sh -c 'cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime'
	expect_status 0
	expect_match "$(cat "$OUT")" '^monotonic +100000 +0
boottime +5000000 +5
50000[0-9]{2}$'
}

@test "a sysctl that does not exist is refused by name" {
	config '.linux.sysctl = {"net.coffee": "1"}'
	run_container /bin/true
	expect_status 1
	expect_err_has "write sysctl key net"
	expect_err_has "/proc/sys/net/coffee: no such file or directory"
}

@test "limits that config.json does not set are the caller's" {
	(
		ulimit -Sc 0
		ulimit -Sn 555
		ulimit -Hn 666
		run_container /payload rlimits
		cp "$OUT" "$T/limits"
	)
	OUT=$T/limits
	expect_out_line "NOFILE 555 666"
	grep -q '^CORE 0 ' "$OUT" || expect_failed "a soft limit of 0 for CORE"
}

hook() {
	printf '#!/bin/sh\n%s\n' "$2" >"$ROOTFS/bin/$1"
	chmod +x "$ROOTFS/bin/$1"
}

@test "startContainer hooks run inside, in order, with the state, before the program" {
	hook first 'echo "first $# $0 $HOOK $(id -u) $(cat)" >>/data/log; pwd >>/data/log'
	hook second 'echo "second $1" >>/data/log; echo "not the output"'
	config '.hooks.startContainer = [{path: "/bin/first", args: ["named", "a", "b"], env: ["HOOK=yes", "PATH=/bin"]},
		{path: "/bin/second", args: ["second", "x"]}] | .annotations = {a: "b"}'
	run_container /bin/sh -c 'echo program >>/data/log; echo out'
	expect_status 0
	expect_out out
	expect_equal "$(sed -n 1p "$ROOTFS/data/log" | sed 's/{.*//')" "first 2 /bin/first yes 0 "
	expect_equal "$(sed -n 2,4p "$ROOTFS/data/log")" "/
second x
program"
	sed -n '1s/^[^{]*//p' "$ROOTFS/data/log" >"$T/state"
	expect_equal "$(jq -c '[.id, .status, .pid, .bundle, .annotations.a]' "$T/state")" "[\"$ID\",\"created\",1,\"$BUNDLE\",\"b\"]"
}

@test "a startContainer hook that fails ends the start" {
	hook good 'exit 0'
	hook bad 'echo reason >&2; exit 3'
	config '.hooks.startContainer = [{path: "/bin/good"}, {path: "/bin/bad"}]'
	create_ok
	call start "$ID"
	expect_status 1
	expect_err_has "error running startContainer hook #1 (/bin/bad): exit status 3, stderr: reason"
	wait_for "the container is stopped" state_is stopped
}

@test "a startContainer hook that does not end is killed after its timeout" {
	hook slow 'exec sleep 1000'
	config '.hooks.startContainer = [{path: "/bin/slow", timeout: 1}]'
	create_ok
	call start "$ID"
	expect_status 1
	expect_err_has "timeout of 1 s exceeded"
}

@test "all hooks run in the order of the specification" {
	local kind
	hook inside 'echo startContainer >>/data/log'
	for kind in prestart createRuntime createContainer poststart poststop; do
		printf '#!/bin/sh\ncat >/dev/null\necho %s >>%s\n' "$kind" "$ROOTFS/data/log" >"$T/$kind"
		chmod +x "$T/$kind"
		config '.hooks[$k] = [{path: "\($t)/\($k)"}]' --arg k "$kind" --arg t "$T"
	done
	config '.hooks.startContainer = [{path: "/bin/inside"}]'
	run_container /bin/sh -c 'until grep -q poststart /data/log; do :; done'
	expect_status 0
	expect_equal "$(cat "$ROOTFS/data/log")" "prestart
createRuntime
createContainer
startContainer
poststart
poststop"
}

@test "a hook on the host that fails ends create or start, after the container's end it only warns" {
	local kind
	printf '#!/bin/sh\necho why >&2\nexit 3\n' >"$T/bad"
	chmod +x "$T/bad"
	args /payload sleep 1000
	for kind in prestart createRuntime createContainer; do
		config '.hooks = {($k): [{path: $b}]}' --arg k "$kind" --arg b "$T/bad"
		create
		expect_status 1
		expect_match "$(cat "$ERR")" "error running .*hook #0.*exit status 3,.* stderr: why"
		[ -z "$(ls -A "$ROOT")" ] || expect_failed "no state after a $kind hook that failed"
	done
	# runc 1.1 runs these in create.
	if is_vm; then
		config '.hooks = {poststart: [{path: $b}]}' --arg b "$T/bad"
		create_ok
		call start "$ID"
		expect_status 1
		expect_match "$(cat "$ERR")" "error running .*hook #0.*exit status 3,.* stderr: why"
		wait_exit
		expect_status 137
		rt delete --force "$ID"
	fi
	config '.hooks = {poststop: [{path: $b}, {path: "/usr/bin/touch", args: ["touch", $t]}]}' --arg b "$T/bad" --arg t "$T/second"
	run_container /payload exit 7
	expect_status 7
	# runc leaves the others out.
	! is_vm || [ -e "$T/second" ] || expect_failed "the next hook to run"
	[ -z "$(ls -A "$ROOT")" ] || expect_failed "no state after a poststop hook that failed"
}

@test "an exec session is set as its container is" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 5}]} |
		.linux.resources = {memory: {limit: 134217728}, pids: {limit: 40}} | .process.oomScoreAdj = 300'
	args /payload sleep 1000
	launch
	call exec "$ID" /bin/sh -c 'payload syscall 111; cat /proc/self/oom_score_adj /proc/self/cgroup; head -n 1 /sys/fs/cgroup/pids.max
		mknod /dev/k c 1 11 && (: </dev/k) 2>/dev/null || echo no kmsg; payload caps | grep bounding; payload mounts | grep -c "^/proc/keys "'
	expect_status 0
	cp "$OUT" "$T/inside"
	expect_equal "$(sed -n 1p "$T/inside")" EIO seccomp
	expect_equal "$(sed -n 2p "$T/inside")" 300 "oom_score_adj"
	grep -qx "no kmsg" "$T/inside" || expect_failed "the device filter"
	grep -qx "bounding=00000000a80425fb" "$T/inside" || expect_failed "the capabilities"
	expect_equal "$(tail -n 1 "$T/inside")" 1 "masked paths"
	if is_vm; then expect_equal "$(grep -c '^40$' "$T/inside")" 1 "pids.max"; fi
}
