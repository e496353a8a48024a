# The machine fails at the worst moment.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# The number of rounds and the seed may be given: VMRT_CHAOS_ROUNDS=500 VMRT_CHAOS_SEED=7 tests/run …
@test "a random process killed at a random moment leaves nothing and harms nobody else" {
	vm_only "it has other processes"
	args /payload sleep 1000000
	mkdir "$T/chaos"
	"$TOP/tests/chaos/run" "$VMRT" "$BUNDLE" "$T/chaos" --rounds "${VMRT_CHAOS_ROUNDS:-15}" \
		${VMRT_CHAOS_SEED:+--seed "$VMRT_CHAOS_SEED"} --limit 30 >"$T/chaos.out" 2>&1 3>&- ||
		expect_failed "no failures:" "$(cat "$T/chaos.out")"
	rm -rf "$T/chaos"
}

@test "create and exec without free descriptors fail with one line and leave nothing" {
	local limit
	args /payload ready
	for limit in 3 4 6 9 12 16 22; do
		status=0
		(ulimit -n "$limit" && exec "$VMRT" --root "$ROOT" create --bundle "$BUNDLE" "$ID") \
			</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
		[ "$status" != 0 ] || { rt delete --force "$ID"; continue; }
		expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr with $limit descriptors"
		[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state with $limit descriptors"
	done
	[ "$limit" = 22 ]
	launch ready
	for limit in 5 6 8; do
		status=0
		(ulimit -n "$limit" && exec "$VMRT" --root "$ROOT" exec "$ID" /payload say never) \
			</dev/null >"$T/exec.out" 2>"$T/exec.err" 3>&- || status=$?
		expect_equal "$status" 255 "exec with $limit descriptors"
		expect_equal "$(grep -c . "$T/exec.err")" 1 "lines on stderr with $limit descriptors"
	done
	call exec "$ID" /payload say alive
	expect_out alive
}

@test "a full state directory fails create with one line and leaves nothing" {
	vm_only "runc's own"
	local size refused=0
	args /payload ready
	mkdir "$ROOT"
	for size in 4k 8k 12k 16k 24k; do
		# In a namespace of its own: nobody has to unmount.
		unshare --mount --propagation private bash -c '
			mount -t tmpfs -o "size=$1,nr_inodes=64" tmpfs "$2" || exit 99
			status=0
			"$3" --root "$2" create --bundle "$4" "$5" </dev/null >"$6" 2>"$7" || status=$?
			ls -A "$2" >"$8"
			"$3" --root "$2" delete --force "$5"
			exit "$status"' bash "$size" "$ROOT" "$VMRT" "$BUNDLE" "$ID" "$OUT" "$ERR" "$T/left" 3>&- &&
			status=0 || status=$?
		[ "$status" = 0 ] && continue
		expect_equal "$status" 1 "the status with $size"
		expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr with $size"
		expect_equal "$(cat "$T/left")" "" "nothing left with $size"
		refused=$((refused + 1))
	done
	((refused > 0)) || expect_failed "a disk that was full"
}

@test "a read-only /run fails create with one line" {
	vm_only "runc's own"
	unshare --mount --propagation private bash -c '
		mount -t tmpfs -o ro tmpfs /run
		"$0" create --bundle "$1" "$2"' "$VMRT" "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- && status=0 || status=$?
	expect_status 1
	expect_equal "$(grep -c . "$ERR")" 1 "lines on stderr"
	expect_err_has /run
}

tree_of() {
	local child
	echo "$1"
	for child in $(ps -o pid= --ppid "$1"); do
		tree_of "$child"
	done
}

@test "a container outlives a suspended machine and an upgrade of the binary" {
	vm_only "it has no monitor"
	local old=$VMRT pid
	mkdir "$T/install"
	cp "$VMRT" "$T/install/vmrt"
	ln -s "$BUILD/kernel" "$BUILD"/initramfs-*.cpio "$T/install/"
	VMRT=$T/install/vmrt
	args /payload ready
	launch ready
	# Everything of the container stands still for a while and goes on, as when the machine sleeps.
	for pid in $(tree_of "$PID"); do kill -STOP "$pid"; done
	state_is running || expect_failed "a state without asking the monitor"
	for pid in $(tree_of "$PID"); do kill -CONT "$pid"; done
	call exec "$ID" /payload say awake
	expect_out awake
	# Another file under the same name, as a package manager does it.
	cp "$old" "$T/install/vmrt.new"
	mv "$T/install/vmrt.new" "$T/install/vmrt"
	call exec "$ID" /payload say upgraded
	expect_out upgraded
	call kill "$ID" KILL
	expect_status 0
	wait_exit
	expect_status 137
	call delete "$ID"
	expect_status 0
	VMRT=$old
}
