/* `instruct`: the host's side of lib/proto.h for a VM that a person has started (run --dry-run).
 * Must not start anything. What the VM says is as hostile here as in the monitor: it goes through
 * the same parser, and nothing else is believed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/guest.h"
#include "lib/mem.h"
#include "lib/proto.h"
#include "runtime/cmd/cmd.h"
#include "runtime/log/log.h"

#define INSTRUCT_SIGNALLED 128

struct instruct {
	int fd;
	char *request; /* the file */
	size_t size;
	size_t container_bytes; /* of its first frame's payload */
	bool is_described;
	bool has_ended;
	int status;
};

static int instruct_load(struct instruct *in, const char *path, struct err *e)
{
	uint32_t size = 0;
	uint16_t type = 0;
	uint16_t session = 0;
	int r = fd_read_file(AT_FDCWD, path, PROTO_HOST_MAX_BYTES, &in->request, &in->size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", path);
	if (!proto_header_parse((const uint8_t *)in->request, in->size, &size, &type, &session) ||
	    type != PROTO_HOST_CONTAINER || size > in->size - PROTO_HEADER_BYTES)
		return err_set(e, -EINVAL, "'%s' is no file of run --dry-run", path);
	in->container_bytes = size;
	return 0;
}

static int instruct_accept(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(where.sun_path))
		return err_set(e, -ENAMETOOLONG, "'%s' is too long for a socket", path);
	memcpy(where.sun_path, path, strlen(path) + 1);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "replacing '%s'", path);
	if (fd < 0 || bind(fd, (const void *)&where, sizeof(where)) < 0 || listen(fd, 1) < 0)
		return err_sys(e, -errno, "listening at '%s'", path);
	*ret_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	return *ret_fd < 0 ? err_sys(e, -errno, "waiting at '%s'", path) : 0;
}

/* The description with the time and the seed of now, and the rest of the file as it is. */
static int instruct_describe(struct instruct *in, struct err *e)
{
	struct guest_container c;
	struct wire_out out = {0};
	struct wire_in payload;
	struct timespec now;
	size_t rest = PROTO_HEADER_BYTES + in->container_bytes;
	size_t begin;
	int r;

	wire_in_init(&payload, in->request + PROTO_HEADER_BYTES, in->container_bytes);
	r = guest_container_decode(&payload, &c);
	if (r < 0)
		return err_set(e, r, "the request is no description of this version's");
	clock_gettime(CLOCK_REALTIME, &now);
	c.clock_realtime_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (getrandom(c.seed, sizeof(c.seed), 0) != (ssize_t)sizeof(c.seed))
		memset(c.seed, 0, sizeof(c.seed));
	begin = proto_frame_begin(&out, PROTO_HOST_CONTAINER, 0);
	guest_container_encode(&out, &c);
	proto_frame_end(&out, begin);
	guest_container_done(&c);
	wire_put_bytes(&out, in->request + rest, in->size - rest);
	r = fd_write_all(in->fd, out.data, out.size);
	wire_out_done(&out);
	in->is_described = true;
	return r < 0 ? err_sys(e, r, "telling the guest its command") : 0;
}

static int instruct_send(struct instruct *in, enum proto_host_type type, struct err *e)
{
	struct wire_out out = {0};
	int r;

	proto_frame_end(&out, proto_frame_begin(&out, type, 0));
	r = fd_write_all(in->fd, out.data, out.size);
	wire_out_done(&out);
	return r < 0 ? err_sys(e, r, "telling the guest %s", proto_type_name(type)) : 0;
}

static int instruct_take(struct instruct *in, const struct proto_event *ev, struct err *e)
{
	switch (ev->type) {
	case PROTO_GUEST_HELLO:
		if (in->is_described || ev->hello.version != PROTO_VERSION)
			return err_set(e, -EPROTO, "guest: an unexpected hello, of version %u",
				       ev->hello.version);
		return instruct_describe(in, e);
	case PROTO_GUEST_CREATED:
		return instruct_send(in, PROTO_HOST_START, e);
	case PROTO_GUEST_FAILED:
		return err_set(e, -EIO, "unable to start container process: %s", ev->text);
	case PROTO_GUEST_EXITED:
		in->status = ev->exited.number;
		if (ev->exited.how == PROTO_EXIT_SIGNAL)
			in->status += INSTRUCT_SIGNALLED;
		in->has_ended = true;
		return instruct_send(in, PROTO_HOST_FINISH, e);
	case PROTO_GUEST_LOG:
		if (ev->log.level <= PROTO_LOG_WARN)
			log_warn("guest: %s", ev->text);
		return 0;
	default:
		return 0; /* nobody else is there to be told */
	}
}

static int instruct_converse(struct instruct *in, struct err *e)
{
	uint8_t data[PROTO_HEADER_BYTES + PROTO_GUEST_MAX_BYTES];
	size_t have = 0;
	int r = 0;

	while (r == 0 && !in->has_ended) {
		ssize_t n = read(in->fd, data + have, sizeof(data) - have);
		size_t at = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, -EIO, "guest: it ended without telling an exit status");
		have += (size_t)n;
		while (r == 0) {
			struct proto_event ev;
			int used = proto_guest_parse(data + at, have - at, &ev, e);

			if (used <= 0) {
				r = used;
				break;
			}
			at += (size_t)used;
			r = instruct_take(in, &ev, e);
		}
		have -= at;
		memmove(data, data + at, have);
	}
	return r;
}

int cmd_instruct(struct cmd *c, struct err *e)
{
	struct instruct in = {.fd = -1};
	int r = instruct_load(&in, c->argv[1], e);

	if (r == 0)
		r = instruct_accept(c->argv[0], &in.fd, e);
	if (r == 0)
		r = instruct_converse(&in, e);
	if (r == 0)
		c->exit_status = in.status;
	fd_close(&in.fd);
	free(in.request);
	return r;
}
