/*
 * The payload's command line: finds the sub-command and runs it. It must not know what any of them
 * does.
 */
#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const struct payload_command *const tables[] = {
	report_commands, stream_commands, process_commands, file_commands, network_commands,
};

void payload_die(const char *what)
{
	fprintf(stderr, "payload: %s: %s\n", what, strerror(errno));
	_exit(99);
}

long payload_number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0') {
		errno = EINVAL;
		payload_die(text);
	}
	return value;
}

int payload_signal(const char *text)
{
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int number = 1; number < NSIG; number++) {
		const char *name = NULL;

		switch (number) {
		case SIGHUP:
			name = "HUP";
			break;
		case SIGINT:
			name = "INT";
			break;
		case SIGQUIT:
			name = "QUIT";
			break;
		case SIGABRT:
			name = "ABRT";
			break;
		case SIGKILL:
			name = "KILL";
			break;
		case SIGUSR1:
			name = "USR1";
			break;
		case SIGUSR2:
			name = "USR2";
			break;
		case SIGSEGV:
			name = "SEGV";
			break;
		case SIGPIPE:
			name = "PIPE";
			break;
		case SIGALRM:
			name = "ALRM";
			break;
		case SIGTERM:
			name = "TERM";
			break;
		case SIGCHLD:
			name = "CHLD";
			break;
		case SIGCONT:
			name = "CONT";
			break;
		case SIGSTOP:
			name = "STOP";
			break;
		case SIGWINCH:
			name = "WINCH";
			break;
		}
		if (name != NULL && strcasecmp(text, name) == 0)
			return number;
	}
	return (int)payload_number(text);
}

int payload_write_all(int fd, const void *data, size_t size)
{
	const char *next = data;

	while (size > 0) {
		ssize_t done = write(fd, next, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		next += done;
		size -= (size_t)done;
	}
	return 0;
}

static const struct payload_command *find_command(const char *name)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct payload_command *c = tables[t]; c->name != NULL; c++) {
			if (strcmp(c->name, name) == 0)
				return c;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct payload_command *command = argc > 1 ? find_command(argv[1]) : NULL;
	int status;

	if (command == NULL || argc - 2 < command->min_args) {
		fprintf(stderr, "usage: payload COMMAND …\n");
		for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
			for (const struct payload_command *c = tables[t]; c->name != NULL; c++)
				fprintf(stderr, "  %s %s\n", c->name, c->arguments);
		}
		return 99;
	}
	status = command->run(argc - 2, argv + 2);
	if (fflush(stdout) != 0)
		payload_die("stdout");
	return status;
}
