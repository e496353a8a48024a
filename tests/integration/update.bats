# update: other limits for a container that runs, in the guest and on the host.

load ../lib/load

setup() { test_setup; }
teardown() {
	test_teardown
	find /sys/fs/cgroup -depth -type d -path "*/vmrt-test-$$*" -exec rmdir {} + 2>/dev/null || true
}

is_v2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}

# host_value CONTROLLER V1-FILE V2-FILE: of the container's cgroup on the host.
host_value() {
	local file=$2 mount
	mount=$(findmnt -n -t cgroup -o TARGET,OPTIONS | awk -v c="$1" '$2 ~ "(^|,)" c "(,|$)" { print $1; exit }')
	if is_v2; then mount=/sys/fs/cgroup file=$3; fi
	cat "$mount/vmrt-test-$$/$ID/$file"
}

# limits WANTED: of the container's own cgroup, in the guest, are these: memory, cpu, pids, weight.
limits() {
	call exec "$ID" sh -c 'cd /sys/fs/cgroup; echo $(cat memory.max cpu.max pids.max cpu.weight)'
	expect_out "$1"
}

launch_limited() {
	# shellcheck disable=SC2016 # jq's variable
	config '.linux.cgroupsPath = $p |
		.linux.resources = {memory: {limit: 134217728}, cpu: {shares: 512, quota: 100000, period: 100000}, pids: {limit: 50}}' \
		--arg p "/vmrt-test-$$/$ID"
	args "$@"
	launch ready
}

@test "update changes what is given, in the guest exactly and on the host with the VM's own need" {
	vm_only "it has one cgroup"
	launch_limited payload ready
	local memory
	memory=$(host_value memory memory.limit_in_bytes memory.max)
	limits "134217728 100000 100000 50 20"
	call update --memory 64m --cpu-quota 50000 --pids-limit 40 --cpu-share 1024 "$ID"
	expect_status 0
	limits "67108864 50000 100000 40 39"
	expect_equal "$(host_value pids pids.max pids.max)" 552
	expect_equal "$(host_value cpu cpu.cfs_quota_us cpu.max)" "$(is_v2 && echo '150000 100000' || echo 150000)"
	# The VM stays as large as it is.
	expect_equal "$(host_value memory memory.limit_in_bytes memory.max)" "$memory"
	# One half of a pair, zeros, an empty list: as engines send them.
	echo '{"memory": {"limit": 0, "swap": 0, "reservation": 0}, "cpu": {"shares": 0, "quota": 0, "period": 50000, "cpus": "",
		"mems": ""}, "blockIO": {"weight": 0}, "pids": {"limit": -1}}' >"$T/resources"
	call update --resources "$T/resources" "$ID"
	expect_status 0
	limits "67108864 50000 50000 max 39"
	expect_equal "$(host_value pids pids.max pids.max)" max
	rt update -r - "$ID" <<<'{"memory": {"limit": 134217728}, "cpu": {"quota": -1}}'
	limits "134217728 max 50000 max 39"
	call update "$ID"
	expect_status 0
}

@test "what cannot be changed is refused by name, and nothing else is changed" {
	vm_only "it is the host's to refuse"
	launch_limited payload ready
	local row option reason
	while IFS='|' read -r option reason; do
		# shellcheck disable=SC2086 # options
		call update $option "$ID"
		expect_refusal "$reason"
		limits "134217728 100000 100000 50 20"
	done <<-'END'
		--memory 256m --pids-limit 10|update: memory.limit: 268435456 bytes are more than the VM
		--cpu-quota 200000 --pids-limit 10|update: cpu.quota: 200000 in 100000 us is more than the CPUs
		--cpu-rt-runtime 1000|update: cpu.realtimeRuntime, realtimePeriod: cgroup v2, the guest's, has none
		--blkio-weight 5|update: blockIO.weight: 5 is not between 10 and 1000
		--l3-cache-schema x|update: intelRdt: the host's hardware is not the VM's
		--memory 1k|unable to set memory limit to 1024 (current usage: 
		--memory x|invalid value for memory: invalid size: 'x'
		--cpu-quota 5x|invalid value for cpu-quota: '5x' is no number
		--pids-limit 10 --cpuset-cpus 9999|cgroup: writing '9999' to
	END
	expect_equal "$(host_value pids pids.max pids.max)" 562
	rt update -r - "$ID" <<<'{"cpu":' >"$T/call.out" 2>"$T/call.err" && expect_failed "no success"
	expect_err_has 'standard input:'
	# The guest refuses the last of three files: none of them is changed, there and here.
	rt update -r - "$ID" <<<'{"memory": {"limit": 100000000}, "pids": {"limit": 20}, "unified": {"memory.high": "nonsense"}}' \
		>"$T/call.out" 2>"$T/call.err" && expect_failed "no success"
	expect_err_has 'write memory.high (nonsense): invalid argument'
	limits "134217728 100000 100000 50 20"
	expect_equal "$(host_value pids pids.max pids.max)" 562
	call pause "$ID"
	call update --pids-limit 10 "$ID"
	expect_refusal 'the container is paused'
	call kill "$ID" KILL
	wait_exit
	call update --pids-limit 10 "$ID"
	expect_refusal 'container not running'
	call update --pids-limit 10 nobody
	expect_refusal 'container does not exist'
}

@test "a limit that was lowered holds" {
	config '.linux.resources = {memory: {limit: 134217728, swap: 134217728}}'
	args /payload ready
	launch ready
	call exec "$ID" dd if=/dev/zero of=/dev/null bs=80M count=1
	expect_status 0
	call update --memory 48M --memory-swap 48M "$ID"
	expect_status 0
	call exec "$ID" dd if=/dev/zero of=/dev/null bs=80M count=1
	expect_status 137
	call update --memory 128M --memory-swap 128M "$ID"
	expect_status 0
	call exec "$ID" dd if=/dev/zero of=/dev/null bs=80M count=1
	expect_status 0
}
