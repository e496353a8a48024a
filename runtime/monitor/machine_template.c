/* Templates of containers' machines: which one a machine can begin from, and making it.
 *
 *   create ── key ── found ────────────────────────────────▶ the monitor restores it
 *               └─── missing, nobody else makes one ── maker ──▶ published, found
 *               └─── else ─────────────────────────────────▶ the monitor boots
 *
 *   maker (own pid, mount, network namespaces; dies with create)
 *     └─ QEMU (jailed as a container's): kernel, init; init parks ── state, memory ──▶ a file
 * without a name; create gives it one when the maker ends well
 *
 * So a template's machine has never met a container: not its files, nor its description. What makes
 * the template is killed with the command, and leaves nothing. All failures mean: boot. */
#include "runtime/monitor/machine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/template/talk.h"
#include "runtime/userns/rundir.h"

#define TEMPLATE_NAME "template"
/* All of the making: the container waits for it, and can still boot. */
#define TEMPLATE_LIMIT_MS 30000u
/* The maker's: such a machine cannot be saved. Any other failure may be this start's alone. */
#define TEMPLATE_EXIT_HOPELESS 2

struct template_maker {
	const struct monitor_start *start;
	size_t stream_count; /* ports beside the control port */
	const char *key;
	const struct strv *argv;
	int file_fd;  /* without a name */
	int alive_fd; /* hangs up when the command has ended */
	int parent_fd;
};

static bool template_is_wanted(const struct monitor_start *start, const struct vm_plan *vm)
{
	/* Another init may not know how to park, and the kernel may be told of one. Who reads the
	 * console wants the boot. The disks are not in QEMU's plan yet. With a counter that nothing
	 * is known of, the guest measures it when it boots. */
	return start->settings->want_templates && start->settings->is_own_initramfs &&
	       !start->plan->vm_initrd && !start->plan->vm_append && !start->plan->disk_count &&
	       !start->image && start->console_log_fd < 0 && *start->facts->boot_id &&
	       start->facts->tsc_khz && vm_can_be_template(vm);
}

static unsigned int template_limit_ms(const struct monitor_start *start)
{
	const unsigned int boot_ms = start->settings->boot_timeout_s * 1000;

	return boot_ms < TEMPLATE_LIMIT_MS ? boot_ms : TEMPLATE_LIMIT_MS;
}

/* As the container's, with nothing behind the devices. */
static void template_plan(const struct monitor_start *start, struct vm_plan *vm)
{
	const struct machine m = {.origin = VM_TEMPLATE};

	machine_plan_vm(&m, start, vm);
	vm->name = TEMPLATE_NAME;
	for (size_t i = 1; i < vm->port_count; i++) {
		vm->ports[i].pipe_path = NULL;
		vm->ports[i].socket_fd = CHILD_FD_STREAM + (int)i - 1;
	}
}

static int template_put_file(char **key, const char *what, const char *path)
{
	char *old = *key;
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	*key = xasprintf("%s%s %s %llu %llu %lld %lld.%09ld %lld.%09ld\n", old, what, path,
			 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
			 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			 (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	free(old);
	return 0;
}

/* All that a machine depends on, the host's boot first: where the templates are on a disk, one that
 * a crash left half written is of another boot, as is what the host's clock and processor were.
 * NULL when a file cannot be looked at: QEMU will say so. */
static char *template_key(const struct monitor_start *start, const struct strv *argv)
{
	auto_free char *key = xasprintf("boot %s\n", start->facts->boot_id);
	auto_free char *words = strv_join((const char *const *)argv->at, argv->count, "\n");

	if (template_put_file(&key, "qemu", start->qemu) < 0 ||
	    template_put_file(&key, "kernel", start->settings->kernel) < 0 ||
	    template_put_file(&key, "initramfs", start->initramfs) < 0)
		return NULL;
	return xasprintf("%s%s", key, words);
}

/* A socket pair for each of a template's ports: nobody says anything there. Our ends stay open as
 * long as this process. */
static int template_open_streams(const struct template_maker *k, struct spawn_fd *fds,
				 size_t *count, struct err *e)
{
	for (size_t i = 0; i < k->stream_count; i++) {
		int pair[2];

		if (machine_pair(pair, e) < 0)
			return -EMFILE;
		fds[(*count)++] = (struct spawn_fd){pair[1], CHILD_FD_STREAM + (int)i};
	}
	return 0;
}

static int template_start_qemu(struct machine *m, const struct template_maker *k, struct err *e)
{
	struct spawn_fd fds[8 + VM_PORT_MAX];
	size_t count = 0;
	int control[2];
	int console[2];
	int qmp[2];
	int errors[2];
	int r;

	if (machine_pair(control, e) < 0 || machine_pair(console, e) < 0 ||
	    machine_pair(qmp, e) < 0 || machine_pipe(errors, e) < 0)
		return -EMFILE;
	m->qemu_errors.fd = errors[0];
	fds[count++] = (struct spawn_fd){errors[1], STDERR_FILENO};
	m->control_fd = control[0];
	m->console.fd = console[0];
	m->qmp_fd = qmp[0];
	fds[count++] = (struct spawn_fd){control[1], CHILD_FD_CONTROL};
	fds[count++] = (struct spawn_fd){console[1], CHILD_FD_CONSOLE};
	fds[count++] = (struct spawn_fd){qmp[1], CHILD_FD_QMP};
	fds[count++] = (struct spawn_fd){k->start->qemu_id.qemu_fd, CHILD_FD_ID};
	count += machine_give_memory(m, fds + count);
	r = template_open_streams(k, fds, &count, e);
	if (r == 0)
		r = machine_spawn_qemu(m, k->start, fds, count, k->argv, e);
	/* QEMU's ends are QEMU's: its end is to be seen. */
	for (size_t i = 0; i < count; i++) {
		if (fds[i].to != CHILD_FD_ID && fds[i].to != CHILD_FD_MEMORY)
			close(fds[i].from);
	}
	return r;
}

/* `ret_is_hopeless`: it would fail the next time too. */
static int template_save(struct machine *m, const struct template_maker *k, bool *ret_is_hopeless,
			 struct err *e)
{
	auto_free uint8_t *state = NULL;
	struct talk talk;
	size_t size = 0;
	int r;

	talk_init(&talk, m->qmp_fd, m->control_fd, k->alive_fd, template_limit_ms(k->start));
	r = talk_save(&talk, STORE_STATE_MAX_BYTES, &state, &size, e);
	*ret_is_hopeless = talk.has_guest && (talk.has_failed || r == -EIO || r == -E2BIG);
	/* Nothing changes any more. */
	kill(m->qemu_pid, SIGKILL);
	if (r == 0)
		r = ram_copy(m->memory.fd, 0, k->file_fd, STORE_MEMORY_AT, m->memory.bytes, e);
	return r < 0 ? r : store_fill(k->file_fd, k->key, m->memory.bytes, state, size, e);
}

/* Dies with the command: what it starts dies with it, as it is their namespace's init. */
static int template_stand_apart(const struct template_maker *k, struct err *e)
{
	struct pollfd p = {.fd = k->alive_fd};

	close(k->parent_fd);
	prctl(PR_SET_NAME, "vmrt-template");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || poll(&p, 1, 0) != 0)
		return err_set(e, -ECANCELED, "nobody waits for the template any more");
	(void)setsid();
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, -errno, "making mounts private");
	return 0;
}

static int template_run(void *arg)
{
	const struct template_maker *k = arg;
	const uint64_t bytes = (uint64_t)k->start->plan->memory_mib << 20;
	struct machine m = {.origin = VM_TEMPLATE,
			    .memory = RAM_NONE,
			    .state_fd = -1,
			    .qemu_errors = {.fd = -1, .copy_fd = -1}};
	bool is_hopeless = false;
	struct err e;
	int r = template_stand_apart(k, &e);

	if (r == 0)
		r = ram_open(&m.memory, bytes, k->start->qemu_id.id, &e);
	if (r == 0)
		r = template_start_qemu(&m, k, &e);
	if (r == 0)
		r = template_save(&m, k, &is_hopeless, &e);
	if (r < 0 && m.qemu_errors.fd >= 0) {
		(void)machine_tail_read(&m.qemu_errors);
		log_debug("qemu: %s", machine_tail_line(&m.qemu_errors));
	}
	if (r < 0)
		log_info("no template was made: %s", e.text);
	if (is_hopeless)
		return TEMPLATE_EXIT_HOPELESS;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* In a process of its own. 0 when the file is complete. */
static int template_make(struct template_maker *k, bool *ret_is_hopeless, struct err *e)
{
	const unsigned long flags =
		CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	auto_close int alive = -1;
	auto_close int parent = -1;
	auto_close int pidfd = -1;
	int fds[2];
	int status = -1;
	pid_t pid;
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	alive = k->alive_fd = fds[0];
	parent = k->parent_fd = fds[1];
	r = spawn_monitor(flags, template_run, k, &pid, &pidfd, e);
	if (r < 0)
		return r;
	r = spawn_wait(pidfd, (int)template_limit_ms(k->start), &status);
	if (r < 0) {
		spawn_kill(&pidfd);
		return err_sys(e, r, "waiting for a template");
	}
	*ret_is_hopeless = WIFEXITED(status) && WEXITSTATUS(status) == TEMPLATE_EXIT_HOPELESS;
	return status == 0 ? 0 : err_set(e, -EIO, "the template's maker failed");
}

/* The directory's lock is ours: one at a time, whatever is asked for. */
static int template_add(const struct monitor_start *start, int store, const struct vm_plan *vm,
			const struct strv *argv, struct err *e)
{
	auto_close int file = store_begin(store, (uint64_t)vm->memory_mib << 20, e);
	const char *key = start->from_key;
	struct template_maker k = {
		.start = start,
		.stream_count = vm->port_count - 1,
		.key = key,
		.argv = argv,
		.file_fd = file,
	};
	bool is_hopeless = false;
	int r;

	if (file < 0)
		return file;
	log_debug("phase: making a template");
	r = template_make(&k, &is_hopeless, e);
	if (is_hopeless)
		store_note_failure(store, key, -1);
	if (r < 0)
		return r;
	return store_publish(store, file, key, e);
}

void machine_find_template(struct monitor_start *start)
{
	auto_close int store = -1;
	auto_strv struct strv argv = {0};
	enum store_answer answer;
	struct vm_plan vm;
	struct err e;
	int r;

	template_plan(start, &vm);
	if (!template_is_wanted(start, &vm))
		return;
	store = store_open(rundir_host(), &e);
	r = store < 0 ? store : vm_qemu_argv(&vm, &argv, &e);
	if (r < 0) {
		log_info("the machine is booted: %s", e.text);
		return;
	}
	start->from_key = template_key(start, &argv);
	if (!start->from_key)
		return;
	answer = store_find(store, start->from_key, &start->from);
	if (answer != STORE_MISSING)
		return;
	/* Who makes one has no time for others: they boot. */
	if (flock(store, LOCK_EX | LOCK_NB) < 0)
		return;
	if (store_find(store, start->from_key, &start->from) != STORE_MISSING)
		return;
	r = template_add(start, store, &vm, &argv, &e);
	if (r < 0 || store_find(store, start->from_key, &start->from) != STORE_FOUND)
		log_info("the machine is booted: %s", r < 0 ? e.text : "its template is gone");
	else
		log_debug("phase: template is made");
}
