/* Passing the guest's OOM kills on to the host's cgroup, where engines look. Must not kill anybody:
 * the kernel does (runtime/cgroup/oom.h).
 *
 *   guest says OOM -> QEMU and virtiofsd stop -> a process of ours is killed -> they go on
 *
 * They are stopped because the cgroup's limit is low meanwhile. That happens at once, but not more
 * often than every OOM_INTERVAL_MS: a guest must not be able to keep the host busy. What was not
 * passed on then is at the end. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"

#define OOM_INTERVAL_MS	 2000
#define OOM_STATUS_BYTES 8192
#define OOM_STOP_TRIES	 50
#define OOM_STOP_WAIT_MS 1

static uint64_t oom_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits until it has: between the two it could still be in need of memory. Microseconds, unless the
 * kernel holds it for the sake of a disk: false. */
static bool oom_stop(pid_t pid)
{
	siginfo_t info = {0};

	if (pid <= 0 || kill(pid, SIGSTOP) < 0)
		return false;
	/* Its end is left to be reaped. */
	for (int i = 0; i < OOM_STOP_TRIES && !info.si_pid; i++) {
		if (i)
			poll(NULL, 0, OOM_STOP_WAIT_MS);
		if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG) < 0)
			return false;
	}
	return info.si_pid != 0;
}

static void oom_go_on(const struct monitor *m)
{
	if (m->machine.qemu_pid > 0)
		kill(m->machine.qemu_pid, SIGCONT);
	if (m->machine.share_pid > 0)
		kill(m->machine.share_pid, SIGCONT);
}

/* What counts of QEMU when the kernel chooses; 0: not known. */
static uint64_t oom_rival_bytes(const struct monitor *m)
{
	static const char *const lines[] = {"\nVmRSS:", "\nVmSwap:", "\nVmPTE:"};
	auto_free char *text = NULL;
	uint64_t bytes = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", m->machine.qemu_pid);
	if (fd_read_file(AT_FDCWD, path, OOM_STATUS_BYTES, &text, NULL) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const char *at = strstr(text, lines[i]);

		bytes += at ? strtoull(at + strlen(lines[i]), NULL, 10) * 1024 : 0;
	}
	return bytes;
}

/* A QEMU that config.json makes a likelier victim than others would be the one. */
static bool oom_is_victim_sure(const struct monitor *m)
{
	const struct oci_process *p = m->start->plan->config->process;

	return !p->has_oom_score_adj || p->oom_score_adj <= 0;
}

/* The guest decides how often. */
static void oom_warn(struct monitor *m, int error)
{
	const char *reason = strerror(-error);

	if (guest_may_log(m, reason))
		log_warn("passing the guest's OOM on to the host's cgroup: %s", reason);
}

void oom_on_guest(struct monitor *m)
{
	uint64_t rival = oom_rival_bytes(m);
	uint64_t now_ms = oom_now_ms();
	int r;

	m->has_oom = true;
	if (m->memory_dirfd < 0 || m->oom.victim || !rival || !oom_is_victim_sure(m) ||
	    (m->oom_last_ms && now_ms - m->oom_last_ms < OOM_INTERVAL_MS))
		return;
	m->oom_last_ms = now_ms;
	if (!oom_stop(m->machine.qemu_pid) || !oom_stop(m->machine.share_pid)) {
		oom_go_on(m);
		log_debug("the guest's OOM waits: QEMU does not stop");
		return;
	}
	r = cgroup_oom_begin(m->memory_dirfd, rival, &m->oom);
	if (r < 0) {
		oom_go_on(m);
		oom_warn(m, r);
	}
}

bool oom_on_reaped(struct monitor *m, pid_t pid, int status)
{
	if (!m->oom.victim || pid != m->oom.victim)
		return false;
	if (cgroup_oom_end(m->memory_dirfd, &m->oom, status) == 0)
		m->has_oom = false;
	oom_go_on(m);
	return true;
}

void oom_at_end(struct monitor *m)
{
	int status = 0;
	int r;

	if (m->memory_dirfd < 0 || (!m->has_oom && !m->oom.victim))
		return;
	/* Nothing in the cgroup may need memory any more but we: the others have been killed. */
	while (waitpid(m->machine.qemu_pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!m->oom.victim) {
		r = cgroup_oom_begin(m->memory_dirfd, 0, &m->oom);
		if (r < 0) {
			oom_warn(m, r);
			return;
		}
	}
	while (waitpid(m->oom.victim, &status, 0) < 0 && errno == EINTR)
		;
	r = cgroup_oom_end(m->memory_dirfd, &m->oom, status);
	if (r < 0)
		oom_warn(m, r);
}
