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
'

refused() {
	create
	expect_refusal "config.json: $1"
}

@test "what would not be the container that was asked for is refused" {
	each_row "$REFUSED" refused
}

WARNED='
.process.apparmorProfile = "p"|process.apparmorProfile, process.selinuxLabel, linux.mountLabel: the guest
.process.selinuxLabel = "l"|process.apparmorProfile, process.selinuxLabel, linux.mountLabel: the guest
.linux.intelRdt = {closID: "x"}|linux.intelRdt, linux.memoryPolicy: the host
.process.execCPUAffinity = {initial: "0"}|process.execCPUAffinity: the host
.linux.resources = {cpu: {realtimeRuntime: 1000, realtimePeriod: 10000}}|linux.resources.cpu.realtimeRuntime, realtimePeriod: not applied
.linux.resources = {memory: {kernel: 1000000}}|linux.resources.memory.kernel, kernelTCP, disableOOMKiller: not applied
.linux.resources = {memory: {disableOOMKiller: true}}|linux.resources.memory.kernel, kernelTCP, disableOOMKiller: not applied
.linux.resources = {network: {classID: 5}}|linux.resources.network, rdma:
.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)|linux.namespaces: a VM cannot join a namespace
'

warned() {
	create_ok
	grep -qF -- "config.json: $1" "$ROOT/$ID/log" || expect_failed "in the container's log: $1" "$(cat "$ROOT/$ID/log")"
	rt delete --force "$ID"
}

@test "what the container can do without is in its log" {
	each_row "$WARNED" warned
}
