/* Programs at the container's cgroup that change addresses on their way into and out of the kernel:
 *
 *   connect(127.0.0.1:5432) ── is somebody there? ──yes──> stays
 *                                                 └─no───> 10.0.2.2:5432, QEMU's name of the host
 *   getpeername(), recvfrom() <── 127.0.0.1 <────────────── 10.0.2.2
 *
 * The kernel is asked at the moment of the call, so that a server of the container's that has just
 * begun to listen is found. Rules of a packet filter could not know.
 *
 * Must not be needed: without it the host is at the gateway's address, and the log says so. */
#include "init/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/control.h"
#include "init/machine.h"
#include "lib/fd.h"

#define LOOPBACK_INSN_MAX  96
#define LOOPBACK_DNS_PORT  53
#define LOOPBACK_STACK_MAX 40 /* of a struct bpf_sock_tuple, rounded up */

/* Places that jumps go to, all forward: one can be had again when it has been set. */
enum { TO_ALLOW, TO_NEXT, TO_HOST, TO_TCP, TO_FOUND, LABEL_COUNT };

/* What calls keep, and what they do not. */
enum {
	R_RESULT,
	R_ARG1,
	R_ARG2,
	R_ARG3,
	R_ARG4,
	R_ARG5,
	R_CONTEXT,
	R_ADDRESS,
	R_PORT,
	R_STACK = 10
};

struct loopback_program {
	struct bpf_insn insns[LOOPBACK_INSN_MAX];
	uint8_t labels[LOOPBACK_INSN_MAX]; /* 1 + the label that a jump goes to */
	int count;
};

static struct {
	bool is_done;
	uint32_t gateway4; /* network order */
	bool has_gateway6;
	uint32_t gateway6[4];
	uint32_t resolver; /* network order: answered in the guest (resolver.h) */
} loopback;

/* --- a small assembler --- */

static void loopback_emit(struct loopback_program *p, uint8_t code, uint8_t dst, uint8_t src,
			  int16_t offset, uint32_t value)
{
	struct bpf_insn *i = &p->insns[p->count];

	if (p->count++ == LOOPBACK_INSN_MAX - 1)
		machine_die("loopback: a program of more than %d", LOOPBACK_INSN_MAX);
	*i = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = offset};
	i->imm = (int32_t)value;
}

static void loopback_jump(struct loopback_program *p, uint8_t code, uint8_t reg, uint32_t value,
			  int label)
{
	p->labels[p->count] = (uint8_t)(label + 1);
	loopback_emit(p, code, reg, 0, 0, value);
}

/* Compares 32 bits. */
static void loopback_if_not(struct loopback_program *p, uint8_t reg, uint32_t value, int label)
{
	loopback_jump(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, value, label);
}

static void loopback_if(struct loopback_program *p, uint8_t reg, uint32_t value, int label)
{
	loopback_jump(p, BPF_JMP32 | BPF_JEQ | BPF_K, reg, value, label);
}

static void loopback_set_label(struct loopback_program *p, int label)
{
	for (int i = 0; i < p->count; i++) {
		if (p->labels[i] != label + 1)
			continue;
		p->insns[i].off = (int16_t)(p->count - i - 1);
		p->labels[i] = 0;
	}
}

/* 32 bits of the context. */
static void loopback_load(struct loopback_program *p, uint8_t reg, size_t offset)
{
	loopback_emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, R_CONTEXT, (int16_t)offset, 0);
}

static void loopback_store(struct loopback_program *p, size_t offset, uint32_t value)
{
	loopback_emit(p, BPF_ALU | BPF_MOV | BPF_K, R_RESULT, 0, 0, value);
	loopback_emit(p, BPF_STX | BPF_MEM | BPF_W, R_CONTEXT, R_RESULT, (int16_t)offset, 0);
}

static void loopback_move(struct loopback_program *p, uint8_t to, uint8_t from)
{
	loopback_emit(p, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static void loopback_move_value(struct loopback_program *p, uint8_t to, uint32_t value)
{
	loopback_emit(p, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

static void loopback_call(struct loopback_program *p, uint32_t function)
{
	loopback_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* --- the programs --- */

static size_t loopback_word6(int word)
{
	return offsetof(struct bpf_sock_addr, user_ip6) + (size_t)word * 4;
}

/* In a network namespace that the container has made itself the loopback addresses are that one's,
 * and the gateway's is anybody's. init's own is the first one. */
static void loopback_begin_program(struct loopback_program *p)
{
	memset(p, 0, sizeof(*p));
	loopback_move(p, R_CONTEXT, R_ARG1);
	loopback_call(p, BPF_FUNC_get_netns_cookie);
	loopback_move(p, R_ADDRESS, R_RESULT);
	loopback_move_value(p, R_ARG1, 0);
	loopback_call(p, BPF_FUNC_get_netns_cookie);
	loopback_jump(p, BPF_JMP | BPF_JNE | BPF_X, R_RESULT, 0, TO_ALLOW);
	p->insns[p->count - 1].src_reg = R_ADDRESS;
}

static void loopback_end_program(struct loopback_program *p)
{
	loopback_set_label(p, TO_ALLOW);
	loopback_move_value(p, R_RESULT, 1);
	loopback_emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Goes on if no socket of the guest is at the address and port on the stack: a tuple of `size`
 * bytes from `base` on, whose ports are its last four bytes. */
static void loopback_allow_if_found(struct loopback_program *p, size_t base, uint32_t size)
{
	int16_t ports = (int16_t)((int)size - 4 - (int)base);

	loopback_emit(p, BPF_ST | BPF_MEM | BPF_H, R_STACK, 0, ports, 0);
	loopback_emit(p, BPF_STX | BPF_MEM | BPF_H, R_STACK, R_PORT, (int16_t)(ports + 2), 0);
	loopback_move(p, R_ARG1, R_CONTEXT);
	loopback_move(p, R_ARG2, R_STACK);
	loopback_emit(p, BPF_ALU64 | BPF_ADD | BPF_K, R_ARG2, 0, 0, -(uint32_t)base);
	loopback_move_value(p, R_ARG3, size);
	loopback_move_value(p, R_ARG4, (uint32_t)BPF_F_CURRENT_NETNS);
	loopback_move_value(p, R_ARG5, 0);
	loopback_load(p, R_RESULT, offsetof(struct bpf_sock_addr, protocol));
	loopback_if(p, R_RESULT, IPPROTO_TCP, TO_TCP);
	loopback_if_not(p, R_RESULT, IPPROTO_UDP, TO_ALLOW);
	loopback_call(p, BPF_FUNC_sk_lookup_udp);
	loopback_jump(p, BPF_JMP | BPF_JA, 0, 0, TO_FOUND);
	loopback_set_label(p, TO_TCP);
	loopback_call(p, BPF_FUNC_sk_lookup_tcp);
	loopback_set_label(p, TO_FOUND);
	loopback_jump(p, BPF_JMP | BPF_JEQ | BPF_K, R_RESULT, 0, TO_HOST);
	loopback_move(p, R_ARG1, R_RESULT);
	loopback_call(p, BPF_FUNC_sk_release);
	loopback_jump(p, BPF_JMP | BPF_JA, 0, 0, TO_ALLOW);
	loopback_set_label(p, TO_HOST);
}

/* To 127.0.0.0/8: the address is in R_ADDRESS, and in the context at `offset`. */
static void loopback_put_out4(struct loopback_program *p, size_t offset)
{
	const size_t base = 16;

	loopback_emit(p, BPF_ALU | BPF_MOV | BPF_X, R_RESULT, R_ADDRESS, 0, 0);
	loopback_emit(p, BPF_ALU | BPF_AND | BPF_K, R_RESULT, 0, 0, htonl(IN_CLASSA_NET));
	loopback_if_not(p, R_RESULT, htonl((uint32_t)IN_LOOPBACKNET << IN_CLASSA_NSHIFT), TO_ALLOW);
	loopback_if_not(p, R_ADDRESS, loopback.resolver, TO_NEXT);
	loopback_if(p, R_PORT, htons(LOOPBACK_DNS_PORT), TO_ALLOW);
	loopback_set_label(p, TO_NEXT);
	loopback_emit(p, BPF_STX | BPF_MEM | BPF_W, R_STACK, R_ADDRESS, -(int16_t)base, 0);
	loopback_emit(p, BPF_STX | BPF_MEM | BPF_W, R_STACK, R_ADDRESS, 4 - (int16_t)base, 0);
	loopback_allow_if_found(p, base, sizeof(((struct bpf_sock_tuple *)0)->ipv4));
	loopback_store(p, offset, loopback.gateway4);
}

static void loopback_make_out4(struct loopback_program *p)
{
	const size_t offset = offsetof(struct bpf_sock_addr, user_ip4);

	loopback_begin_program(p);
	loopback_load(p, R_ADDRESS, offset);
	loopback_load(p, R_PORT, offsetof(struct bpf_sock_addr, user_port));
	loopback_put_out4(p, offset);
	loopback_end_program(p);
}

/* To ::1; its caller has looked at the first half. */
static void loopback_put_out6(struct loopback_program *p)
{
	const size_t base = LOOPBACK_STACK_MAX;

	if (!loopback.has_gateway6) {
		loopback_jump(p, BPF_JMP | BPF_JA, 0, 0, TO_ALLOW);
		return;
	}
	loopback_if_not(p, R_RESULT, 0, TO_ALLOW);
	loopback_if_not(p, R_ADDRESS, htonl(1), TO_ALLOW);
	for (int i = 0; i < 8; i++)
		loopback_emit(p, BPF_ST | BPF_MEM | BPF_W, R_STACK, 0, (int16_t)(i * 4 - (int)base),
			      i % 4 == 3 ? htonl(1) : 0);
	loopback_allow_if_found(p, base, sizeof(((struct bpf_sock_tuple *)0)->ipv6));
	for (int i = 0; i < 4; i++)
		loopback_store(p, loopback_word6(i), loopback.gateway6[i]);
	loopback_jump(p, BPF_JMP | BPF_JA, 0, 0, TO_ALLOW);
}

static void loopback_make_out6(struct loopback_program *p)
{
	loopback_begin_program(p);
	for (int i = 0; i < 2; i++) {
		loopback_load(p, R_RESULT, loopback_word6(i));
		loopback_if_not(p, R_RESULT, 0, TO_ALLOW);
	}
	loopback_load(p, R_ADDRESS, loopback_word6(3));
	loopback_load(p, R_PORT, offsetof(struct bpf_sock_addr, user_port));
	loopback_load(p, R_RESULT, loopback_word6(2));
	loopback_if(p, R_RESULT, htonl(0xffff), TO_NEXT);
	loopback_put_out6(p);
	loopback_set_label(p, TO_NEXT);
	loopback_put_out4(p, loopback_word6(3));
	loopback_end_program(p);
}

static void loopback_make_in4(struct loopback_program *p)
{
	const size_t offset = offsetof(struct bpf_sock_addr, user_ip4);

	loopback_begin_program(p);
	loopback_load(p, R_ADDRESS, offset);
	loopback_if_not(p, R_ADDRESS, loopback.gateway4, TO_ALLOW);
	loopback_store(p, offset, htonl(INADDR_LOOPBACK));
	loopback_end_program(p);
}

static void loopback_put_in6(struct loopback_program *p, const uint32_t from[4],
			     const uint32_t to[4], int otherwise)
{
	for (int i = 0; i < 4; i++) {
		loopback_load(p, R_ADDRESS, loopback_word6(i));
		loopback_if_not(p, R_ADDRESS, from[i], otherwise);
	}
	for (int i = 0; i < 4; i++)
		loopback_store(p, loopback_word6(i), to[i]);
}

static void loopback_make_in6(struct loopback_program *p)
{
	const uint32_t mapped[4] = {0, 0, htonl(0xffff), loopback.gateway4};
	const uint32_t mapped_own[4] = {0, 0, htonl(0xffff), htonl(INADDR_LOOPBACK)};
	const uint32_t own[4] = {0, 0, 0, htonl(1)};

	loopback_begin_program(p);
	if (loopback.has_gateway6) {
		loopback_put_in6(p, loopback.gateway6, own, TO_NEXT);
		loopback_jump(p, BPF_JMP | BPF_JA, 0, 0, TO_ALLOW);
		loopback_set_label(p, TO_NEXT);
	}
	loopback_put_in6(p, mapped, mapped_own, TO_ALLOW);
	loopback_end_program(p);
}

/* --- into the kernel --- */

static int loopback_attach(int cgroup_fd, const struct loopback_program *p, uint32_t type)
{
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = type,
		.insns = (uintptr_t)p->insns,
		.insn_cnt = (uint32_t)p->count,
		.license = (uintptr_t) "Dual BSD/GPL",
	};
	union bpf_attr attach = {.attach_type = type};
	auto_close int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	if (fd < 0)
		return -errno;
	attach.target_fd = (uint32_t)cgroup_fd;
	attach.attach_bpf_fd = (uint32_t)fd;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0 ? -errno : 0;
}

/* The newest comes first (5.8): with a kernel that lacks it nothing has been redirected. */
static int loopback_attach_all(void)
{
	static const struct {
		void (*make)(struct loopback_program *p);
		uint32_t types[2];
	} kinds[] = {
		{loopback_make_in4, {BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_UDP4_RECVMSG}},
		{loopback_make_in6, {BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_UDP6_RECVMSG}},
		{loopback_make_out4, {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_UDP4_SENDMSG}},
		{loopback_make_out6, {BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UDP6_SENDMSG}},
	};
	static struct loopback_program p;
	auto_close int cgroup_fd = open(CGROUP_CHILD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = cgroup_fd < 0 ? -errno : 0;

	for (size_t i = 0; !r && i < sizeof(kinds) / sizeof(*kinds); i++) {
		kinds[i].make(&p);
		for (int t = 0; !r && t < 2; t++)
			r = loopback_attach(cgroup_fd, &p, kinds[i].types[t]);
	}
	return r;
}

void loopback_begin(const struct network *n)
{
	int r;

	if (loopback.is_done)
		return;
	loopback.is_done = true;
	loopback.resolver = htonl(n->resolver);
	for (uint32_t i = 0; i < n->route_count; i++) {
		const struct network_route *route = &n->routes[i];

		if (!route->has_gateway || route->prefix)
			continue;
		if (route->family == AF_INET)
			memcpy(&loopback.gateway4, route->gateway, sizeof(loopback.gateway4));
		else
			memcpy(loopback.gateway6, route->gateway, sizeof(loopback.gateway6));
		loopback.has_gateway6 |= route->family == AF_INET6;
	}
	r = loopback_attach_all();
	if (r < 0)
		control_send_log(PROTO_LOG_WARN,
				 "network: the host's servers are not at 127.0.0.1 but at the "
				 "gateway's address: errno %d",
				 -r);
}
