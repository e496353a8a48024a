/* A container's network on the host: taps for the VM's NICs, joined one to one with the interfaces
 * that the engine has put into the namespace, whenever it does so.
 *
 *   engine:  create ──(hook, or after create)── eth0 appears ───────── connect: eth1 ──
 *   net:     net_open: taps for QEMU           net_update at start     net_update on an event
 *   guest:   NICs without a name               eth0 = NIC 0            eth1 = NIC 1
 *
 * A VM of this kind gets no devices later, so all NICs are there from the beginning; the guest
 * hides those that nothing is joined with. Must not speak to the guest. */
#ifndef VMRT_NET_NET_H
#define VMRT_NET_NET_H

#include "lib/network.h"
#include "runtime/net/inward.h"
#include "runtime/net/netlink.h"
#include "runtime/net/tap.h"

#define NET_SLOT_MAX	 4
#define NET_REPORTED_MAX 64 /* then nothing more is said */

struct net_slot {
	struct tap tap;
	int vhost_fds[TAP_QUEUE_MAX]; /* one for each queue; -1: QEMU moves the frames itself */
	unsigned int ifindex;	      /* of the interface it is joined with; 0: none */
	uint32_t tap_mtu;
	bool is_dns_shared;
	struct inward inward;
};

struct net {
	struct netlink requests;
	struct netlink sockets;	   /* to ask who listens */
	struct mnl_socket *events; /* NULL: no network */
	uint32_t tap_group;	   /* 0: the taps go with the namespace */
	size_t slot_count;	   /* 0: loopback only */
	struct net_slot slots[NET_SLOT_MAX];
	bool is_full_reported;
	size_t reported_count;
	char **reported; /* what was said not to be carried over */
};

struct net_options {
	size_t slot_count;
	/* The taps end with it, which nobody has to wait for. */
	bool is_namespace_new;
	/* The kernel moves the frames if it can, and those of the first NIC for each of
	 * `cpu_count` CPUs in a queue of its own. */
	bool want_vhost;
	unsigned int cpu_count;
};

/* In the container's network namespace: it is never changed afterwards. Makes the taps; their
 * descriptors are the caller's to take. */
int net_open(struct net *n, const struct net_options *options, struct err *e) VMRT_MUST_CHECK;

/* Queues of a slot's tap. */
size_t net_queue_count(const struct net_slot *slot);

/* QEMU has its copies. */
void net_drop_fds(struct net_slot *slot);

/* Reads the namespace, joins what is new, lets go what is gone, and describes the result. What
 * cannot be carried over is logged by name. The description is freed with network_done(). */
int net_update(struct net *n, struct network *ret, struct err *e) VMRT_MUST_CHECK;

/* Readable when something in the namespace changed; net_take_events() reads all of it. */
int net_event_fd(const struct net *n);
void net_take_events(struct net *n);

/* The interfaces are the host's again. */
void net_close(struct net *n);

#endif
