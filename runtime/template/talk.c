/* Saving and loading machines by QMP. Must not start or end a process. */
#include "runtime/template/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/proto.h"
#include "runtime/monitor/qmp.h"
#include "runtime/oci/json.h"
#include "runtime/vm/vm.h"

#define TALK_READ_BYTES (64u << 10)
/* For the state of a guest that has booted. */
#define TALK_SAVE_MS 10000

enum talk_line { TALK_GREETING, TALK_ANSWER, TALK_EVENT };

static uint64_t talk_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void talk_init(struct talk *ret, int qmp_fd, int control_fd, int owner_fd, unsigned int limit_ms)
{
	*ret = (struct talk){.qmp_fd = qmp_fd,
			     .control_fd = control_fd,
			     .owner_fd = owner_fd,
			     .deadline_ms = talk_now_ms() + limit_ms};
}

static void talk_shorten(struct talk *t, unsigned int limit_ms)
{
	uint64_t end = talk_now_ms() + limit_ms;

	t->deadline_ms = end < t->deadline_ms ? end : t->deadline_ms;
}

/* Until `fd` has something to say or is at its end. */
static int talk_wait(const struct talk *t, int fd, struct err *e)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = t->owner_fd}};
	uint64_t now = talk_now_ms();
	int r;

	do
		r = poll(p, 2, now < t->deadline_ms ? (int)(t->deadline_ms - now) : 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, -errno, "waiting for qemu");
	if (p[1].revents)
		return err_set(e, -ECANCELED, "nobody waits for the machine any more");
	return r ? 0 : err_set(e, -ETIMEDOUT, "qemu: no answer in time");
}

/* A line of QEMU's without its end. Looks before it reads: what is behind it is somebody else's. */
static int talk_read_line(const struct talk *t, char *line, size_t room, struct err *e)
{
	size_t size = 0;

	for (;;) {
		ssize_t n = recv(t->qmp_fd, line + size, room - 1 - size, MSG_PEEK | MSG_DONTWAIT);
		char *end = n > 0 ? memchr(line + size, '\n', (size_t)n) : NULL;
		size_t used = end ? (size_t)(end - (line + size)) + 1 : (size_t)n;
		int r;

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return err_set(e, -EPIPE, "qemu: it has ended");
		if (n < 0) {
			r = talk_wait(t, t->qmp_fd, e);
			if (r < 0)
				return r;
			continue;
		}
		if (recv(t->qmp_fd, line + size, used, MSG_DONTWAIT) != (ssize_t)used)
			return err_set(e, -EIO, "qemu: reading its answer");
		size += used;
		if (end) {
			line[size - 1] = '\0';
			return 0;
		}
		if (size >= room - 1)
			return err_set(e, -EPROTO, "qemu: a line that is too long");
	}
}

static void talk_note_event(struct talk *t, struct json_doc *doc, const struct json_node *root)
{
	const struct json_node *data = json_object(doc, root, "data");
	const char *name = "";
	const char *status = "";

	json_string(doc, root, "event", &name);
	if (!data || strcmp(name, "MIGRATION"))
		return;
	json_string(doc, data, "status", &status);
	t->has_migrated = t->has_migrated || !strcmp(status, "completed");
	t->has_failed = t->has_failed || !strcmp(status, "failed") || !strcmp(status, "cancelled");
}

/* Reads one line: what it is, or -errno, also for an answer that is an error. */
static int talk_take_line(struct talk *t, struct err *e)
{
	auto_free char *line = xmalloc(QMP_LINE_BYTES);
	struct json_doc *doc = NULL;
	const struct json_node *root;
	const struct json_node *error;
	const char *text = "(no description)";
	int r = talk_read_line(t, line, QMP_LINE_BYTES, e);

	if (r == 0)
		r = json_doc_parse(line, strlen(line), "qmp", &doc, e);
	if (r < 0)
		return r;
	root = json_doc_root(doc);
	error = root->type == JSON_OBJECT ? json_object(doc, root, "error") : NULL;
	if (error) {
		json_string(doc, error, "desc", &text);
		r = err_set(e, -EIO, "qemu: %s", text);
	} else if (root->type != JSON_OBJECT) {
		r = err_set(e, -EPROTO, "qemu: a line that is no QMP");
	} else if (json_member(doc, root, "event")) {
		talk_note_event(t, doc, root);
		r = TALK_EVENT;
	} else {
		r = json_member(doc, root, "QMP") ? TALK_GREETING : TALK_ANSWER;
	}
	json_doc_free(doc);
	return r;
}

static int talk_await(struct talk *t, enum talk_line what, struct err *e)
{
	int r;

	do
		r = talk_take_line(t, e);
	while (r == TALK_EVENT);
	if (r < 0)
		return r;
	return r == (int)what ? 0 : err_set(e, -EPROTO, "qemu: an answer out of turn");
}

/* Sends the command, and `fd` with it if it is not -1; waits for its answer. */
static int talk_command(struct talk *t, struct json_out *command, int fd, struct err *e)
{
	auto_free char *text = NULL;
	size_t size;
	int r;

	json_out_end(command);
	json_out_end(command);
	text = xasprintf("%s\n", json_out_text(command, &size));
	size++;
	r = fd >= 0 ? fd_send(t->qmp_fd, text, size, fd)
		    : (send(t->qmp_fd, text, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE);
	json_out_free(command);
	if (r < 0)
		return err_sys(e, r, "qemu: sending it a command");
	return talk_await(t, TALK_ANSWER, e);
}

static void talk_add_capability(struct json_out *out, const char *name)
{
	json_out_object(out, NULL);
	json_out_string(out, "capability", name);
	json_out_bool(out, "state", true);
	json_out_end(out);
}

/* The memory is where it is (x-ignore-shared), events tell how it goes. */
static int talk_begin(struct talk *t, struct err *e)
{
	struct json_out *out;
	int r = talk_await(t, TALK_GREETING, e);

	if (r == 0)
		r = talk_command(t, qmp_command("qmp_capabilities"), -1, e);
	if (r < 0)
		return r;
	out = qmp_command("migrate-set-capabilities");
	json_out_array(out, "capabilities");
	talk_add_capability(out, "x-ignore-shared");
	talk_add_capability(out, "events");
	json_out_end(out);
	return talk_command(t, out, -1, e);
}

static int talk_await_migration(struct talk *t, struct err *e)
{
	while (!t->has_migrated && !t->has_failed) {
		int r = talk_take_line(t, e);

		if (r < 0)
			return r;
	}
	return t->has_failed ? err_set(e, -EIO, "qemu: the machine could not be moved") : 0;
}

/* The guest's first frame, which must be HELLO; it stays where it is. */
static int talk_await_hello(const struct talk *t, struct err *e)
{
	uint8_t frame[PROTO_HEADER_BYTES + PROTO_GUEST_MAX_BYTES];
	struct proto_event event;
	size_t seen = 0;

	for (;;) {
		ssize_t n;
		int r = talk_wait(t, t->control_fd, e);

		if (r < 0)
			return r;
		n = recv(t->control_fd, frame, sizeof(frame), MSG_PEEK | MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return err_set(e, -EPIPE, "guest: gone before its hello");
		if (n < 0)
			continue;
		r = proto_guest_parse(frame, (size_t)n, &event, e);
		if (r < 0)
			return r;
		if (r > 0 && event.type != PROTO_GUEST_HELLO)
			return err_set(e, -EPROTO, "guest: no hello");
		if (r > 0)
			return 0;
		/* Sent in one piece; one that comes in two is seen to grow, or ends in time. */
		if ((size_t)n == seen)
			return err_set(e, -EPROTO, "guest: half a hello");
		seen = (size_t)n;
	}
}

static int talk_read_state(const struct talk *t, int fd, size_t limit, uint8_t **ret,
			   size_t *ret_size, struct err *e)
{
	auto_free uint8_t *state = xmalloc(limit);
	size_t size = 0;

	for (;;) {
		ssize_t n;
		int r = talk_wait(t, fd, e);

		if (r < 0)
			return r;
		n = read(fd, state + size, limit - size);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return err_sys(e, -errno, "reading a machine's state");
		if (n == 0)
			break;
		size += (size_t)n;
		if (size == limit)
			return err_set(e, -E2BIG, "a machine's state is larger than %zu bytes",
				       limit);
	}
	*ret = take_ptr(state);
	*ret_size = size;
	return 0;
}

static int talk_migrate(struct talk *t, int write_fd, struct err *e)
{
	struct json_out *out = qmp_command("getfd");
	int r;

	json_out_string(out, "fdname", "state");
	r = talk_command(t, out, write_fd, e);
	if (r < 0)
		return r;
	out = qmp_command("migrate");
	json_out_string(out, "uri", "fd:state");
	return talk_command(t, out, -1, e);
}

int talk_save(struct talk *t, size_t limit_bytes, uint8_t **ret_state, size_t *ret_size,
	      struct err *e)
{
	auto_close int read_fd = -1;
	auto_close int write_fd = -1;
	int fds[2];
	int r = talk_begin(t, e);

	if (r == 0)
		r = talk_await_hello(t, e);
	if (r < 0)
		return r;
	t->has_guest = true;
	talk_shorten(t, TALK_SAVE_MS);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe for a machine's state");
	read_fd = fds[0];
	write_fd = fds[1];
	r = talk_migrate(t, write_fd, e);
	fd_close(&write_fd);
	if (r == 0)
		r = talk_read_state(t, read_fd, limit_bytes, ret_state, ret_size, e);
	return r < 0 ? r : talk_await_migration(t, e);
}

/* It would tell the network of a machine that has moved here, by MACs that are not the guest's. */
static int talk_be_silent(struct talk *t, struct err *e)
{
	struct json_out *out = qmp_command("migrate-set-parameters");

	json_out_u64(out, "announce-rounds", 0);
	return talk_command(t, out, -1, e);
}

static int talk_incoming(struct talk *t, int state_fd, struct err *e)
{
	auto_free char *uri = xasprintf("fd:%d", state_fd);
	struct json_out *out = qmp_command("migrate-incoming");
	int r;

	json_out_string(out, "uri", uri);
	t->has_state = true;
	r = talk_command(t, out, -1, e);
	return r < 0 ? r : talk_await_migration(t, e);
}

static int talk_plug_share(struct talk *t, const char *tag, struct err *e)
{
	struct json_out *out = qmp_command("qom-set");
	int r;

	json_out_string(out, "path", VM_SLOT_SHARE);
	json_out_string(out, "property", "hotplug-handler");
	json_out_string(out, "value", VM_HOLDER_PATH);
	r = talk_command(t, out, -1, e);
	if (r < 0)
		return r;
	out = qmp_command("device_add");
	json_out_string(out, "driver", "vhost-user-fs-device");
	json_out_string(out, "bus", VM_SLOT_SHARE);
	json_out_string(out, "chardev", VM_SHARE_CHARDEV);
	json_out_string(out, "tag", tag);
	json_out_u64(out, "queue-size", VM_SHARE_QUEUE_SIZE);
	return talk_command(t, out, -1, e);
}

static int talk_wake(struct talk *t, struct err *e)
{
	struct wire_out out = {0};
	struct proto_wake wake;
	struct timespec now;
	int r = 0;

	if (getrandom(wake.seed, sizeof(wake.seed), 0) != (ssize_t)sizeof(wake.seed))
		return err_sys(e, -errno, "reading the host's random numbers");
	clock_gettime(CLOCK_REALTIME, &now);
	wake.clock_realtime_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	proto_wake_put(&out, &wake);
	if (send(t->control_fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)out.size)
		r = err_sys(e, -EPIPE, "waking the guest");
	wire_out_done(&out);
	explicit_bzero(&wake, sizeof(wake));
	t->has_guest = true;
	return r < 0 ? r : talk_await_hello(t, e);
}

int talk_load(struct talk *t, int state_fd, const char *share_tag, struct err *e)
{
	int r = talk_begin(t, e);

	if (r == 0)
		r = talk_be_silent(t, e);
	if (r == 0)
		r = talk_incoming(t, state_fd, e);
	if (r == 0)
		r = talk_plug_share(t, share_tag, e);
	return r < 0 ? r : talk_wake(t, e);
}
