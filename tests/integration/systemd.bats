# The systemd cgroup driver under a systemd of the test's own.

load ../lib/load
load ../lib/systemd

setup() { test_setup; }
teardown() {
	systemd_stop
	rm -rf "${ROOT:?}"
	test_teardown
}

# vm ARG…: the runtime inside, its result in $status.
vm() {
	status=0
	rm -f "$LOG"
	machine "$VMRT" --systemd-cgroup --root "$ROOT" --log "$LOG" --log-format json "$@" || status=$?
	OUT=$T/machine.out ERR=$T/machine.err
}

create_inside() {
	vm create --bundle "$BUNDLE" --pid-file "$T/pid" "$ID"
}

# The unit's property.
property() {
	machine systemctl show --value --property "$2" "$1"
	cat "$T/machine.out"
}

is_unit_gone() {
	[ "$(property "$1" LoadState)" = not-found ]
}

# The cgroups of the container's process, as the machine sees them.
cgroups() {
	machine cat "/proc/$(cat "$T/pid")/cgroup"
	sed 's/^[0-9]*://' "$T/machine.out"
}

# A life with everything: the words for systemd's command line, the name of the limit's property, the hierarchy's folder,
# the controllers of the hierarchies to look at and how many these are.
check_life() {
	local unit=vmrt-$ID.scope path
	systemd_start "$1"
	# shellcheck disable=SC2016 # jq's variable
	config '.linux.cgroupsPath = "a-b.slice:vmrt:" + $id | .annotations = {
			"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"} |
		.linux.resources = {memory: {limit: 67108864}, cpu: {quota: 50000, period: 100000}, pids: {limit: 50}}' --arg id "$ID"
	args /payload sleep 1000
	create_inside
	expect_status 0
	path=/a.slice/a-b.slice/$unit
	expect_equal "$(property "$unit" ControlGroup)" "$path"
	# systemd's own hierarchies and the others have the process there.
	expect_equal "$(cgroups | grep -cE "^($4):$path\$")" "$5"
	expect_equal "$(property "$unit" Slice)" a-b.slice
	expect_equal "$(property "$unit" Delegate)" yes
	expect_equal "$(property "$unit" Description)" "vmrt container $ID"
	expect_equal "$(property "$unit" TasksMax)" 562
	expect_equal "$(property "$unit" CPUQuotaPerSecUSec)" 1.500000s
	expect_equal "$(property "$unit" TimeoutStopUSec)" 7s
	expect_equal "$(property "$unit" CollectMode)" inactive-or-failed
	[ "$(property "$unit" "$2")" -gt $((64 << 20)) ]
	# Nobody but the monitor and what it started is left in it.
	machine cat "/sys/fs/cgroup/$3$path/cgroup.procs"
	[ "$(grep -c . "$T/machine.out")" -ge 3 ]
	machine sh -c "cat \$(sed 's#.*#/proc/&/comm#' /sys/fs/cgroup/$3$path/cgroup.procs)"
	! grep -qx vmrt "$T/machine.out" || expect_failed "only the monitor and its children in the scope"
	vm start "$ID"
	expect_status 0
	# New limits are systemd's too, so that it keeps them.
	vm update --pids-limit 40 --cpu-quota 100000 "$ID"
	expect_status 0
	expect_equal "$(property "$unit" TasksMax)" 552
	expect_equal "$(property "$unit" CPUQuotaPerSecUSec)" 2s
	vm delete --force "$ID"
	expect_status 0
	is_unit_gone "$unit" || expect_failed "no unit after delete"
	expect_equal "$(find /sys/fs/cgroup -type d -name "$unit")" ""
}

@test "the systemd driver: a scope in a nested slice, its limits, its end, in the host's hierarchies" {
	vm_only "runc's property values are its own"
	check_life "" MemoryLimit systemd 'name=systemd|memory|pids|freezer|cpuset' 5
}

@test "the systemd driver: the same in the unified hierarchy" {
	vm_only "runc's property values are its own"
	check_life systemd.unified_cgroup_hierarchy=1 MemoryMax '' '' 1
}

@test "the systemd driver: a container that ends by itself, default names, errors that leave nothing" {
	vm_only "runc names it runc"
	systemd_start
	vm run --bundle "$BUNDLE" "$ID"
	expect_status 0
	is_unit_gone "vmrt-$ID.scope" || expect_failed "no unit after run"

	args /payload sleep 1000
	create_inside
	expect_status 0
	expect_equal "$(property "vmrt-$ID.scope" Slice)" system.slice
	machine systemctl stop "vmrt-$ID.scope"
	wait_for "the container is stopped" inside_is_stopped
	vm delete "$ID"
	expect_status 0

	config '.linux.cgroupsPath = "/a/b"'
	create_inside
	expect_refusal "config.json: linux.cgroupsPath: expected slice:prefix:name for the systemd cgroup driver, found '/a/b'"
	config '.linux.cgroupsPath = "nonsense:vmrt:x"'
	create_inside
	expect_refusal "config.json: linux.cgroupsPath: 'nonsense' is no name of a slice"
	config '.linux.cgroupsPath = "a.slice:vmrt:x" | .annotations = {"org.systemd.property.NoSuch": "true"}'
	create_inside
	expect_refusal "systemd: starting 'vmrt-x.scope': Cannot set property NoSuch, or unknown property."
	config '.annotations = {"org.systemd.property.TimeoutStopUSec": "(1, 2)"}'
	create_inside
	expect_refusal "config.json: annotations: 'org.systemd.property.TimeoutStopUSec': '(1, 2)' is no value of a property"
	config '.annotations = {} | .process.args = ["/no/such/program"]'
	create_inside
	expect_status 1
	is_unit_gone vmrt-x.scope || expect_failed "no unit after a create that failed"
	expect_equal "$(find /sys/fs/cgroup -type d -name "*vmrt-x.scope")" ""
	[ -z "$(ls -A "$ROOT")" ] || expect_failed "no state"
}

inside_is_stopped() {
	vm state "$ID"
	[ "$(jq -r .status "$OUT")" = stopped ]
}

@test "without systemd its driver is refused" {
	config '.linux.cgroupsPath = "system.slice:vmrt:x"'
	status=0
	OUT=$T/out ERR=$T/err
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount sh -c '[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd; exec "$@"' - \
		"$VMRT" --systemd-cgroup --root "$ROOT" --log "$LOG" --log-format json run --bundle "$BUNDLE" "$ID" \
		</dev/null >"$OUT" 2>"$ERR" || status=$?
	expect_status 1
	expect_err_has "systemd not running on this host, cannot use systemd cgroups manager"
	[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state"
}
