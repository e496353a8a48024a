# podman with its systemd cgroup manager, under a systemd of the test's own.

load ../lib/load
load ../lib/systemd

setup() { test_setup; }
teardown() {
	systemd_stop
	test_teardown
}

p() {
	machine timeout "$CALL_LIMIT_S" podman --root "$T/storage" --runroot "$T/runroot" --tmpdir "$T/tmpdir" --events-backend none \
		--cgroup-manager systemd --runtime "$VMRT" "$@"
}

scopes() {
	machine systemctl --no-legend --plain list-units "libpod-$1*.scope"
	cut -d' ' -f1 "$T/machine.out"
}

@test "podman --cgroup-manager systemd: a scope in machine.slice, exec, stats, removal" {
	local id pid
	systemd_start
	p run -d --name t --network none --memory 64m --rootfs "$ROOTFS" /payload sleep 1000
	id=$(cat "$T/machine.out")
	expect_equal "$(scopes "$id")" "libpod-$id.scope"
	p inspect --format '{{.State.Pid}}' t
	pid=$(cat "$T/machine.out")
	machine grep -c ":/machine.slice/libpod-$id.scope\$" "/proc/$pid/cgroup"
	[ "$(cat "$T/machine.out")" -ge 2 ] || expect_failed "the pid in the scope"
	p stats --no-stream --format '{{.PIDs}}' t
	[ "$(cat "$T/machine.out")" -ge 3 ] || expect_failed "the processes of a VM"
	p exec t /payload say hello
	expect_equal "$(cat "$T/machine.out")" hello
	p rm -f -t 0 t
	expect_equal "$(scopes "$id")" ""
}
