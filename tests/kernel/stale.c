/*
 * stale.c: does the guest run the code that is in the page, or what was there before?
 * TCG keeps translations by physical page, and virtiofsd stores into guest memory behind its back.
 * It must not depend on which page the allocator hands out: a page freed last is taken next, and
 * with hundreds of rounds the two files meet in one page again and again.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 400, EXEC_ROUNDS = 60, PAGE = 4096 };

/* Files of one page each that hold a function returning 1 or 2 (tests/kernel/run writes them). */
static const char *const code_path[] = {SHARE "/code1", SHARE "/code2"};
/* Executables that exit with 1 or 2. */
static const char *const exit_path[] = {SHARE "/exit1", SHARE "/exit2"};

struct tally {
	int wrong_data;
	int wrong_code;
	int failed;
};

/* Runs the function in the file's page and drops the page from the cache. */
static void call_once(int which, struct tally *tally)
{
	int fd = open(code_path[which], O_RDONLY);
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	int (*function)(void);

	if (fd < 0 || page == MAP_FAILED) {
		tally->failed++;
		return;
	}
	/* b8 imm32 = mov eax, imm32 */
	if (page[0] != 0xb8 || page[1] != which + 1)
		tally->wrong_data++;
	memcpy(&function, &page, sizeof(function));
	if (function() != which + 1)
		tally->wrong_code++;
	munmap(page, PAGE);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static struct tally call_alternately(void)
{
	struct tally tally = {0};

	for (int i = 0; i < ROUNDS; i++)
		call_once(i & 1, &tally);
	return tally;
}

/* Frees the one file's page and reads the other's at once, so that it gets the very same page. */
static void exchange_in_cache(const char *old, const char *new)
{
	char byte;
	int old_fd = open(old, O_RDONLY), new_fd = open(new, O_RDONLY);

	posix_fadvise(old_fd, 0, 0, POSIX_FADV_DONTNEED);
	if (read(new_fd, &byte, 1) != 1)
		tap_note("reading '%s': %m", new);
	close(old_fd);
	close(new_fd);
}

void test_stale(void)
{
	struct tally tally = call_alternately();
	int wrong = 0;

	tap_note("called %d times: %d wrong data, %d wrong code, %d failed", ROUNDS,
		 tally.wrong_data, tally.wrong_code, tally.failed);
	tap_result(!tally.wrong_data && !tally.failed, "data read through virtiofs is right");
	tap_result(!tally.wrong_code && !tally.failed,
		   "code read through virtiofs is the code that runs");

	for (int i = 0; i < EXEC_ROUNDS; i++) {
		wrong += run_program(exit_path[i & 1]) != (i & 1) + 1;
		exchange_in_cache(exit_path[i & 1], exit_path[!(i & 1)]);
	}
	tap_note("executed %d times: %d wrong", EXEC_ROUNDS, wrong);
	tap_result(wrong == 0, "two executables that share a page run as themselves");
}

/* The proof that test_stale can fail: without cpu_rewrite it must. */
void test_stale_control(void)
{
	struct tally tally = call_alternately();

	tap_note("called %d times: %d wrong data, %d wrong code, %d failed", ROUNDS,
		 tally.wrong_data, tally.wrong_code, tally.failed);
	tap_result(!tally.wrong_data && !tally.failed && tally.wrong_code > 0,
		   "without virtiofs.cpu_rewrite=1 TCG runs stale code");
}
