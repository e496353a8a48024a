/* Host facts: found once, cached for one boot, and found again when the cache is not to be
 * trusted. Probes the real host. */
#include "runtime/vm/facts.h"
#include "runtime/vm/tsc.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/vmrt-facts-test-XXXXXX";
static char file[100];
static char program[100];

static void put(const char *path, const char *text, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		exit(1);
	close(fd);
}

static char *get(void)
{
	char *text = NULL;

	return fd_read_file(AT_FDCWD, file, 65536, &text, NULL) == 0 ? text : NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_cache(void)
{
	const unsigned int all = FACTS_NEED_KVM | FACTS_NEED_TSC | FACTS_NEED_VIRTIOFSD;
	struct host_facts first;
	struct host_facts again;
	struct err e = {{0}};
	char *saved;
	int64_t start = now_ms();

	is_int(host_facts_get(dir, all, program, &first, &e), 0, "facts are found");
	ok(now_ms() - start < 6000, "in bounded time, whatever /dev/kvm does");
	ok(first.has_kvm_answer && first.is_kvm_good == !first.kvm_reason[0],
	   "KVM is good or there is a reason: '%s'", first.kvm_reason);
	ok(!strstr(first.kvm_reason, "ermission denied") &&
		   !strstr(first.kvm_reason, "o such file"),
	   "which engines do not take for the user's program");
	ok(first.virtiofsd.kind == VIRTIOFSD_RUST && first.virtiofsd.version == 1002,
	   "virtiofsd is known");
	saved = get();
	ok(saved && !strncmp(saved, "vmrt-host-facts 1 ", 18), "the cache is written");

	is_int(host_facts_get(dir, all, program, &again, &e), 0, "the next call");
	ok(!again.was_kvm_probed, "probes nothing");
	ok(again.is_kvm_good == first.is_kvm_good && !strcmp(again.kvm_reason, first.kvm_reason) &&
		   again.tsc_khz == first.tsc_khz && again.virtiofsd.kind == VIRTIOFSD_RUST &&
		   again.virtiofsd.version == 1002,
	   "and knows the same");

	put(program, "#!/bin/sh\necho virtiofsd version 7.2.1\n# another program\n", 0755);
	is_int(host_facts_get(dir, all, program, &again, &e), 0, "after virtiofsd was replaced");
	ok(again.virtiofsd.kind == VIRTIOFSD_C && again.virtiofsd.version == 7002,
	   "the new one is seen");
	free(saved);
}

static void test_bad_caches(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"garbage",
		"vmrt-host-facts 1 00000000-0000-0000-0000-000000000000\n"
		"kvm 1 good\ntsc 1 1 1\n",
	};
	struct host_facts f;
	struct err e = {{0}};
	char *saved;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put(file, texts[i], 0600);
		ok(host_facts_get(dir, FACTS_NEED_VIRTIOFSD | FACTS_NEED_TSC, program, &f, &e) ==
				   0 &&
			   f.virtiofsd.kind == VIRTIOFSD_C && f.tsc_khz != 1,
		   "cache %zu that is not ours is not believed", i);
		saved = get();
		ok(saved && strstr(saved, "virtiofsd c 7002"), "and replaced");
		/* torn: the same text without its end */
		if (saved) {
			saved[strlen(saved) - 1] = '\0';
			put(file, saved, 0600);
		}
		free(saved);
	}
	is_int(host_facts_get("/proc/nonexistent", FACTS_NEED_VIRTIOFSD, program, &f, &e), 0,
	       "a directory that cannot be made only costs time");
	is_int(host_facts_get(dir, FACTS_NEED_VIRTIOFSD, "/nonexistent/virtiofsd", &f, &e), -ENOENT,
	       "a missing virtiofsd is an error");
}

static void test_tsc(void)
{
	struct tsc_point a = {.tsc = 1000000000, .ns = 5000000000};
	struct tsc_point b = {.tsc = 1000000000 + 20000000000, .ns = 15000000000};
	struct tsc_point real;
	unsigned int khz;

	ok(tsc_is_plausible(2000000, a, b), "the rate fits what went by");
	b.tsc += 20000000000 / 1000;
	ok(!tsc_is_plausible(2000000, a, b), "a rate that is off by a thousandth does not");
	ok(!tsc_is_plausible(2000000, b, a), "nor does time that went back");
	khz = tsc_find_khz();
	if (!khz) {
		ok(1, "this host's counter has no constant rate # SKIP no invariant TSC");
		return;
	}
	real = tsc_read_point();
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	ok(tsc_is_plausible(khz, real, tsc_read_point()), "%u kHz fits what goes by here", khz);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof(file), "%s/host-facts", dir);
	snprintf(program, sizeof(program), "%s/virtiofsd", dir);
	put(program, "#!/bin/sh\necho virtiofsd 1.2.3\n", 0755);
	test_cache();
	test_bad_caches();
	test_tsc();
	unlink(file);
	unlink(program);
	ok(rmdir(dir) == 0, "no temporary file is left");
	return done_testing();
}
