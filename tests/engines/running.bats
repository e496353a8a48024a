# What docker does with a running container, with the runtime under test as with runc: each scenario runs with both, and
# every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

# A container of the scenario that only waits; options before the image may be given.
run_idle() {
	d run -d --name "$NAME" --runtime="$RT" --network none "$@" bb payload ready >/dev/null
	wait_for ready docker_log_has ready
}

# What the container says of its limits; on cgroup v1 and v2 alike.
show_limits() {
	d exec "$NAME" sh -c 'cd /sys/fs/cgroup
		cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes
		cat pids.max 2>/dev/null || cat pids/pids.max
		sed "s/ .*//" cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us'
}

@test "docker update: memory, CPUs, processes" {
	scenario() {
		run_idle -m 128m --memory-swap 256m --cpus 1 --pids-limit 100
		show_limits
		status d update -m 64m --cpus 0.5 --pids-limit 40 "$NAME" | sed "s/$NAME/NAME/"
		show_limits
		d inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}' "$NAME"
		status d update --restart=no --cpu-shares 300 "$NAME" | sed "s/$NAME/NAME/"
		status d update -m 100m --memory-swap 100m "$NAME" | sed "s/$NAME/NAME/"
		d exec "$NAME" dd if=/dev/zero of=/dev/null bs=150M count=1
		echo "150 MB: $?"
		d exec "$NAME" dd if=/dev/zero of=/dev/null bs=50M count=1 2>/dev/null
		echo "50 MB: $?"
	}
	compare scenario
	grep -qx 67108864 "$T/vmrt.out"
	grep -qx '150 MB: 137' "$T/vmrt.out"
}
