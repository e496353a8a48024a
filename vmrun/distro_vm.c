/* Starting and ending `vmrt boot`. Must not know what is said through the sockets. */
#include "vmrun/distro_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/strv.h"
#include "vmrun/agent.h"
#include "vmrun/bundle.h"
#include "vmrun/distro.h"
#include "vmrun/distro_guest.h"
#include "vmrun/run.h"

#define VM_FD_FIRST	3 /* of the sockets, in vmrt */
#define VM_ERRORS_BYTES (64u << 10)

extern char **environ;

static const char *const vm_port_names[DISTRO_SOCKET_COUNT] = {
	[DISTRO_AGENT] = AGENT_PORT,
	[DISTRO_IN] = DISTRO_PORT_IN,
	[DISTRO_OUT] = DISTRO_PORT_OUT,
	[DISTRO_ERR] = DISTRO_PORT_ERR,
	[DISTRO_CONTROL] = DISTRO_PORT_CONTROL,
};

static void vm_push_list(struct strv *argv, const char *option, const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		strv_pushf(argv, "--%s=%s", option, list->at[i]);
}

static int vm_make_argv(const struct request *request, const struct mounts *shares,
			const char *vmrt, struct strv *argv, struct err *e)
{
	unsigned long mib = 0;

	strv_push(argv, vmrt);
	strv_push(argv, "boot");
	if (distro_is_uefi(request))
		strv_push(argv, "--uefi");
	if (request->firmware)
		strv_pushf(argv, "--firmware=%s", request->firmware);
	if (request->is_root_writable)
		strv_push(argv, "--rw");
	if (request->memory) {
		int r = bundle_parse_memory(request->memory, &mib, e);

		if (r < 0)
			return r;
		strv_pushf(argv, "--memory=%lu", mib);
	}
	if (request->cpus)
		strv_pushf(argv, "--cpus=%u", request->cpus);
	if (request->net)
		strv_pushf(argv, "--net=%s", request->net);
	vm_push_list(argv, "publish", &request->publish);
	vm_push_list(argv, "qemu-arg", &request->qemu_args);
	for (size_t i = 0; i < shares->count; i++)
		strv_pushf(argv, "--share=" DISTRO_TAG "=%s%s", i, shares->at[i].host,
			   shares->at[i].mode == MOUNTS_RO ? ":ro" : "");
	for (int i = 0; i < DISTRO_CONSOLE; i++)
		strv_pushf(argv, "--port=%s=%d", vm_port_names[i], VM_FD_FIRST + i);
	strv_pushf(argv, "--console-fd=%d", VM_FD_FIRST + DISTRO_CONSOLE);
	strv_push(argv, "--");
	strv_push(argv, request->image);
	return 0;
}

/* Numbers far above those that vmrt gets: placing one must not cover another. */
static int vm_raise(int fd)
{
	int raised = fcntl(fd, F_DUPFD_CLOEXEC, VM_FD_FIRST + 2 * DISTRO_SOCKET_COUNT);

	close(fd);
	return raised;
}

static int vm_make_sockets(struct distro_vm *vm, int theirs[DISTRO_SOCKET_COUNT], struct err *e)
{
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return err_sys(e, -errno, "making a socket pair");
		vm->fds[i] = pair[0];
		theirs[i] = vm_raise(pair[1]);
		if (theirs[i] < 0 || fd_set_nonblock(vm->fds[i], 1) < 0)
			return err_sys(e, -errno, "making a socket pair");
	}
	return 0;
}

/* In a group of its own: the terminal's keys are for the command. */
static int vm_spawn(struct distro_vm *vm, const struct strv *argv,
		    const int theirs[DISTRO_SOCKET_COUNT], int errors_fd, struct err *e)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, errors_fd, STDERR_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		posix_spawn_file_actions_adddup2(&files, theirs[i], VM_FD_FIRST + i);
	r = posix_spawnp(&vm->pid, argv->at[0], &files, &attr, argv->at, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (r)
		return err_set(e, -r, "starting '%s': %s", argv->at[0], strerror(r));
	vm->pidfd = pidfd_open(vm->pid, 0);
	return vm->pidfd < 0 ? err_sys(e, -errno, "watching vmrt") : 0;
}

int distro_vm_start(const struct request *request, const struct mounts *shares,
		    struct distro_vm *ret, struct err *e)
{
	auto_free char *vmrt = run_find_vmrt();
	auto_strv struct strv argv = {0};
	int theirs[DISTRO_SOCKET_COUNT];
	int errors[2] = {-1, -1};
	int r;

	ret->pidfd = ret->errors_fd = -1;
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		ret->fds[i] = theirs[i] = -1;
	r = vm_make_argv(request, shares, vmrt, &argv, e);
	if (r == 0)
		r = vm_make_sockets(ret, theirs, e);
	if (r == 0 && pipe2(errors, O_CLOEXEC) < 0)
		r = err_sys(e, -errno, "making a pipe");
	if (r == 0) {
		ret->errors_fd = errors[0];
		errors[1] = vm_raise(errors[1]);
		r = vm_spawn(ret, &argv, theirs, errors[1], e);
	}
	fd_close(&errors[1]);
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		fd_close(&theirs[i]);
	return r;
}

void distro_vm_end(struct distro_vm *vm)
{
	if (vm->pidfd < 0)
		return;
	(void)pidfd_send_signal(vm->pidfd, SIGTERM, NULL, 0);
	while (waitpid(vm->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_close(&vm->pidfd);
}

int distro_vm_reap(struct distro_vm *vm, char **ret_line)
{
	auto_free char *text = NULL;
	size_t size = 0;
	int status = 0;

	while (waitpid(vm->pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_close(&vm->pidfd);
	*ret_line = NULL;
	if (fd_read_text(vm->errors_fd, VM_ERRORS_BYTES, &text, &size) == 0 && size) {
		char *line;

		while (size && text[size - 1] == '\n')
			text[--size] = '\0';
		line = strrchr(text, '\n');
		*ret_line = xstrdup(line ? line + 1 : text);
	}
	return status;
}

void distro_vm_done(struct distro_vm *vm)
{
	distro_vm_end(vm);
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		fd_close(&vm->fds[i]);
	fd_close(&vm->errors_fd);
}
