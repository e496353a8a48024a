/* Ports of the host's for a container that asked for the host's network: one for each socket that
 * listens in the guest, opened and closed by QEMU, whose user-mode network has the connections.
 *
 *   guest: listen(2) ──LISTENING──> monitor ──hostfwd_add──> QEMU listens at the host's port
 *
 * The guest's word is hostile: what it can have is the ports that a container in the host's network
 * could open itself. QEMU gets the next commands when it has answered the last. */
#include "runtime/monitor/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/net/user.h"

#define FORWARD_LINE_BYTES 128
#define FORWARD_LOG_MAX	   1000 /* lines: the log lies in memory of the host's */

struct forward_port {
	struct monitor *monitor;
	struct proto_listener at;
	bool is_refused; /* it cannot be had */
};

struct forward {
	unsigned int logged;
	unsigned int pending; /* commands that QEMU has not answered */
	bool is_changed;      /* `wanted` has, since the last commands */
	uint32_t wanted_count;
	struct proto_listener wanted[PROTO_LISTENER_MAX];
	uint32_t port_count;
	struct forward_port ports[PROTO_LISTENER_MAX];
};

static const char *forward_protocol(const struct proto_listener *l)
{
	return l->is_udp ? "udp" : "tcp";
}

static bool forward_is_same(const struct proto_listener *a, const struct proto_listener *b)
{
	return a->is_udp == b->is_udp && a->port == b->port && a->address == b->address;
}

/* Is there one for all addresses that takes its connections? */
static bool forward_is_covered(const struct forward *f, const struct proto_listener *l)
{
	struct proto_listener all = *l;

	all.address = INADDR_ANY;
	for (uint32_t i = 0; l->address != INADDR_ANY && i < f->wanted_count; i++) {
		if (forward_is_same(&f->wanted[i], &all))
			return true;
	}
	return false;
}

static bool forward_is_wanted(const struct forward *f, const struct proto_listener *l)
{
	for (uint32_t i = 0; i < f->wanted_count; i++) {
		if (forward_is_same(&f->wanted[i], l))
			return !forward_is_covered(f, l);
	}
	return false;
}

static bool forward_has(const struct forward *f, const struct proto_listener *l)
{
	for (uint32_t i = 0; i < f->port_count; i++) {
		if (forward_is_same(&f->ports[i].at, l))
			return true;
	}
	return false;
}

/* "tcp:127.0.0.1:80"; all addresses are an empty one. */
static void forward_word_host(const struct proto_listener *l, char *text, size_t size)
{
	struct in_addr address = {htonl(l->address)};

	snprintf(text, size, "%s:%s:%u", forward_protocol(l), l->address ? inet_ntoa(address) : "",
		 l->port);
}

/* QEMU does not say why. Its namespace is ours, but the ports below 1024 are not. */
static const char *forward_find_reason(const struct proto_listener *l)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(l->port),
		.sin_addr = {htonl(l->address)},
	};
	auto_close int fd =
		socket(AF_INET, (l->is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno != EACCES))
		return strerror(errno);
	return "QEMU cannot listen there";
}

static bool forward_may_log(struct forward *f)
{
	/* The guest opens and closes ports as often as it likes. */
	return f->logged < FORWARD_LOG_MAX && ++f->logged;
}

static void forward_apply(struct monitor *m);

static void forward_on_answer(struct monitor *m)
{
	m->forward->pending--;
	if (!m->forward->pending && m->forward->is_changed)
		forward_apply(m);
}

static void forward_on_added(void *arg, const struct err *e)
{
	struct forward_port *p = arg;
	char name[FORWARD_LINE_BYTES];

	forward_word_host(&p->at, name, sizeof(name));
	p->is_refused = e != NULL;
	if (forward_may_log(p->monitor->forward)) {
		if (e)
			log_warn("network: the container's port %s is not reachable: the host's is "
				 "not to be had: %s",
				 name, forward_find_reason(&p->at));
		else
			log_info("network: the host's port %s leads to the container", name);
	}
	forward_on_answer(p->monitor);
}

static void forward_on_removed(void *arg, const struct err *e)
{
	(void)e; /* a text, in any case */
	forward_on_answer(arg);
}

static void forward_close_port(struct monitor *m, const struct forward_port *p)
{
	char name[FORWARD_LINE_BYTES];
	char line[FORWARD_LINE_BYTES * 2];

	if (p->is_refused)
		return;
	forward_word_host(&p->at, name, sizeof(name));
	snprintf(line, sizeof(line), "hostfwd_remove %s %s", USER_NETDEV, name);
	if (forward_may_log(m->forward))
		log_info("network: the host's port %s is closed", name);
	m->forward->pending++;
	qmp_send_line(m->qmp, line, forward_on_removed, m);
}

static void forward_open_port(struct monitor *m, const struct proto_listener *l)
{
	struct forward *f = m->forward;
	struct forward_port *p = &f->ports[f->port_count++];
	struct in_addr guest = {htonl(l->address ? l->address : USER_GUEST_ADDRESS)};
	char name[FORWARD_LINE_BYTES];
	char line[FORWARD_LINE_BYTES * 2];

	*p = (struct forward_port){.monitor = m, .at = *l};
	forward_word_host(l, name, sizeof(name));
	snprintf(line, sizeof(line), "hostfwd_add %s %s-%s:%u", USER_NETDEV, name, inet_ntoa(guest),
		 l->port);
	f->pending++;
	qmp_send_line(m->qmp, line, forward_on_added, p);
}

/* When nothing is pending only: the commands' callbacks know the ports by their places. */
static void forward_apply(struct monitor *m)
{
	struct forward *f = m->forward;
	uint32_t kept = 0;

	f->is_changed = false;
	/* One more while commands are sent: their answers may come at once, when QEMU is gone. */
	f->pending++;
	for (uint32_t i = 0; i < f->port_count; i++) {
		if (forward_is_wanted(f, &f->ports[i].at))
			f->ports[kept++] = f->ports[i];
		else
			forward_close_port(m, &f->ports[i]);
	}
	f->port_count = kept;
	for (uint32_t i = 0; i < f->wanted_count; i++) {
		if (forward_is_wanted(f, &f->wanted[i]) && !forward_has(f, &f->wanted[i]))
			forward_open_port(m, &f->wanted[i]);
	}
	f->pending--;
}

/* At the container's own address is at all of the host's; at others of its own nobody gets there.
 */
static bool forward_translate(struct proto_listener *l)
{
	if (l->address == USER_GUEST_ADDRESS)
		l->address = INADDR_ANY;
	return l->address == INADDR_ANY || l->address >> 24 == IN_LOOPBACKNET;
}

void forward_on_listening(struct monitor *m, const struct proto_event *ev)
{
	struct forward *f;
	struct err e;

	if (!m->network.want_listeners) {
		err_set(&e, -EPROTO, "guest: LISTENING, which nobody asked for");
		monitor_break(m, &e);
		return;
	}
	if (!m->forward)
		m->forward = xcalloc(1, sizeof(*m->forward));
	f = m->forward;
	f->wanted_count = 0;
	for (uint32_t i = 0; i < ev->listening.count; i++) {
		f->wanted[f->wanted_count] = ev->listening.at[i];
		if (forward_translate(&f->wanted[f->wanted_count]))
			f->wanted_count++;
	}
	f->is_changed = true;
	if (!f->pending)
		forward_apply(m);
}
