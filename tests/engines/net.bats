# Networks as docker and podman make them: bridges, published ports, service names, changes at run time.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/podman.bash"

# Bytes of a large transfer. 500 MB take half a minute each way where the guest's CPU is emulated.
LARGE=$((${VMRT_TEST_LARGE_MB:-32} << 20))

setup_file() {
	docker_start
	podman_start
}
teardown_file() {
	podman_stop
	docker_stop
}

setup() { test_setup; }
teardown() {
	docker_remove_all >/dev/null 2>&1 || true
	d network prune -f >/dev/null 2>&1 || true
	p rm --all --force --time 0 >/dev/null 2>&1 || true
	ip netns del "outside-$ID" 2>/dev/null || true
	test_teardown
}

# host COMMAND…: on docker's host, pod_host on podman's.
host() {
	nsenter --net --target "$(cat "$(docker_dir)/holder.pid")" "$@" 3>&-
}
pod_host() {
	nsenter --net --target "$(cat "$(podman_dir)/holder.pid")" "$@" 3>&-
}

# A web server and a UDP echo in a container; more arguments are docker's. The server is in the background when it listens,
# and "ready", which the echo says, comes after it.
WEB='mkdir /w; echo "page of $(hostname)" >/w/index.html; httpd -p 80 -h /w; payload udp-echo 7000 & exec sleep 100000'
web() {
	local name=$1
	shift
	d run -d --name "$name" -h "$name" --runtime=vmrt "$@" bb sh -c "$WEB" >/dev/null
	wait_for "$name serves" logs_have "$name" ready
}
logs_have() { d logs "$1" 2>&1 | grep -q "$2"; }

address_of() {
	d inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1
}

vm() {
	d run --rm --runtime=vmrt "$@"
}

fetch() {
	"$1" timeout 5 busybox wget -q -O - "http://$2/"
}

@test "docker's bridge: out, in, and from container to container, VM or not" {
	local address
	web one
	address=$(address_of one)
	expect_equal "$(fetch host "$address")" 'page of one'
	expect_equal "$(vm bb timeout 5 wget -q -O - "http://$address/")" 'page of one'
	expect_equal "$(d run --rm bb timeout 5 wget -q -O - "http://$address/")" 'page of one' "from runc"
	vm bb ping -c 1 -W 5 172.17.0.1
	d run -d --name other bb sh -c "$WEB" >/dev/null
	wait_for "runc's serves" logs_have other ready
	vm bb payload udp-ask "$(address_of other)" 7000
}

@test "docker's bridge: published ports, TCP and UDP" {
	web one -p 8080:80 -p 7000:7000/udp
	wait_for "the published port" eval 'fetch host 127.0.0.1:8080 >/dev/null 2>&1'
	expect_equal "$(fetch host 127.0.0.1:8080)" 'page of one'
	host "$BUILD/payload" udp-ask 127.0.0.1 7000
	host "$BUILD/payload" udp-ask 127.0.0.1 7000 20000
}

@test "a network of the user's: names answer by UDP and TCP, three services find each other" {
	d network create "net-$ID" >/dev/null
	web one --network "net-$ID"
	web two --network "net-$ID" --network-alias second
	vm --network "net-$ID" bb sh -ec '
		timeout 5 wget -q -O - http://one/
		timeout 5 wget -q -O - http://second/
		payload dns-tcp 127.0.0.11 two' >"$OUT"
	expect_equal "$(head -n 2 "$OUT")" $'page of one\npage of two'
	expect_out_line "$(address_of two)"
	# Port 53 of all addresses is the container's own to use.
	vm --network "net-$ID" bb sh -ec '
		payload dns-serve 192.0.2.88 >/ready & until grep -q ready /ready; do sleep 0.05; done
		nslookup anything 127.0.0.1; nslookup one 127.0.0.11' >"$OUT"
	expect_out_has 'Address: 192.0.2.88'
	expect_out_has "Address: $(address_of one)"
}

@test "a network of the user's: names that docker has to ask others for" {
	d network create --subnet 172.29.0.0/24 "net-$ID" >/dev/null
	nsenter --net --target "$(cat "$(docker_dir)/holder.pid")" \
		"$BUILD/payload" dns-serve 192.0.2.77 </dev/null >"$T/dns" 2>&1 3>&- &
	wait_for "the server" file_has "$T/dns" ready
	vm --network "net-$ID" --dns 172.29.0.1 bb sh -ec 'nslookup www.example.org; ping -c 1 -W 5 172.29.0.1' >"$OUT"
	expect_out_has 'Address: 192.0.2.77'
}

@test "docker's bridge: out into a network that knows only the host" {
	local outside=outside-$ID
	ip netns add "$outside"
	ip -n "$outside" link set lo up
	host ip link add up0 type veth peer name out0
	host ip link set out0 netns "/run/netns/$outside"
	host ip addr add 198.51.100.1/24 dev up0
	host ip link set up0 up
	ip -n "$outside" addr add 198.51.100.2/24 dev out0
	ip -n "$outside" link set out0 up
	ip netns exec "$outside" "$BUILD/payload" tcp-echo 7001 </dev/null >"$T/tcp" 2>&1 3>&- &
	ip netns exec "$outside" "$BUILD/payload" udp-echo 7002 </dev/null >"$T/udp" 2>&1 3>&- &
	wait_for "TCP outside" file_has "$T/tcp" ready
	wait_for "UDP outside" file_has "$T/udp" ready
	vm bb sh -ec 'payload tcp-many 198.51.100.2 7001 20; payload udp-ask 198.51.100.2 7002 20000
		ping -c 1 -W 5 198.51.100.2 | grep -c "1 packets received"' >"$OUT"
	host ip link del up0
	ip netns del "$outside"
	expect_out $'20 connections\nanswer of 20000 bytes\n1'
}

# compose ARG…: docker-compose on our daemon, with the file of the test.
compose() {
	DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker/client DOCKER_HOST=unix://$BATS_FILE_TMPDIR/docker/docker.sock \
		timeout --foreground -k 5 "$CALL_LIMIT_S" docker-compose -p "c$ID" -f "$T/compose.yaml" "$@" 3>&-
}

@test "docker-compose: three services that wait for and find each other, and names outside" {
	local bytes=$((4 << 20))
	cat >"$T/compose.yaml" <<-END
		services:
		  store: &vm
		    image: bb
		    runtime: vmrt
		    networks: [inner]
		    command: sh -ec 'mkdir /w; payload write $bytes 3 >/w/data; exec httpd -f -p 80 -h /w'
		    healthcheck: &served {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/data"], interval: 1s, retries: 60}
		  web:
		    <<: *vm
		    depends_on: {store: {condition: service_healthy}}
		    networks: [inner, outer]
		    ports: ["8083:80"]
		    command: sh -ec 'mkdir /w; wget -q -O /w/data http://store/data; exec httpd -f -p 80 -h /w'
		  client:
		    image: bb
		    runtime: vmrt
		    depends_on: {web: {condition: service_healthy}}
		    networks: [outer]
		    dns: 172.27.0.1
		    command: sh -ec 'wget -q -O - http://web/data | payload check $bytes 3; ! wget -q -O - http://store/data;
		      nslookup www.example.org; ping -c 1 -W 5 172.27.0.1'
		networks:
		  inner: {internal: true}
		  outer: {ipam: {config: [{subnet: 172.27.0.0/24}]}}
	END
	nsenter --net --target "$(cat "$(docker_dir)/holder.pid")" \
		"$BUILD/payload" dns-serve 192.0.2.79 </dev/null >"$T/dns" 2>&1 3>&- &
	wait_for "the server" file_has "$T/dns" ready
	compose up -d --no-color >"$T/up" 2>&1 || { cat "$T/up" >&2; false; }
	for name in store web client; do
		expect_equal "$(d inspect -f '{{.HostConfig.Runtime}}' "$(compose ps -aq "$name")")" vmrt
	done
	expect_equal "$(d wait "$(compose ps -aq client)")" 0 "the client's end"
	d logs "$(compose ps -aq client)" >"$OUT" 2>&1
	expect_out_has "$bytes bytes agree"
	expect_out_has 'Address: 192.0.2.79'
	host timeout 20 busybox wget -q -O - http://127.0.0.1:8083/data | "$BUILD/payload" check "$bytes" 3
	# One that is made again is found at its new address.
	compose up -d --no-color --force-recreate --no-deps store >"$T/up" 2>&1 || { cat "$T/up" >&2; false; }
	local web
	web=$(compose ps -aq web)
	wait_for "the new store" eval 'd exec "$web" timeout 5 wget -q -O /dev/null http://store/data 2>/dev/null'
	compose down -t 1 >"$T/down" 2>&1 || { cat "$T/down" >&2; false; }
	expect_equal "$(d ps -aq)" '' "containers after down"
}

@test "a network of the user's with IPv6" {
	d network create --ipv6 --subnet fd01:2:3::/64 "net-$ID" >/dev/null
	web one --network "net-$ID"
	vm --network "net-$ID" bb sh -ec '
		! ip -6 addr show dev eth0 | grep -E "tentative|dadfailed"
		ping -c 1 -W 5 fd01:2:3::1
		payload udp-ask fd01:2:3::2 7000 9000' >"$OUT"
	expect_out_line 'answer of 9000 bytes'
	host busybox ping -c 1 -W 5 fd01:2:3::2
}

@test "docker network connect and disconnect on a running container" {
	d network create "net-$ID" >/dev/null
	web one
	d network connect "net-$ID" one
	address=$(d inspect -f "{{(index .NetworkSettings.Networks \"net-$ID\").IPAddress}}" one)
	wait_for "the second network" eval 'fetch host "$address" >/dev/null 2>&1'
	expect_equal "$(vm --network "net-$ID" bb timeout 5 wget -q -O - http://one/)" 'page of one'
	d network disconnect bridge one
	wait_for "still there" eval 'fetch host "$address" >/dev/null 2>&1'
	d network disconnect "net-$ID" one
	! fetch host "$address" 2>/dev/null || expect_failed "nothing at the old address"
	d network connect bridge one
	wait_for "back on the bridge" eval 'fetch host "$(address_of one)" >/dev/null 2>&1'
}

@test "docker: many connections, much data both ways, jumbo frames, multicast" {
	d network create -o com.docker.network.driver.mtu=9000 --subnet 172.28.0.0/24 "net-$ID" >/dev/null
	d run -d --name one --runtime=vmrt --network "net-$ID" -p 7001:7001 bb sh -c "payload tcp-echo 7001 &
		payload group-echo 239.1.2.3 7005 & cat /sys/class/net/eth0/mtu
		payload tcp-get 7003 | payload check $LARGE 5
		payload write $LARGE 6 | payload tcp-put 172.28.0.1 7004; wait" >/dev/null
	wait_for "one serves" logs_have one ready
	logs_have one 9000
	host busybox ping -c 1 -W 5 -s 8900 "$(address_of one)"
	wait_for "the published port" eval 'host "$BUILD/payload" tcp-many 127.0.0.1 7001 1 2>/dev/null'
	host "$BUILD/payload" tcp-many 127.0.0.1 7001 200
	expect_equal "$(vm --network "net-$ID" bb payload tcp-many "$(address_of one)" 7001 200)" '200 connections'
	expect_equal "$(vm --network "net-$ID" bb payload group-ask 239.1.2.3 7005)" 'a member answered'
	host "$BUILD/payload" tcp-get 7004 2>"$T/ready" | "$BUILD/payload" check "$LARGE" 6 >"$T/up" 2>&1 &
	wait_for "the receiver" file_has "$T/ready" ready
	"$BUILD/payload" write "$LARGE" 5 | host "$BUILD/payload" tcp-put "$(address_of one)" 7003
	wait_seconds 250 "what came is what was sent" logs_have one agree
	wait_seconds 250 "the other way" file_has "$T/up" agree
}

@test "docker's host network: the container's servers are at the host's ports" {
	d run -d --name one -h one --runtime=vmrt --network host bb sh -c "$WEB" >/dev/null
	wait_for "the host's port" eval 'fetch host 127.0.0.1 >/dev/null 2>&1'
	fetch host 127.0.0.1 | grep 'page of'
	wait_for "its UDP port" eval 'host "$BUILD/payload" udp-ask 127.0.0.1 7000 2>/dev/null'
	# Another container finds it, and a server of the host's, where a program would look for them.
	nsenter --net --target "$(cat "$(docker_dir)/holder.pid")" \
		"$BUILD/payload" tcp-echo 7009 </dev/null >"$T/echo" 2>&1 3>&- &
	wait_for "the host's server" file_has "$T/echo" ready
	vm --network host bb sh -ec 'timeout 20 wget -q -O - http://localhost/; payload tcp-many 127.0.0.1 7009 2' >"$OUT"
	expect_out $'page of one\n2 connections'
	d rm -f one >/dev/null
	! fetch host 127.0.0.1 2>/dev/null
}

@test "docker --network container:X is refused, and X does not notice" {
	web one
	status=0
	vm --network container:one bb true 2>"$ERR" >"$OUT" || status=$?
	expect_status 125
	expect_err_has 'vmrt-monitor): a VM cannot share its interfaces with another container or a pod'
	expect_equal "$(fetch host "$(address_of one)")" 'page of one'
	# Nor with a container that is no VM.
	d run -d --name other bb sh -c "$WEB" >/dev/null
	wait_for "runc's serves" logs_have other ready
	status=0
	vm --network container:other bb true 2>"$ERR" >"$OUT" || status=$?
	expect_status 125
	expect_equal "$(fetch host "$(address_of other)" | cut -c1-7)" 'page of'
}

@test "docker restart and kill leave no interface behind" {
	web one -p 8080:80
	d restart -t 0 one >/dev/null
	wait_for "it serves again" eval 'fetch host 127.0.0.1:8080 >/dev/null 2>&1'
	d rm -f one >/dev/null
	no_veth() { ! host ip -o link | grep -qE 'veth|vmrt'; }
	wait_for "no interface left" no_veth
}

@test "podman's bridge: out, in, published" {
	p run -d --name one -p 8081:80 -p 7001:7000/udp bb sh -c "$WEB" >/dev/null
	wait_for "the published port" eval 'fetch pod_host 127.0.0.1:8081 >/dev/null 2>&1'
	pod_host "$BUILD/payload" udp-ask 127.0.0.1 7001
	address=$(p inspect -f '{{.NetworkSettings.IPAddress}}' one)
	p run --rm bb timeout 5 wget -q -O - "http://$address/" | grep 'page of'
	p run --rm --cap-add NET_RAW bb ping -c 1 -W 5 10.88.0.1
	p rm --force --time 0 one >/dev/null
	! pod_host ip -o link | grep -E 'veth|vmrt'
}

@test "podman: none, container:X and a pod's second container; a pod without an infra container" {
	expect_equal "$(p run --rm --cap-add NET_RAW --network none bb sh -c 'ls /sys/class/net; ping -c 1 -W 5 127.0.0.1 >/dev/null && echo up')" $'lo\nup'
	p run -d --name one bb sh -c "$WEB" >/dev/null
	! p run --rm --network container:one bb true 2>"$ERR"
	expect_err_has 'a VM cannot share its interfaces with another container or a pod'
	address=$(p inspect -f '{{.NetworkSettings.IPAddress}}' one)
	wait_for "it serves" eval 'fetch pod_host "$address" >/dev/null 2>&1'
	# The first is the pod's infra container.
	p pod create --name pod --infra-image bb --infra-command "sleep 1000" >/dev/null
	! p run --rm --pod pod bb true 2>"$ERR"
	expect_err_has 'a VM cannot share its interfaces with another container or a pod'
	expect_equal "$(p inspect -f '{{.State.Status}}' "$(p pod inspect -f '{{.InfraContainerID}}' pod)")" running
	p pod rm -f -t 0 pod >/dev/null
	p pod create --name alone --infra=false --share "" >/dev/null
	expect_equal "$(p run --rm --pod alone bb echo in the pod)" 'in the pod'
	p pod rm -f -t 0 alone >/dev/null
}

@test "podman's host network: the container's servers are at the host's ports" {
	p run -d --name one --network host bb sh -c "$WEB" >/dev/null
	wait_for "the host's port" eval 'fetch pod_host 127.0.0.1 >/dev/null 2>&1'
	wait_for "its UDP port" eval 'pod_host "$BUILD/payload" udp-ask 127.0.0.1 7000 2>/dev/null'
	# Two on one host: the second's ports are taken, and that is said.
	p run -d --name two --network host bb sh -c "$WEB" >/dev/null
	log=/run/vmrt/$(p inspect -f '{{.ID}}' two)/log
	wait_for "the second's complaint" file_has "$log" "port tcp::80 is not reachable: the host's is not to be had"
	wait_for "and the other" file_has "$log" \
		"port udp::7000 is not reachable: the host's is not to be had: Address already in use"
	p rm -f -t 0 one >/dev/null
	! fetch pod_host 127.0.0.1 2>/dev/null
}

@test "podman: IPv6, connect and disconnect, many connections, much data both ways, jumbo frames, multicast" {
	p network create --ipv6 --subnet fd02:2:3::/64 -o mtu=9000 "net-$ID" >/dev/null
	p run -d --name one bb sh -c "$WEB & payload tcp-echo 7001 & payload group-echo 239.1.2.3 7005 &
		payload tcp-get 7003 | payload check $LARGE 5
		payload write $LARGE 6 | payload tcp-put 10.88.0.1 7004; wait" >/dev/null
	NAME=one
	wait_for "one serves" podman_log_has ready
	p network connect "net-$ID" one
	six=$(p inspect -f "{{(index .NetworkSettings.Networks \"net-$ID\").GlobalIPv6Address}}" one)
	wait_for "the second network" eval 'pod_host busybox ping -c 1 -W 1 "$six" >/dev/null 2>&1'
	# The host looks for others with its own address for a second.
	wait_for "the host's address" eval '! pod_host ip -6 -o addr show tentative | grep -q fd02:2:3'
	pod_host "$BUILD/payload" udp-ask "$six" 7000 9000
	pod_host busybox ping -c 1 -W 5 -s 8900 "$six"
	p network disconnect "net-$ID" one
	wait_for "it is gone" eval '! pod_host busybox ping -c 1 -W 1 "$six" >/dev/null 2>&1'
	address=$(p inspect -f '{{.NetworkSettings.IPAddress}}' one)
	pod_host "$BUILD/payload" tcp-many "$address" 7001 200
	expect_equal "$(p run --rm bb sh -c "payload udp-ask $address 7000; payload group-ask 239.1.2.3 7005")" \
		$'answer of 5 bytes\na member answered'
	pod_host "$BUILD/payload" tcp-get 7004 2>"$T/ready" | "$BUILD/payload" check "$LARGE" 6 >"$T/up" 2>&1 &
	wait_for "the receiver" file_has "$T/ready" ready
	"$BUILD/payload" write "$LARGE" 5 | pod_host "$BUILD/payload" tcp-put "$address" 7003
	wait_seconds 250 "what came is what was sent" podman_log_has agree
	wait_seconds 250 "the other way" file_has "$T/up" agree
	p rm -f -t 0 one >/dev/null
	p network rm "net-$ID" >/dev/null
}
