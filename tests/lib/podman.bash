# shellcheck shell=bash
#
# A private podman: storage, run directory and configuration of this test file, in network and mount namespaces of
# their own. There is no daemon: the holder of the namespaces is all that has to be ended.

podman_dir() {
	echo "$BATS_FILE_TMPDIR/podman"
}

# p ARG…: podman with the runtime $RT, vmrt or runc.
p() {
	local dir runtime=$VMRT
	dir=$(podman_dir)
	[ "${RT-vmrt}" = vmrt ] || runtime=$(command -v "$RT")
	timeout --foreground -k 5 "$CALL_LIMIT_S" env CONTAINERS_CONF="$dir/containers.conf" XDG_RUNTIME_DIR="$dir" \
		nsenter --net --mount --target "$(cat "$dir/holder.pid")" \
		podman --root "$dir/root" --runroot "$dir/runroot" --tmpdir "$dir/tmp" \
		--network-config-dir "$dir/networks" --runtime "$runtime" "$@" 3>&-
}

# podman's own limits are above what the caller may have; signatures and registries are not asked for.
podman_write_config() {
	cat >"$1" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		log_driver = "k8s-file"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
}

# Makes the namespaces and imports the image "bb". Run from setup_file.
podman_start() {
	local dir
	dir=$(podman_dir)
	mkdir -p "$dir"
	podman_write_config "$dir/containers.conf"
	unshare --net --mount --propagation private sh -c 'ip link set lo up; echo $$ >"$1"; exec sleep infinity' \
		sh "$dir/holder.pid" </dev/null >/dev/null 2>&1 3>&- &
	wait_for "namespaces for podman" test -s "$dir/holder.pid"
	tar -C "$(rootfs_master)" -c . | p import -q -c 'CMD ["sh"]' - bb >/dev/null
}

podman_remove_all() {
	p rm -fa -t 0
}

podman_stop() {
	local dir pid
	dir=$(podman_dir)
	pid=$(cat "$dir/holder.pid" 2>/dev/null) || return 0
	podman_remove_all >/dev/null 2>&1 || true
	kill "$pid" 2>/dev/null || true
	wait_seconds 15 "podman's namespaces end" process_is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
}

# Has the container $NAME written a line like $1?
podman_log_has() {
	p logs "$NAME" 2>&1 | grep -q "$1"
}

# What a file of tests needs around its tests, unless it defines them itself.
setup_file() { podman_start; }
teardown_file() { podman_stop; }
setup() { test_setup; }
teardown() {
	podman_remove_all >/dev/null 2>&1 || true
	test_teardown
}
