/* QEMU's monitor protocol, as far as vmrt needs it: commands in order, one answer each.
 *
 *   QEMU                              vmrt
 *     | -- greeting ------------------> |
 *     | <-- qmp_capabilities ---------- |
 *     | <-- {"execute": ...} ---------- |   as many as wanted; QEMU answers in their order
 *     | -- {"return"| "error": ...} --> |   -> the command's callback
 *     | -- {"event": ...} ------------> |   two of them: told, see enum qmp_kind; others: dropped
 *
 * QEMU is the guest's first prey: a line that is too long, no JSON, or an answer that nobody asked
 * for ends the link, and with it all pending commands fail. */
#ifndef VMRT_MONITOR_QMP_H
#define VMRT_MONITOR_QMP_H

#include <stdbool.h>

#include "lib/err.h"
#include "runtime/loop/loop.h"
#include "runtime/oci/json_write.h"

#define QMP_LINE_BYTES	   (64u << 10) /* of all but answers to qmp_ask_line() */
#define QMP_LINE_MAX_BYTES (4u << 20)

struct qmp;

/* `e` is NULL when the command succeeded. */
typedef void qmp_callback(void *arg, const struct err *e);

enum qmp_kind {
	QMP_GREETING,
	QMP_RETURN,
	QMP_ERROR,
	QMP_CONTROL_CLOSED, /* VSERPORT_CHANGE: the guest closed its end of the control port */
	QMP_DELETED,	    /* DEVICE_DELETED: the device has gone, and what it held is free */
	QMP_EVENT,	    /* any other */
	QMP_GARBAGE,
};

/* CONTROL_CLOSED or DELETED; `device` is the id. */
typedef void qmp_event_callback(void *arg, enum qmp_kind kind, const char *device);

/* Takes the connected, non-blocking socket. `is_greeted`: QEMU has greeted somebody there, and been
 * told the capabilities. */
struct qmp *qmp_new(struct loop *l, int fd, bool is_greeted, qmp_event_callback *on_event,
		    void *arg);
void qmp_free(struct qmp *q);

/* Begins a command: the caller adds the members of "arguments" (the object is open) and hands the
 * writer to qmp_send(), which frees it. */
struct json_out *qmp_command(const char *name);
/* Sends it; `call` (may be NULL) is called exactly once, possibly before qmp_send() returns when
 * the link is broken. */
void qmp_send(struct qmp *q, struct json_out *command, qmp_callback *call, void *arg);

/* A line for QEMU's other monitor, for what QMP has no command for. What it prints is an error:
 * meant for commands that say nothing when all is well. */
void qmp_send_line(struct qmp *q, const char *line, qmp_callback *call, void *arg);

/* The same for commands that print what is asked for: NULL when there is no answer. */
typedef void qmp_text_callback(void *arg, const char *text);
void qmp_ask_line(struct qmp *q, const char *line, qmp_text_callback *call, void *arg);

/* One line of QEMU's, for the fuzzer too: what it is. `ret` gets the error's text, the id of the
 * event's device, or the text that a command has returned. */
enum qmp_kind qmp_parse_line(const char *line, size_t size, struct err *ret);

#endif
