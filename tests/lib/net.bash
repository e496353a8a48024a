# shellcheck shell=bash
#
# Network namespaces of a test's own: $BOX is the container's, $PEER everybody else's. Nothing of the machine's network is
# touched. They are joined by veth pairs, whose ends are ethN in $BOX and peerN in $PEER.

net_setup() {
	BOX=box-$ID PEER=peer-$ID
	ip netns add "$BOX"
	ip netns add "$PEER"
	ip -n "$PEER" link set lo up
}

net_teardown() {
	ip netns del "$BOX" 2>/dev/null || true
	ip netns del "$PEER" 2>/dev/null || true
}

# net_pair N [NAMESPACE-OPTION…]: peerN (10.99.N.1, fd99:N::1) here, ethN (10.99.N.2, fd99:N::2) in the container's
# namespace, by default $BOX; ID and pid both do.
net_pair() {
	local n=$1 box=${2:-$BOX}
	ip -n "$PEER" link add "peer$n" type veth peer name "eth$n" netns "$box"
	ip -n "$PEER" addr add "10.99.$n.1/24" dev "peer$n"
	ip -n "$PEER" addr add "fd99:$n::1/64" dev "peer$n" nodad
	ip -n "$PEER" link set "peer$n" up
	in_ns "$box" ip addr add "10.99.$n.2/24" brd + dev "eth$n"
	in_ns "$box" ip addr add "fd99:$n::2/64" dev "eth$n" nodad
	in_ns "$box" ip link set "eth$n" up
}

# in_ns NAME-OR-PID COMMAND…
in_ns() {
	local ns=$1
	shift
	case $ns in
	[0-9]*) nsenter --net="/proc/$ns/ns/net" "$@" ;;
	*) ip netns exec "$ns" "$@" ;;
	esac
}

# peer COMMAND…: on the other side.
peer() {
	in_ns "$PEER" "$@" 3>&-
}

# serve_in NAME FILE COMMAND…: a server in a namespace, ready when this returns. It ends with the test.
serve_in() {
	local ns=$1 file=$2
	shift 2
	ip netns exec "$ns" "$@" </dev/null >"$file" 2>&1 3>&- &
	wait_for "the server" file_has "$file" ready
}

# peer_serve FILE COMMAND…: a server on the other side.
peer_serve() {
	serve_in "$PEER" "$@"
}

# The container's namespace is $BOX.
use_box() {
	# shellcheck disable=SC2016 # jq's variable
	config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/$BOX"
}

# What a VM leaves on an interface.
traffic_control() {
	in_ns "$BOX" tc qdisc show | grep -c ingress || true
}
