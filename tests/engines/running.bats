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

@test "docker top, kill -s STOP and CONT" {
	scenario() {
		local before
		d run -d --name "$NAME" --runtime="$RT" --network none bb sh -c 'trap "exit 3" TERM; i=0
			while :; do i=$((i+1)); echo $i >/count; [ $i != 1 ] || echo ready; sleep 0.02; done' >/dev/null
		wait_for ready docker_log_has ready
		d top "$NAME" -eo pid,args | sed -n '2s/^ *[0-9]* //p'
		status d kill -s STOP "$NAME"
		d inspect -f '{{.State.Status}}' "$NAME"
		wait_for "it to stand still" process_is_stopped
		before=$(d exec "$NAME" cat /count)
		sleep 0.3
		[ "$(d exec "$NAME" cat /count)" = "$before" ] && echo "stands still"
		status d kill -s CONT "$NAME"
		wait_for "it to go on" counts_beyond "${before:-0}" && echo "goes on"
		status d stop -t 20 "$NAME"
		d inspect -f '{{.State.ExitCode}}' "$NAME"
	}
	compare scenario
	grep -qx 'goes on' "$T/vmrt.out"
}

process_is_stopped() {
	[ "$(d exec "$NAME" sed -n 's/^State:\t\(.\).*/\1/p' /proc/1/status)" = T ]
}

# The file is empty for a moment each time.
counts_beyond() {
	local now
	now=$(d exec "$NAME" cat /count)
	[ "${now:-0}" -gt "$1" ]
}

@test "docker stop with SIGTERM ignored, restart policies" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" --network none bb sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
		wait_for ready docker_log_has ready
		status d stop -t 1 "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		d rm "$NAME" >/dev/null
		# Always: also after status 0, until it is stopped by hand.
		d run -d --name "$NAME" --restart=always --runtime="$RT" --network none bb sh -c 'echo x >>/runs
			[ "$(wc -l </runs)" -lt 3 ] && exit 0; exec payload trap TERM 4' >/dev/null
		wait_for "the third run" docker_log_has ready
		d inspect -f '{{.State.Status}} {{.RestartCount}}' "$NAME"
		status d stop "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		status d start "$NAME"
		wait_for "it to run again" was_ready 2
		# A process that is killed is started again as well.
		d exec "$NAME" kill -TERM 1
		wait_for "another run" has_restarted 1 && echo restarted
		status d rm -f "$NAME"
	}
	compare scenario
	grep -qx 'exited 137' "$T/vmrt.out"
	grep -qx restarted "$T/vmrt.out"
}

# was_ready TIMES
was_ready() {
	[ "$(d logs "$NAME" 2>&1 | grep -c ready)" = "$1" ]
}

has_restarted() {
	[ "$(d inspect -f '{{.RestartCount}}' "$NAME")" -ge "$1" ]
}

# What a container's processes hold on the host and in the guest: descriptors, processes, files.
resources() {
	local pid=$1 qemu
	qemu=$(pgrep -P "$pid" qemu)
	echo "monitor's descriptors $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
	echo "QEMU's descriptors $(find "/proc/$qemu/fd" -mindepth 1 | wc -l)"
	echo "processes of it $(pgrep -c -P "$pid")"
	echo "files $(find "$(docker_dir)/exec/runtime-runc/moby/$2" -mindepth 1 ! -path '*/share/*' | wc -l)"
	echo "bundle $(find "$(docker_dir)/containerd-state/io.containerd.runtime.v2.task/moby/$2" -xdev -mindepth 1 \
		! -path '*/rootfs/*' | wc -l)"
	d exec "$NAME" sh -c 'set -- /proc/[0-9]*; echo "processes $#"; set -- /proc/1/fd/*; echo "init $#"'
}

# Resident memory of the monitor and QEMU in KiB, and what the guest has in use.
memory() {
	local pid=$1
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" "/proc/$(pgrep -P "$pid" qemu)/status"
	d exec "$NAME" awk '/^MemAvailable:/ { free = $2 } /^MemTotal:/ { total = $2 } END { print total - free }' /proc/meminfo
}

# Has the health check run as often?
checks_done() {
	[ "$(d exec "$NAME" sh -c 'wc -l </runs' 2>/dev/null || echo 0)" -ge "$1" ]
}

# lowest COMMAND…: of the numbers of several looks the lowest: a check that is under way holds more than one that is not.
lowest() {
	local look
	for look in {1..12}; do
		"$@"
	done | awk '{ n = $NF; sub(/ [0-9]+$/, ""); if (!($0 in least) || n < least[$0]) least[$0] = n } END { for (i in least) print i, least[i] }' |
		sort
}

@test "a health check that runs again and again leaves nothing behind" {
	vm_only "it looks at QEMU"
	local checks=${VMRT_TEST_HEALTH_CHECKS:-60} pid id before after
	RT=vmrt NAME=healthy
	id=$(d run -d --name "$NAME" --runtime=vmrt --network none --health-cmd 'echo x >>/runs' --health-interval 1ms bb payload ready)
	pid=$(d inspect -f '{{.State.Pid}}' "$NAME")
	wait_seconds "$checks" "the first checks" checks_done $((checks / 6))
	lowest resources "$pid" "$id" >"$T/before"
	before=$(memory "$pid")
	wait_seconds $((checks * 2)) "$checks checks" checks_done "$checks"
	expect_equal "$(d inspect -f '{{.State.Health.Status}}' "$NAME")" healthy
	after=$(memory "$pid")
	echo "$checks checks; KiB of the monitor, QEMU and in the guest before: ${before//$'\n'/ } after: ${after//$'\n'/ }" |
		tee "${VMRT_TEST_REPORT:-/dev/null}"
	lowest resources "$pid" "$id" >"$T/after"
	# Two checks under way at most; a leak would be one thing a check.
	paste -d ' ' "$T/before" "$T/after" | awk '{ if ($NF > $(NF / 2) + 8) { print; bad = 1 } } END { exit bad || NR < 7 }' ||
		expect_failed "as much to be held as in the beginning:" "$(cat "$T/before")" "$(cat "$T/after")"
	# Of memory: not another kilobyte a check. QEMU translates more code at times; the guest's kernel fills its lists of
	# free pages for each CPU, and stops.
	paste <(echo "$before") <(echo "$after") | awk -v checks="$checks" 'BEGIN { allow[1] = checks + 512; allow[2] = checks + 16384; allow[3] = checks + 8192 }
		$2 - $1 > allow[NR] { print "grown from " $1 " to " $2 " KiB"; bad = 1 } END { exit bad }'
}

@test "docker exec that races with the container's end never hangs" {
	vm_only "runc has no such race"
	local rounds=${VMRT_TEST_RACES:-10} round result client
	RT=vmrt
	for ((round = 1; round <= rounds; round++)); do
		NAME=race-$round
		run_idle
		timeout 60 env DOCKER_CONFIG="$(docker_dir)/client" "$DOCKER" -H "unix://$(docker_dir)/docker.sock" \
			exec "$NAME" sh -c 'echo x; exit 7' >"$T/race.out" 2>&1 3>&- &
		client=$!
		# From before the request to after the answer.
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		if ((round % 2)); then d kill "$NAME" >/dev/null; else d rm -f "$NAME" >/dev/null; fi
		result=0
		wait "$client" || result=$?
		((result != 124)) || expect_failed "docker exec to end in round $round"
		((result == 7 || result == 137 || result == 126 || result == 1 || result == 255)) ||
			expect_failed "a status of the end in round $round, got $result: $(cat "$T/race.out")"
		d rm -f "$NAME" >/dev/null 2>&1 || true
	done
	[ -z "$(d ps -aq)" ] || expect_failed "no container"
}
