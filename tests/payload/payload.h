/*
 * The sub-commands of the payload binary: what tests run as the container's process.
 *
 * Every command prints plain lines that a shell test can compare, and exits with 0 only if what it
 * was asked to do worked. It must not depend on anything in the root file system but /proc, where a
 * command says so.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct payload_command {
	const char *name;
	const char *arguments;
	int min_args;
	int (*run)(int argc,
		   char **argv); /* argv[0] is the first argument, not the command's name */
};

/* Each table ends with an entry without a name. */
extern const struct payload_command report_commands[];
extern const struct payload_command stream_commands[];
extern const struct payload_command process_commands[];
extern const struct payload_command file_commands[];
extern const struct payload_command network_commands[];

/* Prints "payload: WHAT: cause of errno" on stderr and exits with 99, which no test expects. */
void payload_die(const char *what) __attribute__((noreturn));

/* Reads a number or ends the program; a payload that guesses would hide a broken test. */
long payload_number(const char *text);

/* Signal by name ("TERM", "SIGTERM") or number. */
int payload_signal(const char *text);

/* Writes everything, through short writes. Returns 0 or −1 with errno. */
int payload_write_all(int fd, const void *data, size_t size);

#endif
