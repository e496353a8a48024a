# The network: what is in the namespace is what the container has, whoever put it there and whenever.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/net.bash"

LARGE_MB=${VMRT_TEST_LARGE_MB:-64}

setup() {
	test_setup
	net_setup
}
teardown() {
	test_teardown
	net_teardown
}

@test "interfaces, addresses, routes and the MTU are those of the namespace" {
	net_pair 0
	net_pair 1
	ip -n "$BOX" link set lo up
	ip -n "$BOX" link set eth0 mtu 1400
	ip -n "$BOX" addr add 10.98.0.7/32 dev eth0
	ip -n "$BOX" route add default via 10.99.0.1
	ip -n "$BOX" -6 route add default via fd99:1::1
	ip -n "$BOX" route add 10.50.0.0/16 via 10.99.1.77 dev eth1 onlink metric 7
	ip -n "$BOX" route add unreachable 10.66.0.0/16
	ip -n "$BOX" neigh add 10.99.1.77 lladdr 02:00:00:00:00:77 dev eth1 nud permanent
	use_box
	look() {
		cat /sys/class/net/eth[01]/address /sys/class/net/eth[01]/mtu /sys/class/net/eth[01]/operstate
		ls /sys/class/net
		ip -o addr | grep -v vmrt | sed -E 's/^[0-9]+: //; s/ +/ /g; s/\\.*//; s/(scope [a-z]+) (flags 02 )?(dynamic )?/\1 /; s/ tentative//; s/ *$//' | sort
		ip route | sed 's/ proto kernel//; s/ onlink//; s/ linkdown//; s/ +/ /g; s/ *$//' | sort
	}
	{
		declare -f look
		echo 'look; ip neigh'
	} >"$ROOTFS/look"
	run_container /bin/sh -c '. /look | grep -v REACHABLE'
	expect_status 0
	# Both sides with the same program, so that the same thing has the same words.
	in_ns "$BOX" busybox sh -c '. "$0"' "$ROOTFS/look" >"$T/host"
	expect_equal "$(cat "$OUT")" "$(cat "$T/host")" "the guest's view (got) and the namespace (wanted)"
	expect_out_has '10.98.0.7/32'
	expect_out_has '10.50.0.0/16 via 10.99.1.77 dev eth1  metric 7'
}

@test "ping, IPv6, fragments, UDP and TCP from the container" {
	net_pair 0
	use_box
	peer_serve "$T/udp" "$BUILD/payload" udp-echo 7000
	peer_serve "$T/tcp" "$BUILD/payload" tcp-echo 7001
	run_container /bin/sh -ec '
		ping -c 1 -W 5 10.99.0.1 | grep -c "1 packets received"
		ping -c 1 -W 5 fd99:0::1 | grep -c "1 packets received"
		ping -c 1 -W 5 -s 20000 10.99.0.1 | grep -c "1 packets received"
		payload udp-ask 10.99.0.1 7000
		payload udp-ask fd99:0::1 7000 30000
		payload tcp-many 10.99.0.1 7001 200'
	expect_status 0
	expect_out $'1\n1\n1\nanswer of 5 bytes\nanswer of 30000 bytes\n200 connections'
}

@test "the container serves: UDP and TCP from outside, 200 connections at a time" {
	net_pair 0
	use_box
	args /bin/sh -c 'payload udp-echo 7000 & exec payload tcp-echo 7001'
	create_ok
	start_ok
	both_are_ready() { [ "$(grep -c ready "$T/out")" = 2 ]; }
	wait_for "both servers" both_are_ready
	peer "$BUILD/payload" udp-ask 10.99.0.2 7000 2000
	peer "$BUILD/payload" udp-ask fd99:0::2 7000
	peer "$BUILD/payload" tcp-many 10.99.0.2 7001 200
	peer busybox ping -c 1 -W 5 10.99.0.2
}

@test "bytes arrive as they were sent, in both directions" {
	local bytes=$((LARGE_MB << 20))
	net_pair 0
	use_box
	args /bin/sh -c "payload write $bytes 5 | payload tcp-put 10.99.0.1 7002; echo sent
		payload tcp-get 7003 | payload check $bytes 6; echo checked \$?"
	peer "$BUILD/payload" tcp-get 7002 2>"$T/ready" | "$BUILD/payload" check "$bytes" 5 >"$T/up" 2>&1 &
	wait_for "the receiver" file_has "$T/ready" ready
	create_ok
	start_ok
	# 500 MB take half a minute where the guest's CPU is emulated.
	wait_seconds 250 "the receiver's judgement" test -s "$T/up"
	cat "$T/up" >&2
	file_has "$T/up" agree
	wait_for "the guest's receiver" file_has "$T/err" ready
	"$BUILD/payload" write "$bytes" 6 | peer "$BUILD/payload" tcp-put 10.99.0.2 7003
	wait_exit 250
	expect_out_has 'checked 0'
}

@test "what a container has sent when it ends arrives, however slowly it is read" {
	local bytes=$((8 << 20))
	net_pair 0
	use_box
	peer "$BUILD/payload" tcp-get 7002 8000 2>"$T/ready" | "$BUILD/payload" check "$bytes" 5 >"$T/up" 2>&1 &
	wait_for "the receiver" file_has "$T/ready" ready
	run_container /bin/sh -c "payload write $bytes 5 | payload tcp-put 10.99.0.1 7002"
	expect_status 0
	wait_for "the receiver's judgement" test -s "$T/up"
	cat "$T/up" >&2
	file_has "$T/up" agree
}

# For the container's shell: until the kernel has something to send that the peer has no room for (timer 4: to ask for a window).
UNTIL_STUCK="until grep -qE ' 01 [0-9A-F]+:[0-9A-F]+ 04:' /proc/net/tcp; do sleep 0.1; done"

@test "a peer that takes nothing does not keep a container that has ended for long" {
	vm_only "runc's container is in the namespace itself"
	net_pair 0
	use_box
	# It accepts, and never reads.
	peer "$BUILD/payload" tcp-get 7002 1000000000 2>"$T/ready" >"$T/up" &
	local receiver=$!
	wait_for "the receiver" file_has "$T/ready" ready
	args /bin/sh -c 'payload write $((1 << 20)) 5 | payload tcp-put 10.99.0.1 7002 & '"$UNTIL_STUCK; exit 7"
	create_ok
	start_ok
	wait_exit
	kill "$receiver"
	expect_status 7
	grep -E '[0-9]+ bytes that the container has sent are lost: nobody takes them' "$ROOT/$ID/log"
}

@test "SIGKILL for a container that has ended and still sends: at once, with its own status" {
	vm_only "runc's container is in the namespace itself"
	net_pair 0
	use_box
	peer "$BUILD/payload" tcp-get 7002 1000000 2>"$T/ready" >"$T/up" &
	local receiver=$!
	wait_for "the receiver" file_has "$T/ready" ready
	# A megabyte fits: it takes the peer a quarter of a minute.
	config '.linux.sysctl = {"net.ipv4.tcp_wmem": "4096 2097152 4194304"}'
	args /bin/sh -c 'payload write $((1 << 20)) 5 | payload tcp-put 10.99.0.1 7002; exit 7'
	launch
	has_ended() { ! rt kill "$ID" 0 </dev/null >/dev/null 2>&1; }
	wait_for "the end of its process" has_ended
	call kill "$ID" KILL
	wait_exit
	kill "$receiver"
	expect_status 7
}

@test "a process in the namespace of a user-mode network reaches the container, also at its next address" {
	vm_only "runc's container is in the namespace itself"
	ip -n "$BOX" tuntap add dev tap7 mode tap
	ip -n "$BOX" addr add 10.77.0.2/24 dev tap7
	ip -n "$BOX" link set tap7 up
	use_box
	args /payload tcp-echo 7001
	launch ready
	asks() { in_ns "$BOX" timeout 2 "$BUILD/payload" tcp-many "$1" 7001 1 3>&-; }
	wait_for "an answer" asks 10.77.0.2
	ip -n "$BOX" addr del 10.77.0.2/24 dev tap7
	ip -n "$BOX" addr add 10.77.0.3/24 dev tap7
	wait_for "an answer at the next address" asks 10.77.0.3
}

@test "multicast, both ways" {
	net_pair 0
	ip -n "$PEER" route add 239.0.0.0/8 dev peer0
	ip -n "$BOX" route add 239.0.0.0/8 dev eth0
	use_box
	peer_serve "$T/group" "$BUILD/payload" group-echo 239.1.2.3 7005
	args /bin/sh -c 'payload group-ask 239.1.2.3 7005; exec payload group-echo 239.1.2.4 7006'
	launch ready
	file_has "$T/out" 'a member answered'
	expect_equal "$(peer "$BUILD/payload" group-ask 239.1.2.4 7006)" 'a member answered'
	wait_exit
	expect_status 0
}

@test "jumbo frames" {
	net_pair 0
	ip -n "$BOX" link set eth0 mtu 9000
	ip -n "$PEER" link set peer0 mtu 9000
	use_box
	run_container /bin/sh -ec 'cat /sys/class/net/eth0/mtu; ping -c 1 -W 5 -s 8900 10.99.0.1 | grep -c "1 packets received"'
	expect_status 0
	expect_out $'9000\n1'
}

@test "an interface that comes between create and start is the container's" {
	args /bin/sh -c 'ls /sys/class/net; ping -c 1 -W 5 10.99.3.1 | grep -c "1 packets received"'
	create_ok
	net_pair 3 "$PID"
	start_ok
	wait_exit
	expect_status 0
	expect_out $'eth3\nlo\n1'
}

@test "interfaces, addresses and routes follow the namespace while the container runs" {
	net_pair 0
	use_box
	args /bin/sh -c 'trap "exit 0" TERM; echo ready; while :; do
		ip -o addr; ip route; echo ---; sleep 0.1; done'
	launch ready
	net_pair 1
	wait_for "eth1 in the guest" file_has "$T/out" 10.99.1.2
	peer busybox ping -c 1 -W 5 10.99.1.2
	ip -n "$BOX" route add 10.51.0.0/16 via 10.99.1.1
	wait_for "the route in the guest" file_has "$T/out" '10.51.0.0/16 via 10.99.1.1'
	ip -n "$BOX" addr add 10.99.0.77/24 dev eth0
	wait_for "the address in the guest" file_has "$T/out" 10.99.0.77
	# The first interface has not noticed.
	peer busybox ping -c 1 -W 5 10.99.0.2
	ip -n "$BOX" link del eth1
	last_look() { tac "$T/out" | sed -n '/^---/,$p' | sed '1d' | sed '/^---/q'; }
	eth1_is_gone() { last_look | grep -q 10.99.0.77 && ! last_look | grep -q eth1; }
	wait_for "eth1 gone from the guest" eth1_is_gone
	net_pair 2
	wait_for "eth2 in the guest" file_has "$T/out" 10.99.2.2
	peer busybox ping -c 1 -W 5 10.99.2.2
}

@test "what the guest could not take comes with the next change, policy routing is named" {
	vm_only "runc's container is in the namespace itself"
	net_pair 0
	net_pair 1
	ip -n "$BOX" link set eth1 arp off
	ip -n "$BOX" rule add from 10.99.0.2 lookup 100
	ip -n "$BOX" route add default via 10.99.0.1 table 100
	use_box
	config '.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'
	args /bin/sh -c 'ip addr del 10.99.0.2/24 dev eth0; echo ready
		until [ -e /back ]; do sleep 0.1; done
		ip addr add 10.99.0.2/24 dev eth0; echo again
		while :; do ip route; sleep 0.1; done'
	launch ready
	file_has "$ROOT/$ID/log" "the routing rule '32765: from 10.99.0.2/32 to all lookup 100' is not carried over"
	file_has "$ROOT/$ID/log" "the route 'default' of table 100 is not carried over"
	file_has "$ROOT/$ID/log" "'eth1' does without ARP"
	ip -n "$BOX" route add 10.52.0.0/16 via 10.99.0.1
	wait_for "the guest's complaint" file_has "$ROOT/$ID/log" 'adding route 0'
	touch "$ROOTFS/back"
	wait_for "the address in the guest" file_has "$T/out" again
	! file_has "$T/out" 10.52.0.0 || expect_failed "no such route yet"
	ip -n "$BOX" route add 10.53.0.0/16 dev eth0
	wait_for "the new route" file_has "$T/out" 10.53.0.0/16
	wait_for "the old one" file_has "$T/out" '10.52.0.0/16 via 10.99.0.1'
}

@test "a DNS server that is silent, and more queries than anybody takes" {
	vm_only "runc's container asks the server itself"
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	args /bin/sh -c 'until [ -e /go ]; do sleep 0.1; done
		payload udp-flood 127.0.0.11 53 1000 4000
		grep VmRSS /proc/1/status >/rss.new; mv /rss.new /rss
		payload dns-tcp 127.0.0.11 name'
	create_ok
	in_ns "$PID" ip link set lo up
	cat >"$T/server.py" <<-'END'
		import signal, socket
		udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		tcp = socket.socket()
		for s in udp, tcp:
		    s.bind(("127.0.0.11", 53))
		tcp.listen()
		print("ready", flush=True)
		signal.pause()
	END
	nsenter --net="/proc/$PID/ns/net" /usr/bin/python3 "$T/server.py" </dev/null >"$T/server" 2>&1 3>&- &
	local server=$!
	wait_for "the server" file_has "$T/server" ready
	start_ok
	# While nobody reads: init must not keep what it cannot hand on.
	kill -STOP "$PID"
	touch "$ROOTFS/go"
	wait_for "the flood's end" test -e "$ROOTFS/rss"
	kill -CONT "$PID"
	[ "$(grep -o '[0-9]*' "$ROOTFS/rss")" -lt 1700 ] || expect_failed "init to stay small:" "$(cat "$ROOTFS/rss")"
	wait_exit
	kill "$server"
	expect_status 99
	expect_err_has 'no answer'
}

@test "a namespace that nobody fills has the loopback, and that works" {
	run_container /bin/sh -ec 'ls /sys/class/net; ping -c 1 -W 5 127.0.0.1 | grep -c "1 packets received"; ping -c 1 -W 5 ::1 | grep -c "1 packets received"'
	expect_status 0
	expect_out $'lo\n1\n1'
}

@test "a namespace that is somebody else's is refused" {
	vm_only "runc's containers share one kernel"
	net_pair 0
	in_ns "$BOX" sleep 100 3>&- &
	use_box
	somebody_is_there() { [ -n "$(ip netns pids "$BOX")" ]; }
	wait_for "somebody in the namespace" somebody_is_there
	create
	OUT=$T/out ERR=$T/err
	expect_refusal 'is in use by process'
	expect_equal "$(traffic_control)" 0 "the interface"
}

@test "the interface is the namespace's again after the container" {
	vm_only "nothing of runc's is on it"
	net_pair 0
	use_box
	args /payload ready
	launch ready
	expect_equal "$(in_ns "$BOX" tc qdisc show dev eth0 | grep -c ingress)" 1 "redirected"
	call kill "$ID" KILL
	wait_exit
	expect_equal "$(in_ns "$BOX" tc qdisc show dev eth0 | grep -c ingress || true)" 0 "redirections"
	expect_equal "$(in_ns "$BOX" ls /sys/class/net | tr '\n' ' ')" 'eth0 lo ' "interfaces"
	in_ns "$BOX" busybox ping -c 1 -W 5 10.99.0.1
}

@test "a crash of create at any moment leaves no tap, and delete frees the interface" {
	vm_only "nothing of runc's is on it"
	local delay
	net_pair 0
	use_box
	args /payload ready
	for delay in 0.03 0.08 0.15 0.3 0.6; do
		timeout -s KILL "$delay" "$VMRT" --root "$ROOT" --log "$LOG" create --bundle "$BUNDLE" \
			"$ID" </dev/null >"$T/out" 2>"$T/err" 3>&- || true
		call delete --force "$ID"
		expect_status 0
		wait_seconds 2 "no process is left after $delay s" no_leaked_processes
		expect_equal "$(in_ns "$BOX" ls /sys/class/net | tr '\n' ' ')" 'eth0 lo ' "interfaces after $delay s"
		expect_equal "$(traffic_control)" 0 "redirections after $delay s"
	done
	in_ns "$BOX" busybox ping -c 1 -W 5 10.99.0.1
}

@test "a crash of the monitor leaves no tap, and delete frees the interface" {
	vm_only "nothing of runc's is on it"
	net_pair 0
	use_box
	args /payload ready
	launch ready
	kill -KILL "$PID"
	wait_exit
	call delete --force "$ID"
	expect_status 0
	expect_equal "$(in_ns "$BOX" ip -o link | grep -c vmrt || true)" 0 "taps"
	in_ns "$BOX" busybox ping -c 1 -W 5 10.99.0.1
}
