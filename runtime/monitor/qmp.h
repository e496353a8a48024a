/* QEMU's monitor protocol, as far as vmrt needs it: commands in order, one answer each.
 *
 *   QEMU                              vmrt
 *     | -- greeting ------------------> |
 *     | <-- qmp_capabilities ---------- |
 *     | <-- {"execute": ...} ---------- |   as many as wanted; QEMU answers in their order
 *     | -- {"return"| "error": ...} --> |   -> the command's callback
 *     | -- {"event": ...} ------------> |   VSERPORT_CHANGE of the control port: told; others
 * dropped
 *
 * QEMU is the guest's first prey: a line that is too long, no JSON, or an answer that nobody asked
 * for ends the link, and with it all pending commands fail. */
#ifndef VMRT_MONITOR_QMP_H
#define VMRT_MONITOR_QMP_H

#include "lib/err.h"
#include "runtime/loop/loop.h"
#include "runtime/oci/json_write.h"

#define QMP_LINE_MAX_BYTES (64u << 10)

struct qmp;

/* `e` is NULL when the command succeeded. */
typedef void qmp_callback(void *arg, const struct err *e);

/* The guest closed its end of the control port. */
typedef void qmp_closed_callback(void *arg);

/* Takes the connected, non-blocking socket. */
struct qmp *qmp_new(struct loop *l, int fd, qmp_closed_callback *on_closed, void *arg);
void qmp_free(struct qmp *q);

/* Begins a command: the caller adds the members of "arguments" (the object is open) and hands the
 * writer to qmp_send(), which frees it. */
struct json_out *qmp_command(const char *name);
/* Sends it; `call` (may be NULL) is called exactly once, possibly before qmp_send() returns when
 * the link is broken. */
void qmp_send(struct qmp *q, struct json_out *command, qmp_callback *call, void *arg);

/* One line of QEMU's, for the fuzzer too: what it is. */
enum qmp_kind {
	QMP_GREETING,
	QMP_RETURN,
	QMP_ERROR,
	QMP_CONTROL_CLOSED,
	QMP_EVENT, /* any other */
	QMP_GARBAGE,
};
enum qmp_kind qmp_parse_line(const char *line, size_t size, struct err *ret_error);

#endif
