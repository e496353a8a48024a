/* Fuzz target: what a hostile guest sends, through the monitor's own code: frames, the table of
 * states, relays, exec sessions, the resolver, the end. The input is a list of steps:
 *
 *   0 N bytes…   the guest sends these N bytes on the control link
 *   1 N          N bytes are in the FIFO of its stdout
 *   2            `start` comes
 *   3            the loop goes round
 *   4            `kill` comes
 *
 * An exec session with number 1 runs from the beginning. */
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/monitor/internal.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_ROUNDS 8

struct fuzz {
	struct monitor m;
	struct monitor_start start;
	struct plan plan;
	struct settings settings;
	struct oci_config config;
	struct session exec;
	int guest_fd; /* the guest's end of the control link */
	int stdout_fd;
	int qmp_fd;
	int rounds;
	int always_fd; /* readable: the loop goes round and round */
	struct loop_source *always;
	int null_fd;
};

static void fuzz_on_round(void *arg, uint32_t events)
{
	struct fuzz *f = arg;

	(void)events;
	if (--f->rounds <= 0)
		loop_stop(f->m.loop);
}

static void fuzz_on_timer(void *arg)
{
	(void)arg;
}

static void fuzz_on_qmp(void *arg, enum qmp_kind kind, const char *device)
{
	(void)arg;
	(void)kind;
	(void)device;
}

static int fuzz_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	return fds[0];
}

/* Streams of a session: FIFOs as pipes whose other end is ours. */
static void fuzz_open_streams(struct fuzz *f, struct session *s, int *ret_stdout)
{
	int fifos[PROTO_STREAM_COUNT];
	int stdio[PROTO_STREAM_COUNT];

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		int fds[2];

		fifos[i] = fuzz_pair(fds);
		if (i == PROTO_STDOUT && ret_stdout)
			*ret_stdout = fds[1];
		else
			fd_close(&fds[1]);
		stdio[i] = fcntl(f->null_fd, F_DUPFD_CLOEXEC, 3);
	}
	session_open_streams(s, stdio, fifos);
}

static void fuzz_open(struct fuzz *f)
{
	struct monitor *m = &f->m;
	struct err e;
	int fds[2];

	f->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	f->plan = (struct plan){.config = &f->config, .has_user_network = true};
	f->plan.guest.id = "fuzz";
	f->settings.boot_timeout_s = 1;
	f->start = (struct monitor_start){
		.plan = &f->plan, .settings = &f->settings, .state_dirfd = -1, .caller_pidfd = -1};
	m->start = &f->start;
	m->container.monitor = m;
	m->loop = loop_new();
	m->machine.control_fd = fuzz_pair(fds);
	f->guest_fd = fds[1];
	m->machine.ports_dirfd = m->memory_dirfd = m->sync_fd = m->tty_fd = -1;
	m->signal_fd = -1;
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++)
		m->clients[i] = (struct client){.monitor = m, .fd = -1};
	m->answer_timer = loop_timer_new(m->loop, fuzz_on_timer, f);
	m->kill_timer = loop_timer_new(m->loop, fuzz_on_timer, f);
	m->agent_timer = loop_timer_new(m->loop, fuzz_on_timer, f);
	m->qmp = qmp_new(m->loop, fuzz_pair(fds), false, fuzz_on_qmp, f);
	f->qmp_fd = fds[1];
	f->always_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	f->always = loop_add(m->loop, f->always_fd, EPOLLIN, fuzz_on_round, f);
	if (!m->qmp || !f->always || guest_open(m, &e) < 0)
		abort();
	fuzz_open_streams(f, &m->container, &f->stdout_fd);
	f->exec = (struct session){.monitor = m, .number = 1, .state = SESSION_RUNNING};
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		f->exec.stdio[i] = f->exec.fifos[i] = -1;
	/* As exec.c makes them, but not on the heap: what frees it takes it off the list first. */
	m->execs = xmemdup(&f->exec, sizeof(f->exec));
	m->exec_count = 1;
	fuzz_open_streams(f, m->execs, NULL);
}

static void fuzz_go_round(struct fuzz *f)
{
	if (f->m.is_ending)
		return;
	f->rounds = FUZZ_ROUNDS;
	if (loop_run(f->m.loop) < 0)
		abort();
}

static void fuzz_close(struct fuzz *f)
{
	struct monitor *m = &f->m;

	session_close_streams(&m->container);
	if (m->execs) {
		session_close_streams(m->execs);
		free(m->execs);
	}
	loop_remove(m->guest_source);
	loop_remove(f->always);
	qmp_free(m->qmp);
	network_close(m);
	wire_out_done(&m->out);
	loop_free(m->loop);
	fd_close(&m->machine.control_fd);
	fd_close(&f->guest_fd);
	fd_close(&f->stdout_fd);
	fd_close(&f->qmp_fd);
	fd_close(&f->always_fd);
	fd_close(&f->null_fd);
}

/* One step; how many bytes of the input it took. */
static size_t fuzz_step(struct fuzz *f, const uint8_t *data, size_t size)
{
	struct monitor *m = &f->m;
	static const char junk[255];
	size_t count = size > 1 ? data[1] : 0;

	switch (data[0] % 5) {
	case 0:
		if (count > size - 2 || size < 2)
			count = size < 2 ? 0 : size - 2;
		(void)!send(f->guest_fd, data + 2, count, MSG_NOSIGNAL | MSG_DONTWAIT);
		return size < 2 ? size : count + 2;
	case 1:
		(void)!send(f->stdout_fd, junk, count, MSG_NOSIGNAL | MSG_DONTWAIT);
		return size < 2 ? size : 2;
	case 2:
		if (m->container.state == SESSION_CREATED && !m->is_ending) {
			m->container.state = SESSION_STARTING;
			guest_send_start(m);
		}
		return 1;
	case 3:
		fuzz_go_round(f);
		/* The engine's DNS server is not what is tested. */
		m->network.resolver = 0;
		return 1;
	default:
		if (!m->is_ending)
			(void)guest_send_signal(&m->container, 1, SIGTERM, false);
		return 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *f = xcalloc(1, sizeof(*f));

	fuzz_open(f);
	while (size) {
		size_t used = fuzz_step(f, data, size);

		data += used;
		size -= used;
	}
	fuzz_go_round(f);
	/* The table's promise. */
	if (f->m.container.has_exit && f->m.container.state != SESSION_EXITED)
		abort();
	if (f->m.out.size > PROTO_HOST_MAX_BYTES)
		abort();
	fuzz_close(f);
	free(f);
	return 0;
}
