# The host's cgroup: who is in it, its limits, its end.

load ../lib/load

setup() { test_setup; }
teardown() {
	test_teardown
	find /sys/fs/cgroup -depth -type d -path "*/vmrt-test-$$*" -exec rmdir {} + 2>/dev/null || true
}

# The directory of the container's cgroup that has controller $1.
cgroup_dir() {
	local mount
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		mount=/sys/fs/cgroup
	else
		mount=$(findmnt -n -t cgroup -o TARGET,OPTIONS | awk -v c="$1" '$2 ~ "(^|,)" c "(,|$)" { print $1; exit }')
	fi
	echo "$mount/vmrt-test-$$/$ID"
}

is_v2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}

set_path() {
	config '.linux.cgroupsPath = $p' --arg p "/vmrt-test-$$/$ID"
}

@test "the container's processes are in its cgroup from create to delete" {
	local dir name
	set_path
	dir=$(cgroup_dir memory)
	args /payload sleep 1000
	create_ok
	grep -qx "$PID" "$dir/cgroup.procs" || expect_failed "the container's pid in $dir"
	for name in qemu-system virtiofsd; do
		grep -lq "$name" $(sed 's#.*#/proc/&/cmdline#' "$dir/cgroup.procs") || expect_failed "$name in $dir"
	done
	start_ok
	rt kill "$ID" KILL
	wait_exit
	rt delete "$ID"
	[ ! -e "$dir" ] || expect_failed "no cgroup after delete"
}

@test "the host's limits are the container's and the virtual machine's own" {
	vm_only "runc's are exact"
	set_path
	config '.linux.resources = {memory: {limit: 67108864, swap: 134217728}, cpu: {shares: 512, quota: 50000, period: 100000}, pids: {limit: 50}}'
	args /payload sleep 1000
	create_ok
	if is_v2; then
		[ "$(cat "$(cgroup_dir memory)/memory.max")" -gt $((64 << 20)) ]
		expect_equal "$(cat "$(cgroup_dir cpu)/cpu.max")" "150000 100000"
		expect_equal "$(cat "$(cgroup_dir pids)/pids.max")" 562
	else
		[ "$(cat "$(cgroup_dir memory)/memory.limit_in_bytes")" -gt $((64 << 20)) ]
		[ "$(cat "$(cgroup_dir memory)/memory.limit_in_bytes")" -lt $((2 << 30)) ]
		expect_equal "$(cat "$(cgroup_dir cpu)/cpu.shares")" 512
		expect_equal "$(cat "$(cgroup_dir cpu)/cpu.cfs_quota_us")" 150000
		expect_equal "$(cat "$(cgroup_dir cpu)/cpu.cfs_period_us")" 100000
		expect_equal "$(cat "$(cgroup_dir pids)/pids.max")" 562
	fi
}

@test "the CPU list binds the virtual machine" {
	set_path
	config '.linux.resources = {cpu: {cpus: "0"}}'
	args /payload sleep 1000
	create_ok
	expect_equal "$(cat "$(cgroup_dir cpuset)/cpuset.cpus")" 0
	expect_match "$(grep Cpus_allowed_list "/proc/$PID/status")" '[[:space:]]0$'
}

@test "a relative path is below the caller's cgroup, an absent one is named like the container" {
	args /payload sleep 1000
	create_ok
	expect_match "$(grep -E '^[0-9]+:(memory)?:' "/proc/$PID/cgroup" | head -n 1)" "/$ID\$"
	rt delete --force "$ID"
	expect_equal "$(find /sys/fs/cgroup -type d -name "$ID" | wc -l)" 0
}

@test "a create that fails leaves no cgroup" {
	set_path
	args /no/such/program
	create
	expect_status 1
	[ ! -e "$(cgroup_dir memory)" ] || expect_failed "no cgroup"
}

@test "a create that fails and cannot remove its cgroup leaves the list of it to delete --force" {
	local dir
	vm_only "runc tells no more than an error"
	set_path
	dir=$(cgroup_dir memory)
	printf '#!/bin/sh\nsleep 1000 </dev/null >/dev/null 2>&1 &\necho $! >%s/stays\necho $! >%s/cgroup.procs\nexit 7\n' "$T" "$dir" >"$T/hook"
	chmod +x "$T/hook"
	config '.hooks.createRuntime = [{path: $p}]' --arg p "$T/hook"
	args /payload ready
	create
	[ "$status" -ne 0 ] || expect_failed "a create that fails"
	kill "$(cat "$T/stays")"
	wait_for "its end" process_is_gone "$(cat "$T/stays")"
	[ -d "$dir" ] || expect_failed "a cgroup that could not be removed"
	call delete --force "$ID"
	expect_status 0
	[ ! -e "$dir" ] || expect_failed "no cgroup after delete --force"
	[ ! -e "$ROOT/$ID" ] || expect_failed "no state after delete --force"
}

@test "a path that leads out is refused" {
	vm_only "runc cleans it"
	config '.linux.cgroupsPath = "/a/../../b"'
	create
	expect_refusal "config.json: linux.cgroupsPath: '/a/../../b' has '..' in it"
}

# The kills for want of memory that the kernel has counted in directory $1.
kills() {
	sed -n 's/^oom_kill //p' "$1/memory.events" "$1/memory.oom_control" 2>/dev/null || true
}

has_kills() {
	[ "$(kills "$1")" -ge "$2" ]
}

@test "a child that is killed for want of memory is such an event while the container lives" {
	local dir limit
	vm_only "the kernel does it"
	set_path
	config '.linux.resources = {memory: {limit: 33554432, swap: 33554432}}'
	args /bin/sh -c 'read go; payload allocate 64; echo "child $?"; cat /etc/notes; read go; echo end'
	mkfifo "$T/in"
	exec {input}<>"$T/in"
	STDIN=$T/in launch
	dir=$(cgroup_dir memory)
	limit=$(host_limit)
	expect_equal "$(kills "$dir")" 0
	echo >&"$input"
	wait_for "the child's end" file_has "$OUT" "plain text"
	wait_for "an event" has_kills "$dir" 1
	state_is running
	wait_for "the limit of before" limit_is "$limit"
	# The machine goes on as before; what was told is not told again at the end.
	call exec "$ID" /bin/echo well
	expect_out well
	look_at_container
	echo >&"$input"
	wait_exit
	expect_status 0
	expect_out "child 137
plain text
end"
	expect_equal "$(kills "$dir")" 1
}

host_limit() {
	cat "$dir"/memory.limit_in_bytes "$dir"/memory.max 2>/dev/null || true
}

limit_is() {
	[ "$(host_limit)" = "$1" ]
}

@test "memory that ran out in the guest is an event of the host's cgroup" {
	local dir
	vm_only "the kernel does it"
	set_path
	config '.linux.resources = {memory: {limit: 33554432, swap: 33554432}}'
	args /payload allocate 64
	create_ok
	dir=$(cgroup_dir memory)
	start_ok
	wait_exit
	expect_status 137
	has_kills "$dir" 1 || expect_failed "an OOM kill counted in $dir"
}
