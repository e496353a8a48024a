/* The bare boot's PID 1: mounts the share, runs the container's program if built with
 * BARE_PROGRAM, and ends the machine. What fails ends PID 1, and QEMU with status 1. Must not do
 * anything that such a boot could do without: it is the floor that vmrt is compared with. */
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto.h"

#ifdef BARE_PROGRAM
static int bare_run(void)
{
	char *const argv[] = {(char[]){BARE_PROGRAM}, NULL};
	char *const env[] = {NULL};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (chroot("/share/rootfs") < 0 || chdir("/") < 0)
			_exit(126);
		execve(argv[0], argv, env);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}
#else
static int bare_run(void)
{
	return access("/share/rootfs", F_OK);
}
#endif

int main(void)
{
	if (mount(PROTO_SHARE_TAG, "/share", "virtiofs", 0, NULL) < 0 || bare_run() != 0)
		return 1;
	reboot(RB_AUTOBOOT);
	return 1;
}
