# The user-mode network: the host's own, whose stack a VM cannot share, and the annotation's.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/net.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"

setup() {
	test_setup
	vm_only "runc's container is in the namespace itself"
	net_setup
	net_pair 0
	ip -n "$BOX" link set lo up
}
teardown() {
	test_teardown
	net_teardown
}

# box COMMAND…: in what is the host's network for the container.
box() { in_ns "$BOX" "$@" 3>&-; }

# run_from_box [COMMAND…]: the container, started there; in the place of vmrt the command that runs it.
run_from_box() {
	status=0
	in_ns "$BOX" "$@" "$VMRT" --root "$ROOT" --log "$LOG" --log-format json run --bundle "$BUNDLE" "$ID" \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# run_with_resolv_conf FILE: the same, where FILE is /etc/resolv.conf.
run_with_resolv_conf() {
	# shellcheck disable=SC2016 # the inner shell's variables
	run_from_box unshare --mount sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$1"
}

# The config's container is in the caller's network.
config_host() {
	config 'del(.linux.namespaces[] | select(.type == "network"))'
}

@test "the caller's own namespace stays the caller's" {
	config_host
	peer_serve "$T/tcp" "$BUILD/payload" tcp-echo 7001
	args /bin/sh -c 'ls /sys/class/net; payload tcp-many 10.99.0.1 7001 20; payload tcp-many 10.0.2.2 7001 1
		payload tcp-many fec0::2 7001 2; payload udp-ask fd99:0::1 7002; nslookup any.name 127.0.0.1 | grep -m1 Address.*192'
	peer_serve "$T/udp6" "$BUILD/payload" udp-echo 7002
	serve_in "$BOX" "$T/tcp-box" "$BUILD/payload" tcp-echo 7001
	# The host's DNS server is at the host's loopback, as systemd's is.
	serve_in "$BOX" "$T/dns" "$BUILD/payload" dns-serve 192.0.2.55
	printf 'search example.org\nnameserver 127.0.0.1\n' >"$T/resolv.conf"
	run_with_resolv_conf "$T/resolv.conf"
	expect_status 0
	expect_out $'eth0\nlo\n20 connections\n1 connections\n2 connections\nanswer of 5 bytes\nAddress: 192.0.2.55'
	expect_equal "$(traffic_control)" 0 "redirections"
}

@test "the caller's own namespace: its ports lead to the container's servers" {
	config_host
	# One that is there first keeps its port.
	serve_in "$BOX" "$T/first" "$BUILD/payload" tcp-echo 7104
	echo 'the page' >"$ROOTFS/page"
	args /bin/sh -c 'payload tcp-echo 7101 & echo $! >/pid
		payload udp-echo 7102 & payload tcp-echo 7104 & httpd -f -p 127.0.0.1:80 -h / & httpd -f -p [::1]:81 -h / &
		until [ -e /end ]; do sleep 0.1; done; kill $(cat /pid); until [ -e /out ]; do sleep 0.1; done'
	in_ns "$BOX" "$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- &
	local run=$! log=$ROOT/$ID/log
	wait_for "tcp 7101" file_has "$log" "the host's port tcp::7101 leads to the container"
	wait_for "udp 7102" file_has "$log" "the host's port udp::7102 leads to the container"
	wait_for "tcp 80" file_has "$log" "the host's port tcp:127.0.0.1:80 leads to the container"
	wait_for "IPv6 alone" file_has "$log" "the container's port tcp:[::1]:81 is not reachable: it takes IPv6 alone"
	wait_for "the taken port" file_has "$log" "tcp::7104 is not reachable: the host's is not to be had: Address already in use"
	# What QEMU has not accepted yet waits, and is not sent away.
	[ "$(box ss -Hltn 'sport = :7101' | awk '{ print $3 }')" -gt 100 ]
	in_ns "$BOX" timeout 60 "$BUILD/payload" tcp-many 127.0.0.1 7101 200 3>&-
	peer "$BUILD/payload" tcp-many 10.99.0.2 7101 3
	box "$BUILD/payload" udp-ask 127.0.0.1 7102 1000
	peer "$BUILD/payload" udp-ask 10.99.0.2 7102 1000
	expect_equal "$(box busybox wget -q -O - http://127.0.0.1/page)" 'the page'
	! peer busybox wget -q -T 5 -O - http://10.99.0.2/page || expect_failed "port 80 of 127.0.0.1 to stay there"
	box "$BUILD/payload" tcp-many 127.0.0.1 7104 1
	touch "$ROOTFS/end"
	wait_for "tcp 7101 closed" file_has "$log" "the host's port tcp::7101 is closed"
	! box "$BUILD/payload" tcp-many 127.0.0.1 7101 1 || expect_failed "port 7101 to be closed"
	touch "$ROOTFS/out"
	wait "$run"
	! box "$BUILD/payload" udp-ask 127.0.0.1 7102
}

@test "the caller's own namespace: its servers are at 127.0.0.1 and ::1, where the container has none of its own" {
	config_host
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"])' # for a network namespace
	serve_in "$BOX" "$T/tcp" "$BUILD/payload" tcp-echo 7001
	serve_in "$BOX" "$T/udp" "$BUILD/payload" udp-echo 7002
	serve_in "$BOX" "$T/dns" "$BUILD/payload" dns-serve 192.0.2.56 ::ffff:127.0.0.1
	mkdir "$T/w"
	echo "the host's" >"$T/w/page"
	echo "its own" >"$ROOTFS/page"
	in_ns "$BOX" busybox httpd -f -p 127.0.0.1:8001 -h "$T/w" </dev/null >/dev/null 2>&1 3>&- &
	wait_for "the host's page" eval 'box busybox wget -q -O /dev/null http://127.0.0.1:8001/page'
	printf 'nameserver 10.99.0.1\n' >"$T/resolv.conf"
	# systemd's resolver, which the host's resolv.conf does not name yet.
	serve_in "$BOX" "$T/systemd" "$BUILD/payload" dns-serve 192.0.2.57 ::ffff:127.0.0.53
	args /bin/sh -c 'payload tcp-many 127.0.0.1 7001 50; payload tcp-many ::1 7001 5; payload tcp-many ::ffff:127.0.0.1 7001 2
		payload tcp-many 10.99.0.2 7001 3; payload udp-ask 127.0.0.1 7002 1000; payload udp-ask ::1 7002 1000
		nslookup any.name 127.0.0.1 | grep -m 1 Address.*192
		nslookup www.example.org 127.0.0.53 | grep -m 1 Address.*192.0.2.57
		payload tcp-many 127.0.0.1 7009 1 2>&1 | grep -o refused
		unshare -n sh -c "ip link set lo up
			payload tcp-many 127.0.0.1 7001 1 2>&1 | grep -o refused; payload tcp-many ::1 7001 1 2>&1 | grep -o refused"
		wget -q -O - http://127.0.0.1:8001/page
		httpd -p 127.0.0.1:8001 -h / && wget -q -O - http://127.0.0.1:8001/page
		payload tcp-echo 7003 >/ready & until grep -q ready /ready; do sleep 0.05; done
		payload tcp-many ::1 7003 2; payload tcp-many 127.0.0.1 7003 2; kill $!'
	run_with_resolv_conf "$T/resolv.conf"
	expect_status 0
	expect_out $'50 connections\n5 connections\n2 connections\n3 connections\nanswer of 1000 bytes\nanswer of 1000 bytes
Address: 192.0.2.56\nAddress: 192.0.2.57\nrefused\nrefused\nrefused\nthe host\'s\nits own\n2 connections\n2 connections'
}

# config_user_network [NETWORK-NAMESPACE-TOO]
config_user_network() {
	[ $# -gt 0 ] || config_host
	config '.annotations = {"io.vmrt.network": "user"}'
}

@test "by annotation: passt where there is one and a default route, else QEMU's own" {
	local bytes=$((16 << 20)) mtu
	config_user_network
	peer_serve "$T/tcp" "$BUILD/payload" tcp-echo 7001
	peer_serve "$T/udp" "$BUILD/payload" udp-echo 7002
	serve_in "$BOX" "$T/tcp-box" "$BUILD/payload" tcp-echo 7001
	args /bin/sh -ec "cat /sys/class/net/eth0/mtu; payload tcp-many 10.99.0.1 7001 200; payload tcp-many 10.0.2.2 7001 1
		payload udp-ask 10.99.0.1 7002 1000; payload udp-ask fd99:0::1 7002 1000
		payload write $bytes 5 | payload tcp-put 10.99.0.1 7003
		nslookup any.name 10.0.2.3 | grep -m 1 Address.*192"
	peer_serve "$T/dns" "$BUILD/payload" dns-serve 192.0.2.66
	echo 'nameserver 10.99.0.1' >"$T/resolv.conf"
	for mtu in 1500 65520; do
		peer "$BUILD/payload" tcp-get 7003 2>"$T/ready" | "$BUILD/payload" check "$bytes" 5 >"$T/up.$mtu" 2>&1 &
		wait_for "the receiver" file_has "$T/ready" ready
		run_with_resolv_conf "$T/resolv.conf"
		expect_status 0
		expect_out "$mtu"$'\n200 connections\n1 connections\nanswer of 1000 bytes\nanswer of 1000 bytes\nAddress: 192.0.2.66'
		wait_for "the receiver's judgement" test -s "$T/up.$mtu"
		file_has "$T/up.$mtu" agree
		ip -n "$BOX" route replace default via 10.99.0.1
		ip -n "$BOX" -6 route replace default via fd99:0::1
	done
	settings '{"passt": "none"}'
	args cat /sys/class/net/eth0/mtu
	run_from_box
	expect_out 1500
	settings '{"passt": "/no/passt"}'
	rm -f "$LOG"
	run_from_box
	expect_refusal "settings: passt: '/no/passt'"
}

@test "by annotation beside a network namespace, which stays the engine's" {
	config_user_network too
	create
	expect_refusal 'config.json: annotations: io.vmrt.network: not allowed by the settings'
	settings '{"annotations": ["io.vmrt.network"]}'
	peer_serve "$T/tcp" "$BUILD/payload" tcp-echo 7001
	ip -n "$BOX" route add default via 10.99.0.1
	args /bin/sh -c 'ls /sys/class/net; payload tcp-many 10.99.0.1 7001 3'
	run_from_box
	expect_status 0
	expect_out $'eth0\nlo\n3 connections'
	config '.annotations["io.vmrt.network"] = "bridge"'
	create
	expect_refusal "annotations: io.vmrt.network: expected 'user', found 'bridge'"
	config_user_network too
	use_box
	create
	expect_refusal "annotations: io.vmrt.network: the network namespace has a path"
}

@test "by annotation: ports of the host lead to the container's, a client may leave at once" {
	config_user_network
	settings '{"annotations": ["io.vmrt.publish"]}'
	config '.annotations["io.vmrt.publish"] = "10.99.0.2:7301:7001,7302:7002/udp"'
	ip -n "$BOX" route add default via 10.99.0.1
	args /bin/sh -c 'payload udp-echo 7002 & exec payload tcp-echo 7001'
	in_ns "$BOX" "$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- &
	wait_for "the server" file_has "$T/out" ready
	# Connections that nobody uses, and some that end with a reset.
	peer python3 -c 'import socket, struct
for i in range(20):
    s = socket.create_connection(("10.99.0.2", 7301))
    if i % 2:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()'
	peer "$BUILD/payload" tcp-many 10.99.0.2 7301 20
	peer "$BUILD/payload" udp-ask 10.99.0.2 7302 1000
	rt delete --force "$ID"
}

# send_slowly: the container sends and ends, the receiver takes its time.
send_slowly() {
	local bytes=$((2 << 20))
	args /bin/sh -c "payload write $bytes 5 | payload tcp-put 10.99.0.1 7003"
	rm -f "$T/ready" "$T/up"
	peer "$BUILD/payload" tcp-get 7003 100000 2>"$T/ready" | "$BUILD/payload" check "$bytes" 5 >"$T/up" 2>&1 &
	wait_for "the receiver" file_has "$T/ready" ready
	run_from_box
	expect_status 0
	wait_for "the receiver's judgement" test -s "$T/up"
	cat "$T/up" >&2
	file_has "$T/up" agree
}

@test "what a container has sent when it ends arrives, whoever is between" {
	config_host
	# The host's kernel takes little: most of it waits before that.
	box sh -c 'echo 4096 16384 65536 >/proc/sys/net/ipv4/tcp_wmem'
	send_slowly
	config '.annotations = {"io.vmrt.network": "user"}'
	ip -n "$BOX" route add default via 10.99.0.1
	send_slowly
}

@test "passt is confined, and its end is the container's, which says so" {
	local monitor passt
	config_user_network
	ip -n "$BOX" route add default via 10.99.0.1
	args /payload ready
	in_ns "$BOX" "$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- &
	local run=$!
	wait_for "the process" file_has "$T/out" ready
	monitor=$(state_of .pid)
	passt=$(child_named "$monitor" passt)
	expect_passt_confined "$passt" "$monitor"
	kill -KILL "$passt"
	status=0
	wait "$run" || status=$?
	OUT=$T/out ERR=$T/err
	expect_status 255
	expect_err_has 'passt: ended unexpectedly (killed by signal 9)'
	wait_seconds 2 "no process is left" no_leaked_processes
}
