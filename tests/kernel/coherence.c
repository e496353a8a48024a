/*
 * coherence.c: what the host changes in a shared file, the guest's next open sees; and pages of a
 * file that nobody changed are not thrown away by it (the kernel patch virtiofs-close-to-open). It
 * must not wait for a cache to time out: each change is made by the host at a known moment, and the
 * very next open is the one that counts.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BIG_SIZE = 64 * 4096, EXEC_COUNT = 50 };

/* Reads a whole small file into BUF as a string; its length or -errno. */
static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return n;
}

/* The file is in the cache; the host does ACTION; the next open must give WANT. */
static void expect_after(const char *action, const char *want, const char *sentence)
{
	char path[64], buf[64];

	snprintf(path, sizeof(path), SHARE "/%s", action);
	/* Twice: the second open is the one that may keep pages. */
	read_text(path, buf, sizeof(buf));
	read_text(path, buf, sizeof(buf));
	if (strcmp(buf, "old content\n") != 0)
		tap_note("%s: unexpected first content '%s'", action, buf);
	host_do(action);
	read_text(path, buf, sizeof(buf));
	tap_result(strcmp(buf, want) == 0, "%s", sentence);
	if (strcmp(buf, want) != 0)
		tap_note("%s: got '%s', expected '%s'", action, buf, want);
}

static void expect_gone(void)
{
	char buf[64];

	read_text(SHARE "/remove", buf, sizeof(buf));
	host_do("remove");
	tap_result(read_text(SHARE "/remove", buf, sizeof(buf)) == -ENOENT,
		   "a file removed on the host is gone");
}

/* Many changes in a row, the first ones within one tick of the host's clock. */
static void expect_every_change(void)
{
	char buf[64], want[64];
	int stale = 0;

	for (int i = 0; i < 40; i++) {
		host_do("count");
		snprintf(want, sizeof(want), "%02d\n", i);
		read_text(SHARE "/count", buf, sizeof(buf));
		stale += strcmp(buf, want) != 0;
	}
	tap_result(stale == 0, "each of 40 quick changes of the same size is seen");
	if (stale)
		tap_note("%d of 40 were stale", stale);
}

static void expect_own_writes(void)
{
	char buf[64];
	int fd = open(SHARE "/own", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *map;

	if (write(fd, "first\n", 6) != 6)
		tap_note("write: %m");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED) {
		memcpy(map, "FIRST", 5);
		munmap(map, 4096);
	}
	close(fd);
	read_text(SHARE "/own", buf, sizeof(buf));
	tap_result(strcmp(buf, "FIRST\n") == 0, "the guest's own writes survive the next open");
}

void test_coherence(void)
{
	int before;

	expect_after("same-size", "new content\n", "a change of the same size is seen");
	expect_after("old-mtime", "new content\n", "a change with the old mtime put back is seen");
	expect_after("truncate", "", "a truncation is seen");
	expect_after("append", "old content\nmore\n", "an append is seen");
	expect_after("rename", "new content\n", "a file replaced by rename is seen at once");
	expect_gone();
	expect_every_change();
	expect_own_writes();

	before = run_program(SHARE "/replace-exec");
	host_do("replace-exec");
	tap_result(before == 1 && run_program(SHARE "/replace-exec") == 2,
		   "an executable replaced on the host runs as the new one");
}

/* How many pages of the big file are in memory right after an open. */
static int count_cached(const char *path)
{
	static unsigned char state[BIG_SIZE / 4096];
	int fd = open(path, O_RDONLY), count = 0;
	void *map = mmap(NULL, BIG_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

	if (fd < 0 || map == MAP_FAILED || mincore(map, BIG_SIZE, state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(state); i++)
		count += state[i] & 1;
	munmap(map, BIG_SIZE);
	close(fd);
	return count;
}

static void read_big(const char *path)
{
	static char buf[BIG_SIZE];
	int fd = open(path, O_RDONLY);

	if (read(fd, buf, sizeof(buf)) != BIG_SIZE)
		tap_note("reading the big file: %m");
	close(fd);
}

/* The host made the files a moment ago, so their times are not final yet (TICK in the patch). */
static void expect_kept_after_tick(void)
{
	const struct timespec tick = {.tv_nsec = 100 * 1000 * 1000};

	read_big(SHARE "/big");
	nanosleep(&tick, NULL);
	read_big(SHARE "/big");
	tap_result(count_cached(SHARE "/big") == BIG_SIZE / 4096,
		   "an open of an unchanged new file keeps its pages after a tick");
}

/* With the guest's clock an hour ahead the same files are old. */
static void expect_old_kept_at_once(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += 3600;
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		tap_note("clock_settime: %m");
	read_big(SHARE "/big-old");
	tap_result(count_cached(SHARE "/big-old") == BIG_SIZE / 4096,
		   "an open of an unchanged old file keeps its pages");
}

void test_keeps_pages(void)
{
	expect_kept_after_tick();
	expect_old_kept_at_once();
}

void test_drops_pages(void)
{
	read_big(SHARE "/big");
	tap_result(count_cached(SHARE "/big") == 0,
		   "with virtiofs.close_to_open=0 an open drops all pages");
}

/* Not a judgement: prints what 50 times fork, exec and wait take. */
void test_exec_speed(void)
{
	struct timespec start, end;
	int failed = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < EXEC_COUNT; i++)
		failed += run_program(SHARE "/true") != 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	tap_note("%d times fork+exec of busybox true: %ld ms", EXEC_COUNT,
		 (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000);
	tap_result(failed == 0, "busybox runs %d times", EXEC_COUNT);
}
