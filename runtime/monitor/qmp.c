/* The QMP link. Must not know what the commands are for. */
#include "runtime/monitor/qmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/wire.h"
#include "runtime/oci/json.h"
#include "runtime/vm/vm.h"

struct qmp_pending {
	struct qmp_pending *next;
	qmp_callback *call;
	qmp_text_callback *on_text; /* in its place */
	void *arg;
	bool is_line; /* a text in the answer is an error */
};

struct qmp {
	int fd;
	struct loop_source *source;
	char *in; /* grows with a line, up to QMP_LINE_MAX_BYTES */
	size_t in_room;
	size_t in_size;
	struct wire_out out;
	size_t out_at;
	struct qmp_pending *first;
	struct qmp_pending **last;
	qmp_event_callback *on_event;
	void *arg;
	bool is_ready; /* the greeting came: commands may go out */
};

static enum qmp_kind qmp_parse_event(struct json_doc *doc, const struct json_node *root,
				     struct err *ret)
{
	const struct json_node *data = json_object(doc, root, "data");
	const char *name = "";
	const char *id = "";
	bool is_open = true;
	enum qmp_kind kind = QMP_EVENT;

	json_string(doc, root, "event", &name);
	if (!data)
		return QMP_EVENT;
	if (!strcmp(name, "VSERPORT_CHANGE")) {
		json_string(doc, data, "id", &id);
		json_bool(doc, data, "open", &is_open);
		if (!is_open && !strcmp(id, VM_CONTROL_ID))
			kind = QMP_CONTROL_CLOSED;
	} else if (!strcmp(name, "DEVICE_DELETED")) {
		/* Without an id for devices that have none: those are nobody's. */
		json_string(doc, data, "device", &id);
		if (*id)
			kind = QMP_DELETED;
	}
	err_set(ret, 0, "%s", id);
	return kind;
}

/* What a command has returned, if that is a text. */
static const char *qmp_text(struct json_doc *doc, const struct json_node *root)
{
	const struct json_node *value = json_member(doc, root, "return");
	const char *text = "";

	if (value && value->type == JSON_STRING)
		json_string(doc, root, "return", &text);
	return text;
}

enum qmp_kind qmp_parse_line(const char *line, size_t size, struct err *ret)
{
	struct json_doc *doc = NULL;
	const struct json_node *root;
	const struct json_node *error;
	enum qmp_kind kind = QMP_GARBAGE;
	const char *text = "(no description)";

	if (json_doc_parse(line, size, "qmp", &doc, ret) < 0)
		return QMP_GARBAGE;
	root = json_doc_root(doc);
	if (root->type != JSON_OBJECT) {
		kind = QMP_GARBAGE;
	} else if (json_member(doc, root, "QMP")) {
		kind = QMP_GREETING;
	} else if (json_member(doc, root, "event")) {
		kind = qmp_parse_event(doc, root, ret);
	} else if (json_member(doc, root, "return")) {
		kind = QMP_RETURN;
		err_set(ret, 0, "%s", qmp_text(doc, root));
	} else if ((error = json_object(doc, root, "error"))) {
		kind = QMP_ERROR;
		json_string(doc, error, "desc", &text);
		err_set(ret, -EIO, "qemu: %s", text);
	}
	json_doc_free(doc);
	return kind;
}

static void qmp_answer(struct qmp *q, const struct err *e)
{
	struct qmp_pending *p = q->first;

	q->first = p->next;
	if (!q->first)
		q->last = &q->first;
	if (p->call)
		p->call(p->arg, e);
	if (p->on_text)
		p->on_text(p->arg, NULL);
	free(p);
}

/* `line` is an answer: it has been parsed before. */
static void qmp_answer_text(struct qmp *q, const char *line, size_t size)
{
	qmp_text_callback *on_text = q->first->on_text;
	void *arg = q->first->arg;
	struct json_doc *doc = NULL;
	struct err e;

	if (json_doc_parse(line, size, "qmp", &doc, &e) == 0)
		on_text(arg, qmp_text(doc, json_doc_root(doc)));
	json_doc_free(doc);
	q->first->on_text = NULL;
	qmp_answer(q, NULL);
}

static void qmp_break(struct qmp *q, const char *why)
{
	struct err e;

	loop_remove(q->source);
	q->source = NULL;
	fd_close(&q->fd);
	err_set(&e, -EIO, "qemu: control link: %s", why);
	while (q->first)
		qmp_answer(q, &e);
}

static void qmp_flush(struct qmp *q)
{
	while (q->fd >= 0 && q->is_ready && q->out_at < q->out.size) {
		ssize_t n = send(q->fd, q->out.data + q->out_at, q->out.size - q->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		q->out_at += (size_t)n;
	}
	if (q->out_at == q->out.size) {
		wire_out_done(&q->out);
		q->out_at = 0;
	}
	if (q->source)
		loop_set_events(q->source, EPOLLIN | (q->is_ready && q->out.size ? EPOLLOUT : 0));
}

static void qmp_on_line(struct qmp *q, const char *line, size_t size)
{
	struct err e;
	enum qmp_kind kind = qmp_parse_line(line, size, &e);

	switch (kind) {
	case QMP_GREETING:
		q->is_ready = true;
		qmp_flush(q);
		break;
	case QMP_RETURN:
	case QMP_ERROR:
		if (q->first && q->first->on_text && kind == QMP_RETURN)
			qmp_answer_text(q, line, size);
		else if (q->first)
			qmp_answer(q,
				   kind == QMP_ERROR || (q->first->is_line && *e.text) ? &e : NULL);
		else
			qmp_break(q, "an answer that nobody asked for");
		break;
	case QMP_CONTROL_CLOSED:
	case QMP_DELETED:
		q->on_event(q->arg, kind, e.text);
		break;
	case QMP_EVENT:
		break;
	case QMP_GARBAGE:
		qmp_break(q, "a line that is no QMP");
		break;
	}
}

/* What has come, line by line; `seen` bytes of it have no end of a line. */
static void qmp_take_lines(struct qmp *q, size_t seen)
{
	char *end;

	while (q->fd >= 0 && (end = memchr(q->in + seen, '\n', q->in_size - seen))) {
		size_t size = (size_t)(end - q->in);

		qmp_on_line(q, q->in, size);
		q->in_size -= size + 1;
		memmove(q->in, end + 1, q->in_size);
		seen = 0;
	}
	if (q->fd < 0 || q->in_size < q->in_room)
		return;
	if (q->in_room == QMP_LINE_MAX_BYTES) {
		qmp_break(q, "a line that is too long");
		return;
	}
	q->in_room *= 2;
	q->in = xreallocarray(q->in, q->in_room, 1);
}

static void qmp_on_event(void *arg, uint32_t events)
{
	struct qmp *q = arg;
	ssize_t n;

	if (events & EPOLLOUT)
		qmp_flush(q);
	n = recv(q->fd, q->in + q->in_size, q->in_room - q->in_size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		qmp_break(q, "closed");
		return;
	}
	q->in_size += (size_t)n;
	qmp_take_lines(q, q->in_size - (size_t)n);
}

struct qmp *qmp_new(struct loop *l, int fd, bool is_greeted, qmp_event_callback *on_event,
		    void *arg)
{
	struct qmp *q = xcalloc(1, sizeof(*q));

	q->fd = fd;
	q->in_room = QMP_LINE_BYTES;
	q->in = xmalloc(q->in_room);
	q->on_event = on_event;
	q->arg = arg;
	q->last = &q->first;
	q->source = loop_add(l, fd, EPOLLIN, qmp_on_event, q);
	if (!q->source) {
		qmp_free(q);
		return NULL;
	}
	q->is_ready = is_greeted;
	if (!is_greeted)
		qmp_send(q, qmp_command("qmp_capabilities"), NULL, NULL);
	return q;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	while (q->first) {
		struct qmp_pending *p = q->first;

		q->first = p->next;
		free(p);
	}
	loop_remove(q->source);
	fd_close(&q->fd);
	wire_out_done(&q->out);
	free(q->in);
	free(q);
}

struct json_out *qmp_command(const char *name)
{
	struct json_out *out = json_out_new(NULL);

	json_out_object(out, NULL);
	json_out_string(out, "execute", name);
	json_out_object(out, "arguments");
	return out;
}

static void qmp_push(struct qmp *q, struct json_out *command, const struct qmp_pending *pending)
{
	struct qmp_pending *p = xmemdup(pending, sizeof(*pending));
	const char *text;
	size_t size;

	json_out_end(command);
	json_out_end(command);
	text = json_out_text(command, &size);
	*q->last = p;
	q->last = &p->next;
	wire_put_bytes(&q->out, text, size);
	wire_put_u8(&q->out, '\n');
	json_out_free(command);
	if (q->fd < 0)
		qmp_break(q, "closed before");
	else
		qmp_flush(q);
}

void qmp_send(struct qmp *q, struct json_out *command, qmp_callback *call, void *arg)
{
	qmp_push(q, command, &(struct qmp_pending){.call = call, .arg = arg});
}

static void qmp_push_line(struct qmp *q, const char *line, const struct qmp_pending *pending)
{
	struct json_out *command = qmp_command("human-monitor-command");

	json_out_string(command, "command-line", line);
	qmp_push(q, command, pending);
}

void qmp_send_line(struct qmp *q, const char *line, qmp_callback *call, void *arg)
{
	qmp_push_line(q, line, &(struct qmp_pending){.call = call, .arg = arg, .is_line = true});
}

void qmp_ask_line(struct qmp *q, const char *line, qmp_text_callback *call, void *arg)
{
	qmp_push_line(q, line, &(struct qmp_pending){.on_text = call, .arg = arg});
}
