# The host has no processes, no memory, no disk left: for a command, or for a container that runs already.

load ../lib/load

setup() {
	test_setup
	GROUP=vmrt-short-$$
}

teardown() {
	test_teardown
	# Whoever is told of an end first may be faster than the kernel with the group.
	wait_for "the control groups to be empty" groups_are_removed
}

groups_are_removed() {
	find /sys/fs/cgroup -depth -type d -path "*/$GROUP*" -exec rmdir {} + 2>/dev/null
	[ -z "$(find /sys/fs/cgroup -type d -path "*/$GROUP*" 2>/dev/null)" ]
}

is_v2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}

# group_make CONTROLLER: a group for the test ($PARENT), in it one for commands and, by cgroupsPath, the container's.
group_make() {
	local mount=/sys/fs/cgroup
	if is_v2; then
		echo "+$1" >"$mount/cgroup.subtree_control"
	else
		mount=$(findmnt -n -t cgroup -o TARGET,OPTIONS | awk -v c="$1" '$2 ~ "(^|,)" c "(,|$)" { print $1; exit }')
	fi
	PARENT=$mount/$GROUP
	mkdir "$PARENT"
	! is_v2 || echo "+$1" >"$PARENT/cgroup.subtree_control"
	mkdir "$PARENT/command"
	config '.linux.cgroupsPath = $p' --arg p "/$GROUP/$ID"
}

# group_call ARG…: a call from within the group; the status is in $status.
group_call() {
	status=0
	OUT=$T/call.out ERR=$T/call.err
	# shellcheck disable=SC2016 # the inner shell's
	timeout --foreground -k 5 "$CALL_LIMIT_S" bash -c 'echo $$ >"$0/command/cgroup.procs" && exec "$@"' "$PARENT" \
		"$VMRT" --root "$ROOT" "$@" </dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# The neighbour's, if there is one, stays.
no_other_processes() {
	[ -z "$(leaked_processes | awk -v spared="${NEIGHBOUR-}" '$1 != spared')" ]
}

expect_nothing_left() {
	call delete --force "$ID"
	expect_status 0
	[ ! -e "$ROOT/$ID" ] || expect_failed "no state $1"
	[ ! -e "$PARENT/$ID" ] || expect_failed "no control group $1"
	wait_seconds 5 "no process is left $1" no_other_processes
}

@test "create and exec with a full pids cgroup fail with one line and leave nothing" {
	vm_only "runc's own"
	local limit verb refused=0
	group_make pids
	runtime_config '.["boot-timeout"] = 8'
	args /payload ready
	for limit in 1 2 3 5 7; do
		echo "$limit" >"$PARENT/pids.max"
		group_call create --bundle "$BUNDLE" "$ID"
		if [ "$status" != 0 ]; then
			expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr with $limit processes"
			[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state with $limit processes"
			refused=$((refused + 1))
		fi
		expect_nothing_left "with $limit processes"
	done
	((refused >= 3)) || expect_failed "a group that was full"
	echo max >"$PARENT/pids.max"
	runtime_config 'del(.["boot-timeout"])'
	launch ready
	# All that there are now, and the command itself.
	echo "$(($(cat "$PARENT/pids.current") + 1))" >"$PARENT/pids.max"
	group_call exec "$ID" /payload say never
	expect_status 255
	expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr"
	for verb in pause resume; do
		group_call "$verb" "$ID"
		expect_status 0
	done
	echo max >"$PARENT/pids.max"
	call exec "$ID" /payload say alive
	expect_out alive
	group_call delete --force "$ID"
	expect_status 0
}

@test "without memory create fails and a container is killed, and nobody else" {
	vm_only "runc's own"
	local size file=memory.limit_in_bytes used=memory.usage_in_bytes max=-1 refused=0
	! is_v2 || file=memory.max used=memory.current max=max
	args /payload ready
	mkdir "$T/other"
	jq --arg r "$ROOTFS" '.root.path = $r' "$BUNDLE/config.json" >"$T/other/config.json"
	"$VMRT" --root "$ROOT" run -d --bundle "$T/other" --pid-file "$T/neighbour.pid" "$ID-n" </dev/null >"$T/neighbour.out" 2>&1 3>&-
	wait_for "the neighbour runs" file_has "$T/neighbour.out" ready
	NEIGHBOUR=$(cat "$T/neighbour.pid")
	group_make memory
	runtime_config '.["boot-timeout"] = 8'
	for size in 1 4 16 48; do
		echo "${size}M" >"$PARENT/$file"
		group_call create --bundle "$BUNDLE" "$ID"
		if [ "$status" != 0 ]; then
			# It may be the victim itself.
			[ "$(grep -c . "$ERR")" -le 1 ] || expect_failed "one line on stderr with $size MiB"
			refused=$((refused + 1))
		fi
		expect_nothing_left "with $size MiB"
	done
	((refused >= 3)) || expect_failed "a lack of memory"
	echo "$max" >"$PARENT/$file"
	runtime_config 'del(.["boot-timeout"])'
	launch ready
	echo $(($(cat "$PARENT/$used") + (24 << 20))) >"$PARENT/$file"
	# The guest has it, the host has not.
	group_call exec "$ID" /payload allocate 200
	[ "$status" != 0 ] || expect_failed "no memory"
	wait_exit
	[ "$status" != 0 ] || expect_failed "no success"
	echo "$max" >"$PARENT/$file"
	expect_nothing_left "of the killed one"
	call exec "$ID-n" /payload say alive
	expect_out alive
	call delete --force "$ID-n"
	expect_status 0
}

# in_namespace SCRIPT: with the state directory on a small disk of its own, which nobody has to unmount.
in_namespace() {
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --propagation private bash -ec '
		mount -t tmpfs -o size=2m tmpfs "$ROOT"
		root=$ROOT
		vmrt() { "$VMRT" --root "$root" "$@" </dev/null 2>&1 3>&-; }
		vmrt run -d --bundle "$BUNDLE" "$ID" >"$T/run.out"
		until grep -q ready "$T/run.out"; do sleep 0.05; done
		'"$1" >"$T/inside" 2>&1 3>&-
}

@test "a container goes on and can be ended when its state's disk is full or read-only" {
	vm_only "runc's own"
	args /payload ready
	mkdir "$ROOT"
	export ROOT BUNDLE ID T
	in_namespace '
		dd if=/dev/zero of="$ROOT/filler" bs=4k 2>/dev/null || true
		vmrt state "$ID" | jq -r .status
		vmrt exec "$ID" /payload say exec
		vmrt pause "$ID"
		vmrt resume "$ID"
		vmrt exec "$ID" /payload say resumed
		vmrt kill "$ID" KILL
		vmrt delete --force "$ID"
		rm "$ROOT/filler"
		ls "$ROOT"' || expect_failed "all of it to work" "$(cat "$T/inside")"
	expect_equal "$(cat "$T/inside")" $'running\nexec\nresumed' "with a full disk"
	in_namespace '
		mkdir "$T/tmp/view"
		mount --bind "$ROOT" "$T/tmp/view"
		mount -o remount,bind,ro "$T/tmp/view"
		root=$T/tmp/view
		vmrt exec "$ID" /payload say exec || true
		vmrt state "$ID" | jq -r .status
		vmrt pause "$ID"
		vmrt resume "$ID"
		vmrt kill "$ID" KILL
		vmrt delete --force "$ID" && echo deleted || true
		umount "$T/tmp/view"
		rmdir "$T/tmp/view"
		root=$ROOT
		vmrt delete --force "$ID"
		ls "$ROOT"' || expect_failed "all of it to work" "$(cat "$T/inside")"
	expect_equal "$(cat "$T/inside")" $'exec\nrunning\nremoving the state directory: Read-only file system' \
		"with a read-only view of it"
}
