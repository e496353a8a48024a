# podman of a user who is not root: user namespaces with subordinate ids, slirp4netns, no cgroup that may be written. Each
# scenario runs with runc and with the runtime under test, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=tests/lib/rootless.bash
source "$TOP/tests/lib/rootless.bash"

# p ARG…: the user's podman with the runtime $RT.
p() {
	local runtime=$USER_VMRT
	[ "${RT-vmrt}" = vmrt ] || runtime=$(command -v "$RT")
	u podman --runtime "$runtime" "$@"
}

setup_file() {
	rootless_start
	rootless_prepare
	u sh -c 'mkdir -p .config/containers && cat >.config/containers/containers.conf' <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		log_driver = "k8s-file"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
	u sh -c 'mkdir -p .config/containers && printf "[storage]\ndriver = \"vfs\"\n" >.config/containers/storage.conf'
	tar -C "$(rootfs_master)" -c . | p import -q -c 'CMD ["sh"]' - bb >/dev/null
}

teardown_file() { rootless_stop; }

setup() {
	test_setup
	rootless_prepare
	u mkdir -p volume
}

teardown() {
	p rm -fa -t 0 >/dev/null 2>&1 || true
	rm -rf "$USER_HOME/volume"
	rootless_teardown
	test_teardown
}

run_it() {
	status p run --rm --network none "$@"
}

streams_and_statuses() {
	run_it bb sh -c 'echo out; echo err >&2; exit 42'
	run_it bb no-such-command
	run_it --pid host bb sh -c 'kill -9 $$'
	echo in | p run -i --rm --network none bb sh -c 'cat; id'
}

@test "podman of a user: streams, statuses, missing programs, input" {
	compare streams_and_statuses
	grep -qx 'status 42' "$T/vmrt.out"
	grep -qx 'uid=0(root) gid=0(root)' "$T/vmrt.out"
}

whose_files() {
	rm -rf "$USER_HOME/volume"/*
	run_it -v "/home/$USER_NAME/volume:/v" bb sh -c 'echo >/v/root; echo >/v/other; chown 5:6 /v/other; ls -ln /v | cut -c1-40'
	run_it -v "/home/$USER_NAME/volume:/v" --userns=keep-id bb sh -c \
		'id -u; id -g; echo >/v/kept; ls -ln /v | cut -c1-40; cat /proc/self/uid_map /proc/self/gid_map'
	run_it -u 1000:1000 -v /etc:/host:ro bb sh -c 'id -u; id -g; ls -ldn /host | cut -c1-40; cat /host/shadow; touch /payload'
	stat -c '%n %u:%g' "$USER_HOME/volume"/*
}

@test "podman of a user: the files are the user's, those of other ids subordinate, the host's nobody's" {
	compare whose_files
	grep -q "kept $USER_ID:$USER_ID" "$T/vmrt.out"
	grep -q "other $((USER_SUBID + 4)):$((USER_SUBID + 5))" "$T/vmrt.out"
}

whole_life() {
	# shellcheck disable=SC2016 # the container's shell expands it
	p run -d --name "$NAME" bb sh -c 'trap "echo ended; exit 5" TERM; echo begun; while :; do sleep 0.1; done' >/dev/null
	wait_for "its begin" log_has begun
	status p exec "$NAME" sh -c 'echo in exec; id -u; exit 7'
	p cp "$NAME:/etc/notes" - | tar -xO
	status p stop -t 20 "$NAME"
	p inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
	p logs "$NAME"
	status p rm "$NAME"
}

log_has() {
	p logs "$NAME" 2>&1 | grep -q "$1"
}

@test "podman of a user: run, exec, cp, stop, logs, rm" {
	compare whole_life
	grep -qx 'exited 5' "$T/vmrt.out"
	grep -qx 'status 7' "$T/vmrt.out"
}

limits_and_networks() {
	status p run --rm --network none --memory 64m --cpus 1 --pids-limit 50 bb echo limited
	status p run --rm --network host bb echo host
	status p run --rm bb sh -c 'ip -o -4 address show dev tap0 | tr -s " "; ip route | grep -v 169.254.118'
}

@test "podman of a user: limits, the host's network, slirp4netns" {
	compare limits_and_networks
	grep -q 'inet 10.0.2.100/24' "$T/vmrt.out"
}

# A port that nobody listens at now.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

fetch() {
	timeout 5 python3 -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=4).read().decode().strip())' "$1" 2>/dev/null
}

fetch_answers() {
	[ "$(fetch "$1")" = "$2" ]
}

published() {
	local port
	for mode in host keep-id; do
		port=$(free_port)
		p run -d --name "$NAME-$mode" --userns "$mode" -u 0 -p "127.0.0.1:$port:8080" bb sh -c \
			"echo served to $mode >/tmp/index.html; exec httpd -f -p 8080 -h /tmp" >/dev/null
		wait_for "an answer at the port" fetch_answers "http://127.0.0.1:$port" "served to $mode"
		fetch "http://127.0.0.1:$port"
		fetch "http://127.0.0.1:$port"
		p rm -f -t 0 "$NAME-$mode" >/dev/null
	done
}

@test "podman of a user: published ports, which a process in the container's namespace serves" {
	compare published
	expect_equal "$(grep -c 'served to' "$T/vmrt.out")" 4 "answers"
}
