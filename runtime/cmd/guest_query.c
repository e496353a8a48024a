/* Asking the guest's init. Must not interpret an answer. */
#include "runtime/cmd/guest_query.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define QUERY_MAX_BYTES	 (32u << 20) /* of an answer: thousands of processes */
#define QUERY_READ_BYTES (64u << 10)
#define QUERY_ANSWER_S	 15 /* of silence: under TCG and load the work itself takes a second */

static int query_describe(enum guest_builtin builtin, const struct guest_list *words)
{
	auto_close int fd = memfd_create("vmrt-query", MFD_CLOEXEC);
	uint32_t count = words ? words->count : 0;
	struct wire_out o = {0};
	struct guest_process p = {
		.stdio = {GUEST_STDIO_NULL, GUEST_STDIO_PIPE, GUEST_STDIO_NULL},
		.builtin = (uint8_t)builtin,
		.cwd = "/",
	};
	int r;

	p.args.at = xcalloc((size_t)count + 1, sizeof(*p.args.at));
	p.args.at[0] = "vmrt";
	for (uint32_t i = 0; i < count; i++)
		p.args.at[i + 1] = words->at[i];
	p.args.count = count + 1;
	guest_process_encode(&o, &p);
	guest_process_done(&p);
	r = fd < 0 ? -errno : fd_write_all(fd, o.data, o.size);
	wire_out_done(&o);
	return r < 0 ? r : take_fd(fd);
}

static int query_receive(int ctl_fd, struct ctl_message *m, uint8_t buffer[CTL_PACKET_MAX],
			 struct err *e)
{
	int r = ctl_receive(ctl_fd, m, buffer);

	if (r == -EAGAIN)
		return err_set(e, -ETIMEDOUT, "guest: does not answer");
	return r < 0 ? err_set(e, -ESRCH, "container not running") : 0;
}

/* The request with its descriptors; the monitor has them when this returns. */
static int query_begin(int ctl_fd, int process_fd, int output_fd, struct err *e)
{
	const struct ctl_message request = {.verb = CTL_EXEC};
	const struct timeval limit = {.tv_sec = QUERY_ANSWER_S};
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[CTL_FD_MAX] = {process_fd, null_fd, output_fd, null_fd};
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message reply;
	int r;

	setsockopt(ctl_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = ctl_send_fds(ctl_fd, &request, fds, CTL_FD_MAX);
	if (r < 0)
		return err_set(e, r, "container not running");
	r = query_receive(ctl_fd, &reply, buffer, e);
	if (r < 0)
		return r;
	return reply.error ? err_set(e, -reply.error, "%s", reply.text) : 0;
}

/* Until the monitor closes its end: everything has passed then. */
static int query_read(int fd, char **ret_text, size_t *ret_size, struct err *e)
{
	auto_free char *text = NULL;
	size_t have = 0;
	ssize_t n;

	do {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (have > QUERY_MAX_BYTES)
			return err_set(e, -E2BIG, "guest: an answer of more than %u bytes",
				       QUERY_MAX_BYTES);
		text = xreallocarray(text, have + QUERY_READ_BYTES + 1, 1);
		if (poll(&p, 1, QUERY_ANSWER_S * 1000) == 0)
			return err_set(e, -ETIMEDOUT, "guest: does not answer");
		n = read(fd, text + have, QUERY_READ_BYTES);
		if (n > 0)
			have += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_sys(e, -errno, "reading the guest's answer");
	text[have] = '\0';
	*ret_text = take_ptr(text);
	*ret_size = have;
	return 0;
}

/* How the guest's work ended. */
static int query_end(int ctl_fd, const char *text, struct err *e)
{
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message m;
	int r;

	do
		r = query_receive(ctl_fd, &m, buffer, e);
	while (r == 0 && m.verb != CTL_EXITED);
	/* Nothing but the container's end kills init's own work. */
	if (r == 0 && m.status == 128 + SIGKILL)
		return err_set(e, -ESRCH, "container not running");
	if (r == 0 && m.status)
		r = err_set(e, -EIO, "%s", *text ? text : "guest: could not answer");
	return r;
}

int guest_query(const struct container *k, enum guest_builtin builtin,
		const struct guest_list *words, char **ret_text, size_t *ret_size, struct err *e)
{
	auto_close int process_fd = -1;
	auto_close int ctl_fd = -1;
	auto_close int from = -1;
	auto_close int to = -1;
	auto_free char *text = NULL;
	int ends[2];
	int r;

	if (k->state.status == STATE_PAUSED)
		return err_set(e, -EBUSY, "the container is paused: its VM stands still");
	ctl_fd = ctl_connect(k->dirfd);
	if (ctl_fd < 0)
		return err_set(e, -ESRCH, "container not running");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	from = ends[0];
	to = ends[1];
	process_fd = query_describe(builtin, words);
	if (process_fd < 0)
		return err_sys(e, process_fd, "describing the question");
	r = query_begin(ctl_fd, process_fd, to, e);
	fd_close(&to);
	if (r == 0)
		r = query_read(from, &text, ret_size, e);
	if (r == 0)
		r = query_end(ctl_fd, text, e);
	if (r == 0)
		*ret_text = take_ptr(text);
	return r;
}

bool guest_query_next(struct wire_in *in, struct guest_file *ret)
{
	uint32_t size;

	if (in->at == in->size)
		return false;
	ret->name = wire_get_str(in);
	size = wire_get_u32(in);
	ret->data = wire_get_bytes(in, size);
	ret->size = size;
	return ret->name && ret->data && !in->is_bad;
}
