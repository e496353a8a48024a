/*
 * listen.c: binds a Unix socket, listens, and executes a command that finds the socket as fd 3.
 * QEMU can connect at once, so that nobody waits for a daemon to get ready. It must not outlive its
 * parent.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 3 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "usage: listen SOCKET COMMAND [ARG]...\n");
		return 2;
	}
	strcpy(addr.sun_path, argv[1]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0 ||
	    (fd != 3 && dup2(fd, 3) < 0)) {
		perror(argv[1]);
		return 1;
	}
	/* Whoever reads this knows that QEMU may connect; the daemon must not hold the reader's
	 * pipe. */
	if (puts("listening") < 0 || fflush(stdout) != 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
