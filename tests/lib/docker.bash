# shellcheck shell=bash
#
# A private docker: containerd and dockerd on directories of this test file, in network and mount namespaces of their own,
# so that no bridge, no firewall rule and no mount of theirs touches the machine. Started once per file.

# The client that belongs to the daemon, should there be several.
DOCKER=$(command -v /usr/bin/docker docker | head -n 1)

docker_dir() {
	echo "$BATS_FILE_TMPDIR/docker"
}

# d ARG…: the docker client on our daemon.
d() {
	timeout --foreground -k 5 "$CALL_LIMIT_S" env DOCKER_CONFIG="$BATS_FILE_TMPDIR/docker/client" \
		"$DOCKER" -H "unix://$BATS_FILE_TMPDIR/docker/docker.sock" "$@" 3>&-
}

docker_write_containerd_config() {
	cat >"$1/containerd.toml" <<-END
		version = 2
		root = "$1/containerd"
		state = "$1/containerd-state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		  address = "$1/containerd.sock"
	END
}

# Starts both daemons and waits for them; imports the image "bb". Run from setup_file.
docker_start() {
	local dir
	dir=$(docker_dir)
	mkdir -p "$dir/client"
	docker_write_containerd_config "$dir"
	# The holder of the namespaces outlives the daemons until teardown.
	unshare --net --mount --propagation private sh -c 'ip link set lo up; echo $$ >"$1"; exec sleep infinity' \
		sh "$dir/holder.pid" </dev/null >/dev/null 2>&1 3>&- &
	wait_for "namespaces for docker" test -s "$dir/holder.pid"
	docker_prepare
	docker_daemon containerd containerd --config "$dir/containerd.toml"
	wait_for "containerd" test -S "$dir/containerd.sock"
	docker_daemon dockerd dockerd --containerd "$dir/containerd.sock" --data-root "$dir/data" --exec-root "$dir/exec" \
		--pidfile "$dir/dockerd.pid.own" -H "unix://$dir/docker.sock" --add-runtime "vmrt=$VMRT" \
		--config-file "$dir/daemon.json" --shutdown-timeout 2
	if ! wait_seconds 60 "dockerd" d version >"$dir/version" 2>&1; then
		tail -n 30 "$dir/dockerd.log" >&2
		return 1
	fi
	tar -C "$(rootfs_master)" -c . | d import -c 'CMD ["sh"]' - bb >/dev/null
}

# For a file of tests that wants other settings of dockerd: the namespaces are there, the daemons are not.
docker_prepare() {
	echo '{}' >"$(docker_dir)/daemon.json"
}

# In the holder's namespaces.
docker_inside() {
	nsenter --net --mount --target "$(cat "$(docker_dir)/holder.pid")" "$@" 3>&-
}

# docker_daemon NAME COMMAND…: in the holder's namespaces, in the background, with its pid and log beside it.
docker_daemon() {
	local name=$1 dir
	dir=$(docker_dir)
	shift
	nsenter --net --mount --target "$(cat "$dir/holder.pid")" "$@" </dev/null >"$dir/$name.log" 2>&1 3>&- &
	echo $! >"$dir/$name.pid"
}

# Ends what docker_start started. What runs on after that is a leak, which teardown_file reports.
docker_stop() {
	local dir name pid
	dir=$(docker_dir)
	[ ! -e "$dir/docker.sock" ] || docker_remove_all >/dev/null 2>&1 || true
	for name in dockerd containerd holder; do
		pid=$(cat "$dir/$name.pid" 2>/dev/null) || continue
		kill "$pid" 2>/dev/null || true
		wait_seconds 15 "$name ends" process_is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
	done
}

docker_remove_all() {
	local ids
	ids=$(d ps -aq)
	# shellcheck disable=SC2086 # a list
	[ -z "$ids" ] || d rm -f $ids
}

# Has the container $NAME written a line like $1?
docker_log_has() {
	d logs "$NAME" 2>&1 | grep -q "$1"
}

# What a file of tests needs around its tests, unless it defines them itself.
setup_file() { docker_start; }
teardown_file() { docker_stop; }
setup() { test_setup; }
teardown() {
	docker_remove_all >/dev/null 2>&1 || true
	test_teardown
}
