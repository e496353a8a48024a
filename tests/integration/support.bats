# What a VM cannot honour is named: refused, or in the container's log.

load ../lib/load

setup() {
	test_setup
	vm_only "runc honours it, or says it differently"
}
teardown() { test_teardown; }

# each_row ROWS ACTION: a row is a change of config.json and a text, with the last "|" between them.
each_row() {
	local line
	cp "$BUNDLE/config.json" "$T/config.json"
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		cp "$T/config.json" "$BUNDLE/config.json"
		config "${line%|*}"
		"$2" "${line##*|}"
	done <<<"$1"
}

REFUSED='
.linux.namespaces += [{type: "user", path: "/proc/self/ns/user"}]|linux.uidMappings, gidMappings: a user namespace needs them
.linux.netDevices = {eth0: {name: "net0"}}|linux.netDevices:
.linux.intelRdt = {closID: "x"}|linux.intelRdt: a VM
'

refused() {
	create
	expect_refusal "config.json: $1"
}

@test "what would not be the container that was asked for is refused" {
	each_row "$REFUSED" refused
}

# All at once: that each of them is named when it is alone is tests/unit/test_members.c's.
@test "what the container can do without is in its log" {
	local line
	config '.process += {apparmorProfile: "p", selinuxLabel: "l", execCPUAffinity: {initial: "0"}} |
		.linux += {mountLabel: "m", memoryPolicy: {mode: "MPOL_DEFAULT", nodes: ""}, resources: {
			cpu: {realtimeRuntime: 1000, realtimePeriod: 10000},
			memory: {kernel: 1000000, kernelTCP: 1000000, disableOOMKiller: true, swappiness: 60, useHierarchy: false},
			blockIO: {leafWeight: 10},
			network: {classID: 5, priorities: [{name: "eth0", priority: 5}]}, rdma: {mlx: {hcaHandles: 3}}}} |
		.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)'
	args /payload sleep 1000
	create_ok
	jq -r .msg "$ROOT/$ID/log" >"$T/log.container" || cp "$ROOT/$ID/log" "$T/log.container"
	while read -r line; do
		grep -qF -- "config.json: $line: " "$T/log.container" ||
			expect_failed "in the container's log: $line" "$(cat "$T/log.container")"
	done <<-END
		linux.namespaces
		linux.resources.cpu.realtimeRuntime
		linux.resources.cpu.realtimePeriod
		linux.resources.memory.kernel
		linux.resources.memory.kernelTCP
		linux.resources.memory.disableOOMKiller
		linux.resources.memory.swappiness
		linux.resources.memory.useHierarchy
		linux.resources.blockIO.leafWeight
		linux.resources.network.classID
		linux.resources.network.priorities
		linux.resources.rdma
		process.apparmorProfile
		process.selinuxLabel
		linux.mountLabel
		process.execCPUAffinity
		linux.memoryPolicy
	END
}
