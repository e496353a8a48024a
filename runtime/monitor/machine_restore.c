/* Beginning from a template: a copy of its memory, its state, then the share, which no template
 * has.
 *
 *   monitor                                       QEMU (-incoming defer)
 *     | memory's tmpfs, pipe with the state          |
 *     | start ------------------------------------>  |
 *     | share, virtiofsd; copies the memory          |  starts
 *     | migrate-incoming, device_add ------------->  |  the guest runs from here on
 *     | WAKE ------------------------------------->  |
 *     | <----------------------------------- HELLO   |
 *
 * Until then nothing has been seen of the machine by anybody, and the monitor can still start
 * programs: whatever goes wrong, the machine is booted instead. Must not make a template. */
#include "runtime/monitor/machine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/template/talk.h"
#include "runtime/userns/rundir.h"

/* A hundred times what it takes on a busy machine. */
#define RESTORE_LIMIT_MS 60000
/* For a QEMU that says no more to be gone. */
#define RESTORE_END_MS 5000

/* A pipe with all of it: QEMU never gets the template itself. */
static int restore_open_state(struct machine *m, const struct store_template *from, struct err *e)
{
	auto_free char *state = xmalloc(STORE_STATE_MAX_BYTES);
	auto_close int write_fd = -1;
	auto_close int read_fd = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, -errno, "making a pipe for a machine's state");
	read_fd = fds[0];
	write_fd = fds[1];
	if (fcntl(write_fd, F_SETPIPE_SZ, (int)STORE_STATE_MAX_BYTES) < 0 ||
	    pread(from->fd, state, from->state_bytes, STORE_STATE_AT) !=
		    (ssize_t)from->state_bytes ||
	    write(write_fd, state, from->state_bytes) != (ssize_t)from->state_bytes ||
	    fd_set_nonblock(read_fd, 0) < 0)
		return err_sys(e, -errno, "reading a template's state");
	m->state_fd = take_fd(read_fd);
	return 0;
}

void machine_prepare_restore(struct machine *m, const struct monitor_start *start)
{
	struct err e;

	m->memory = RAM_NONE;
	m->state_fd = -1;
	if (start->from.fd < 0)
		return;
	if (ram_open(&m->memory, start->from.memory_bytes, start->qemu_id.id, &e) == 0 &&
	    restore_open_state(m, &start->from, &e) == 0) {
		m->origin = VM_RESTORED;
		return;
	}
	log_info("the machine is booted: %s", e.text);
	ram_close(&m->memory);
}

size_t machine_give_memory(const struct machine *m, struct spawn_fd *fds)
{
	size_t count = 0;

	if (m->memory.mount_fd >= 0)
		fds[count++] = (struct spawn_fd){m->memory.mount_fd, CHILD_FD_MEMORY};
	if (m->state_fd >= 0)
		fds[count++] = (struct spawn_fd){m->state_fd, CHILD_FD_STATE};
	return count;
}

/* QEMU has ended or is about to: did it end itself? */
static bool restore_is_own_end(struct machine *m)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, m->qemu_pid, 0);
	int status;

	if (pidfd < 0 || spawn_wait(pidfd, RESTORE_END_MS, &status) < 0)
		return false;
	m->qemu_pid = 0;
	return WIFEXITED(status);
}

/* The template is no good, or was it this start that had no luck: no memory, a signal, the share?
 */
static bool restore_blames_template(struct machine *m, const struct talk *talk, int r)
{
	if (talk->has_failed)
		return true;
	if (talk->has_state && r == -EPIPE)
		return restore_is_own_end(m);
	return talk->has_guest && (r == -ETIMEDOUT || r == -EPROTO);
}

/* What the store is to know of it. */
static void restore_note(const struct monitor_start *start, bool is_good)
{
	auto_close int store = -1;
	struct err e;

	store = store_open(rundir_host(), &e);
	if (store < 0)
		return;
	if (is_good)
		store_note_success(store, start->from_key);
	else
		store_note_failure(store, start->from_key, start->from.fd);
}

int machine_restore(struct machine *m, const struct monitor_start *start, struct err *e)
{
	struct talk talk;
	int r = ram_copy(start->from.fd, STORE_MEMORY_AT, m->memory.fd, 0, m->memory.bytes, e);

	log_debug("phase: memory is copied");
	talk_init(&talk, m->qmp_fd, m->control_fd, start->sync_fd, RESTORE_LIMIT_MS);
	if (r == 0)
		r = talk_load(&talk, CHILD_FD_STATE, PROTO_SHARE_TAG, e);
	m->has_restore_failed = r < 0 && r != -ECANCELED;
	if (r == 0 || (m->has_restore_failed && restore_blames_template(m, &talk, r)))
		restore_note(start, r == 0);
	ram_close(&m->memory);
	fd_close(&m->state_fd);
	if (r == 0)
		log_debug("phase: machine is restored from a template");
	return r;
}

static void restore_end(const char *name, pid_t *pid, struct machine_tail *tail)
{
	const char *line;

	if (*pid > 0) {
		kill(*pid, SIGKILL);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*pid = 0;
	if (tail->fd >= 0)
		(void)machine_tail_read(tail);
	line = machine_tail_line(tail);
	if (*line)
		log_debug("%s: %s", name, line);
	fd_close(&tail->fd);
	tail->size = 0;
	tail->text[0] = '\0';
}

void machine_abandon_restore(struct machine *m, const struct err *why)
{
	log_info("the machine is booted, as its template has failed: %s", why->text);
	restore_end("qemu", &m->qemu_pid, &m->qemu_errors);
	restore_end("virtiofsd", &m->share_pid, &m->share_errors);
	restore_end("passt", &m->passt_pid, &m->passt_errors);
	fd_close(&m->console.fd);
	fd_close(&m->control_fd);
	fd_close(&m->qmp_fd);
	fd_close(&m->sockets_fd);
	m->origin = VM_BOOTED;
	m->has_restore_failed = false;
}
