/* Talking to a QEMU one thing after the other, before there is an event loop: saving a machine, and
 * loading one. Every wait ends with the deadline, with QEMU, or with who waits for the outcome.
 *
 *   save   greeting, capabilities, migrate ──▶ state ──▶ done
 *   load   greeting, capabilities, migrate-incoming ──▶ done, the share's device, WAKE ──▶ HELLO
 *
 * Not one byte is read from QMP beyond the last answer: the loop's qmp.c goes on there. */
#ifndef VMRT_TEMPLATE_TALK_H
#define VMRT_TEMPLATE_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct talk {
	int qmp_fd;
	int control_fd;
	int owner_fd; /* hangs up when nobody waits for us any more */
	uint64_t deadline_ms;
	/* Of the migration that is under way, as QEMU's events say. */
	bool has_migrated;
	bool has_failed;
	/* How far it came. */
	bool has_state; /* load: QEMU has been told to read it */
	bool has_guest; /* save: it has said hello; load: it has been woken */
};

/* -ECANCELED from any of these: the owner has gone; -EPIPE: QEMU has. */
void talk_init(struct talk *ret, int qmp_fd, int control_fd, int owner_fd, unsigned int limit_ms);

/* Waits for the guest's HELLO, which stays unread, and saves the machine. `ret_state` is the
 * caller's to free. */
int talk_save(struct talk *t, size_t limit_bytes, uint8_t **ret_state, size_t *ret_size,
	      struct err *e) VMRT_MUST_CHECK;

/* QEMU has the state to be read at `state_fd`, a number of its own. When this returns 0, the guest
 * runs and its HELLO is there to be read. */
int talk_load(struct talk *t, int state_fd, const char *share_tag, struct err *e) VMRT_MUST_CHECK;

#endif
