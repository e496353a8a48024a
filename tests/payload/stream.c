/*
 * Payload commands that move bytes: what tests of the stdio relay run at its guest end.
 *
 * The pattern is a pseudo-random sequence of 64-bit words made from a seed, so that a byte lost,
 * doubled or moved anywhere is found and named by its offset without keeping the data.
 */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_CHUNK_BYTES = 65536 };

static uint64_t next_word(uint64_t *state)
{
	/* splitmix64: every seed is good, zero too. */
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void fill_pattern(uint64_t *state, unsigned char *chunk, size_t size)
{
	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = next_word(state);

		memcpy(chunk + at, &word, 8);
	}
}

static int stream_write(int argc, char **argv)
{
	static unsigned char chunk[STREAM_CHUNK_BYTES];
	long left = payload_number(argv[0]);
	uint64_t state = argc > 1 ? (uint64_t)payload_number(argv[1]) : 0;
	int fd = argc > 2 ? (int)payload_number(argv[2]) : STDOUT_FILENO;

	while (left > 0) {
		size_t size = left < STREAM_CHUNK_BYTES ? (size_t)left : STREAM_CHUNK_BYTES;

		fill_pattern(&state, chunk, sizeof(chunk));
		if (payload_write_all(fd, chunk, size) != 0)
			payload_die("write");
		left -= (long)size;
	}
	return 0;
}

/* Both streams at once, by turns: neither may wait for the other. */
static int stream_write_both(int argc, char **argv)
{
	static unsigned char chunk[STREAM_CHUNK_BYTES];
	long left = payload_number(argv[0]);
	uint64_t state = argc > 1 ? (uint64_t)payload_number(argv[1]) : 0;

	while (left > 0) {
		size_t size = left < STREAM_CHUNK_BYTES ? (size_t)left : STREAM_CHUNK_BYTES;

		fill_pattern(&state, chunk, sizeof(chunk));
		if (payload_write_all(STDOUT_FILENO, chunk, size) != 0 ||
		    payload_write_all(STDERR_FILENO, chunk, size) != 0)
			payload_die("write");
		left -= (long)size;
	}
	return 0;
}

/* Fills the chunk from stdin, so that a pattern's word never straddles two rounds. Returns bytes,
 * less at the end. */
static size_t read_chunk(unsigned char *chunk, long pause_ms)
{
	size_t have = 0;

	while (have < STREAM_CHUNK_BYTES) {
		ssize_t got = read(STDIN_FILENO, chunk + have, STREAM_CHUNK_BYTES - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			payload_die("read");
		if (got == 0)
			break;
		have += (size_t)got;
	}
	if (pause_ms > 0)
		nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
	return have;
}

/* stdin must be exactly N bytes of the seed's pattern, then end. Says what is wrong on stderr. */
static int stream_check(int argc, char **argv)
{
	static unsigned char chunk[STREAM_CHUNK_BYTES], wanted[STREAM_CHUNK_BYTES];
	long size = payload_number(argv[0]), total = 0;
	uint64_t state = argc > 1 ? (uint64_t)payload_number(argv[1]) : 0;
	long pause_ms = argc > 2 ? payload_number(argv[2]) : 0;
	size_t have;

	while ((have = read_chunk(chunk, pause_ms)) > 0) {
		fill_pattern(&state, wanted, sizeof(wanted));
		for (size_t i = 0; i < have; i++) {
			if (chunk[i] == wanted[i])
				continue;
			fprintf(stderr, "payload: byte %ld differs\n", total + (long)i);
			return 1;
		}
		total += (long)have;
	}
	if (total != size) {
		fprintf(stderr, "payload: %ld bytes of %ld\n", total, size);
		return 1;
	}
	printf("%ld bytes agree\n", total);
	return 0;
}

static int stream_sum(int argc, char **argv)
{
	static unsigned char chunk[STREAM_CHUNK_BYTES];
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	long total = 0;
	size_t have;

	(void)argc, (void)argv;
	while ((have = read_chunk(chunk, 0)) > 0) {
		for (size_t i = 0; i < have; i++)
			hash = (hash ^ chunk[i]) * UINT64_C(0x100000001b3);
		total += (long)have;
	}
	printf("%ld %016llx\n", total, (unsigned long long)hash);
	return 0;
}

static int stream_cat(int argc, char **argv)
{
	static unsigned char chunk[STREAM_CHUNK_BYTES];
	ssize_t got;

	(void)argc, (void)argv;
	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			payload_die("read");
		if (payload_write_all(STDOUT_FILENO, chunk, (size_t)got) != 0)
			payload_die("write");
	}
	return 0;
}

static int stream_say(int argc, char **argv)
{
	printf("%s\n", argv[0]);
	fflush(stdout);
	if (argc > 1)
		fprintf(stderr, "%s\n", argv[1]);
	return argc > 2 ? (int)payload_number(argv[2]) : 0;
}

/* Numbered lines, odd ones on stdout and even ones on stderr, each with a write of its own. */
static int stream_lines(int argc, char **argv)
{
	long count = payload_number(argv[0]);

	(void)argc;
	for (long i = 1; i <= count; i++) {
		char line[32];
		int length = snprintf(line, sizeof(line), "line %ld\n", i);

		if (payload_write_all(i % 2 == 1 ? STDOUT_FILENO : STDERR_FILENO, line,
				      (size_t)length) != 0)
			payload_die("write");
	}
	return 0;
}

/* A child writes until its reader is gone; the end is told on stderr. */
static int stream_epipe(int argc, char **argv)
{
	bool is_ignored = strcmp(argv[0], "ignore") == 0;
	int status;
	pid_t child;

	(void)argc;
	fprintf(stderr, "writing\n");
	/* A pid namespace's init is immune against SIGPIPE, its child is not. */
	child = fork();
	if (child < 0)
		payload_die("fork");
	if (child == 0) {
		static const char zeros[4096];

		signal(SIGPIPE, is_ignored ? SIG_IGN : SIG_DFL);
		while (payload_write_all(STDOUT_FILENO, zeros, sizeof(zeros)) == 0)
			;
		_exit(errno == EPIPE ? 32 : 98);
	}
	if (waitpid(child, &status, 0) != child)
		payload_die("waitpid");
	if (WIFSIGNALED(status))
		fprintf(stderr, "signal %d\n", WTERMSIG(status));
	else
		fprintf(stderr, "%s\n", WEXITSTATUS(status) == 32 ? "EPIPE" : "other error");
	return 0;
}

/* Writes without blocking until the pipe is full for good: how much fits before a stopped reader
 * stops the writer. */
static int stream_fill(int argc, char **argv)
{
	static const char zeros[4096];
	long limit = payload_number(argv[0]), total = 0;
	struct timespec started, now;

	(void)argc;
	if (fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) != 0)
		payload_die("O_NONBLOCK");
	clock_gettime(CLOCK_MONOTONIC, &started);
	while (total < limit) {
		ssize_t done = write(STDOUT_FILENO, zeros, sizeof(zeros));

		if (done > 0) {
			total += done;
			clock_gettime(CLOCK_MONOTONIC, &started);
			continue;
		}
		if (errno != EAGAIN)
			payload_die("write");
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - started.tv_sec > 2)
			break;
		nanosleep(&(struct timespec){0, 10 * 1000000}, NULL);
	}
	fprintf(stderr, "stopped after %ld bytes\n", total);
	return total < limit ? 0 : 1;
}

/* Closes stdin and says so, then writes what it was given: the relay must drop the input, not the
 * process. */
static int stream_close_stdin(int argc, char **argv)
{
	(void)argc;
	close(STDIN_FILENO);
	puts("closed");
	fflush(stdout);
	nanosleep(&(struct timespec){payload_number(argv[0]), 0}, NULL);
	puts("done");
	return 0;
}

static int stream_reopen(int argc, char **argv)
{
	static const char *const paths[] = {"/dev/stdout", "/dev/stderr", "/proc/self/fd/1"};

	(void)argc, (void)argv;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

		if (fd < 0 || dprintf(fd, "through %s\n", paths[i]) < 0)
			payload_die(paths[i]);
		close(fd);
	}
	return 0;
}

const struct payload_command stream_commands[] = {
	{"write", "BYTES [SEED [FD]]", 1, stream_write},
	{"write-both", "BYTES [SEED]", 1, stream_write_both},
	{"check", "BYTES [SEED [PAUSE_MS]]", 1, stream_check},
	{"sum", "", 0, stream_sum},
	{"cat", "", 0, stream_cat},
	{"say", "OUT [ERR [STATUS]]", 1, stream_say},
	{"lines", "COUNT", 1, stream_lines},
	{"epipe", "default|ignore", 1, stream_epipe},
	{"fill", "LIMIT", 1, stream_fill},
	{"close-stdin", "SECONDS", 1, stream_close_stdin},
	{"reopen", "", 0, stream_reopen},
	{NULL, NULL, 0, NULL},
};
