# linux.resources as the container meets them: read back from its own cgroup, and as they act.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# A row: members of linux.resources, a file of the container's cgroup, its content.
ROWS='
{memory: {limit: 67108864}}|memory.max|67108864
{memory: {limit: -1}}|memory.max|max
{memory: {limit: 67108864, swap: 100663296}}|memory.swap.max|33554432
{memory: {limit: 67108864, swap: -1}}|memory.swap.max|max
{memory: {limit: 67108864, swap: 67108864}}|memory.swap.max|0
{memory: {reservation: 33554432}}|memory.low|33554432
{cpu: {shares: 1024}}|cpu.weight|39
{cpu: {shares: 2}}|cpu.weight|1
{cpu: {shares: 262144}}|cpu.weight|10000
{cpu: {shares: 0}}|cpu.weight|100
{cpu: {quota: 50000, period: 100000}}|cpu.max|50000 100000
{cpu: {quota: 20000}}|cpu.max|20000 100000
{cpu: {quota: -1, period: 50000}}|cpu.max|max 50000
{cpu: {idle: 1}}|cpu.idle|1
{pids: {limit: 50}}|pids.max|50
{pids: {limit: -1}}|pids.max|max
{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}|hugetlb.2MB.max|4194304
{unified: {"memory.high": "50331648"}}|memory.high|50331648
{unified: {"cpuset.cpus": "1"}}|memory.max|max
'

@test "every limit is in the container's cgroup" {
	vm_only "its files are cgroup v1's on a v1 host"
	local resources file want
	while IFS='|' read -r resources file want; do
		[ -n "$resources" ] || continue
		config ".linux.resources = $resources"
		run_container /payload show "/sys/fs/cgroup/$file"
		expect_status 0
		expect_equal "$(cat "$OUT")" "$want" "$resources: $file"
	done <<<"$ROWS"
}

@test "memory beyond the limit ends the process with 137" {
	config '.linux.resources = {memory: {limit: 33554432, swap: 33554432}}'
	run_container /payload allocate 64
	expect_status 137
	run_container /payload allocate 16
	expect_status 0
}

@test "the whole of the memory limit is usable" {
	vm_only "the VM's size is the question"
	config '.linux.resources = {memory: {limit: 67108864}}'
	run_container /payload allocate 60
	expect_status 0
}

@test "processes beyond the limit cannot be made" {
	config '.linux.resources = {pids: {limit: 3}}'
	run_container /bin/sh -c 'sleep 100 & sleep 100 & sleep 100 & wait'
	expect_err_has "can't fork"
}

@test "the CPU list of the host says how many CPUs there are" {
	vm_only "a VM has virtual ones"
	config '.linux.resources = {cpu: {cpus: "0"}}'
	run_container nproc
	expect_out 1
}

@test "swap below memory is refused by name" {
	vm_only "runc says it differently per cgroup version"
	config '.linux.resources = {memory: {limit: 67108864, swap: 1048576}}'
	create
	expect_refusal "config.json: linux.resources.memory.swap: memory+swap limit should be >= memory limit"
	config '.linux.resources = {unified: {"../escape": "1"}}'
	create
	expect_refusal "linux.resources.unified: '../escape' is no file of a controller"
}

@test "a file the guest's kernel does not have is refused by name" {
	vm_only "the host's kernel has other files"
	config '.linux.resources = {unified: {"memory.coffee": "1"}}'
	create
	expect_status 1
	expect_err_has "memory.coffee"
}
