/* Templates as files: what is found again, what is not, what makes room; and copies of memory. */
#include "lib/fd.h"
#include "runtime/template/ram.h"
#include "runtime/template/store.h"
#include "tests/unit/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_BYTES (UINT64_C(1) << 20)

static char dir[] = "/tmp/vmrt-test-template.XXXXXX";
static int store;

/* The number of files, and the name of the last one. */
static int count_files(char name[256])
{
	DIR *d = fdopendir(openat(store, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, 256, "%s", entry->d_name);
		count++;
	}
	closedir(d);
	return count;
}

static void remove_files(void)
{
	char name[256];

	while (count_files(name))
		unlinkat(store, name, 0);
}

/* 0, or what failed. */
static int put(const char *key, const char *state)
{
	struct err e;
	int fd = store_begin(store, MEMORY_BYTES, &e);
	int r = fd < 0 ? fd : store_fill(fd, key, MEMORY_BYTES, state, strlen(state), &e);

	if (r == 0 && pwrite(fd, "memory", 6, STORE_MEMORY_AT + 8192) != 6)
		r = -errno;
	if (r == 0)
		r = store_publish(store, fd, key, &e);
	if (r < 0)
		printf("# %s\n", e.text);
	fd_close(&fd);
	return r;
}

static void test_found(void)
{
	struct store_template t;
	char text[16] = "";
	char name[256];

	is_int(store_find(store, "a", &t), STORE_MISSING, "an empty store has nothing");
	is_int(t.fd, -1, "and no descriptor");
	is_int(put("a", "state"), 0, "a template is kept");
	is_int(store_find(store, "b", &t), STORE_MISSING, "not for another key");
	is_int(store_find(store, "a", &t), STORE_FOUND, "but for its own");
	ok(t.memory_bytes == MEMORY_BYTES && t.state_bytes == 5, "with its sizes");
	is_int(pread(t.fd, text, 5, STORE_STATE_AT), 5, "its state");
	is_str(text, "state", "is what it was");
	is_int(pread(t.fd, text, 6, STORE_MEMORY_AT + 8192), 6, "its memory");
	is_str(text, "memory", "as well");
	is_int(put("a", "other"), 0, "another one takes its place");
	is_int(pread(t.fd, text, 5, STORE_STATE_AT), 5, "who has the first one open");
	ok(!memcmp(text, "state", 5), "goes on with it");
	fd_close(&t.fd);
	is_int(store_find(store, "a", &t), STORE_FOUND, "the other one is found");
	is_int(pread(t.fd, text, 5, STORE_STATE_AT), 5, "and it is");
	ok(!memcmp(text, "other", 5), "the other one");
	fd_close(&t.fd);
	is_int(count_files(name), 1, "there is one file");
	remove_files();
}

static void damage(off_t at, off_t size)
{
	char name[256];
	int fd;

	is_int(count_files(name), 1, "one file");
	fd = openat(store, name, O_RDWR);
	ok(size < 0 ? pwrite(fd, "X", 1, at) == 1 : ftruncate(fd, size) == 0, "is damaged");
	fd_close(&fd);
}

static void test_damage(void)
{
	static const struct {
		off_t at;
		off_t size; /* -1: a byte at `at` is changed */
		const char *what;
	} rows[] = {
		{0, 0, "an empty file"},
		{0, 100, "half a header"},
		{0, STORE_STATE_AT + 2, "half a state"},
		{0, STORE_MEMORY_AT + 4096, "half a memory"},
		{0, STORE_MEMORY_AT + MEMORY_BYTES + 1, "a byte too many"},
		{2, -1, "another format"},
		{19, -1, "a size that cannot be"},
		{27, -1, "a state's size that cannot be"},
		{40, -1, "another key"},
		{STORE_STATE_AT + 1, -1, "another state"},
	};
	struct store_template t;
	char name[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		is_int(put("the key", "state"), 0, rows[i].what);
		damage(rows[i].at, rows[i].size);
		is_int(store_find(store, "the key", &t), STORE_MISSING, "  is not found");
		is_int(count_files(name), 0, "  and is removed");
	}
}

static void test_failures(void)
{
	struct store_template t;
	struct store_template other;
	int first;
	char name[256];

	is_int(put("a", "state"), 0, "a template");
	is_int(store_find(store, "a", &t), STORE_FOUND, "that two begin from");
	store_note_failure(store, "a", t.fd);
	store_note_failure(store, "a", t.fd);
	first = take_fd(t.fd);
	is_int(store_find(store, "a", &t), STORE_MISSING, "that has failed is made once more");
	is_int(put("a", "state"), 0, "and is there");
	is_int(store_find(store, "a", &t), STORE_FOUND, "as any other");
	store_note_failure(store, "a", first);
	is_int(store_find(store, "a", &other), STORE_FOUND, "and not gone with the first one");
	fd_close(&other.fd);
	store_note_failure(store, "a", t.fd);
	fd_close(&t.fd);
	fd_close(&first);
	is_int(store_find(store, "a", &t), STORE_BOOT, "when it fails again there will be none");
	is_int(store_find(store, "b", &t), STORE_MISSING, "of this kind");
	is_int(count_files(name), 1, "that is one file");
	{
		const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

		utimensat(store, name, old, 0);
	}
	is_int(store_find(store, "a", &t), STORE_MISSING, "after a while it is tried again");
	remove_files();
	is_int(put("a", "state"), 0, "a template");
	store_note_failure(store, "a", -1);
	is_int(count_files(name), 2, "with a failure before it");
	store_note_success(store, "a");
	is_int(count_files(name), 1, "is as if that had not been, once it was of use");
	remove_files();
}

static void test_room(void)
{
	struct store_template t;
	char key[16];
	char name[256];

	for (int i = 0; i < STORE_ENTRY_MAX; i++) {
		const struct timespec when[2] = {{.tv_sec = 100 + i}, {.tv_sec = 100 + i}};

		snprintf(key, sizeof(key), "%d", i);
		is_int(put(key, "x"), 0, "one of many");
		is_int(store_find(store, key, &t), STORE_FOUND, "  is there");
		futimens(t.fd, when);
		fd_close(&t.fd);
	}
	is_int(store_find(store, "0", &t), STORE_FOUND, "the oldest one is used");
	fd_close(&t.fd);
	is_int(put("new", "x"), 0, "one too many");
	is_int(count_files(name), STORE_ENTRY_MAX, "there are as many as before");
	is_int(store_find(store, "0", &t), STORE_FOUND, "the one that was used has stayed");
	fd_close(&t.fd);
	is_int(store_find(store, "1", &t), STORE_MISSING, "the one unused for longest has gone");
	remove_files();
}

static void test_no_room(void)
{
	const struct timespec old[2] = {{.tv_sec = 100}, {.tv_sec = 100}};
	char key[16];
	char name[256];
	struct err e;
	int fd;

	for (int i = 0; i < STORE_ENTRY_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		is_int(put(key, "x"), 0, "one of many");
	}
	is_int(store_begin(store, MEMORY_BYTES, &e), -ENOSPC, "what is in use makes no room");
	is_int(count_files(name), STORE_ENTRY_MAX, "and stays");
	utimensat(store, name, old, 0);
	is_int(store_begin(store, STORE_TOTAL_MAX_BYTES << 6, &e), -ENOSPC,
	       "one that is too large is not begun");
	is_int(count_files(name), STORE_ENTRY_MAX, "and nothing goes for it");
	fd = store_begin(store, MEMORY_BYTES, &e);
	ok(fd >= 0, "one that is not in use makes room");
	fd_close(&fd);
	is_int(count_files(name), STORE_ENTRY_MAX - 1, "and has gone");
	for (int i = 0; i < STORE_ENTRY_MAX; i++) {
		snprintf(name, sizeof(name), "note%d", i);
		fd = openat(store, name, O_WRONLY | O_CREAT, 0600);
		fd_close(&fd);
	}
	utimensat(store, name, old, 0);
	fd = store_begin(store, MEMORY_BYTES, &e);
	ok(fd >= 0, "notes need no room");
	fd_close(&fd);
	is_int(faccessat(store, name, F_OK, 0), -1, "old ones are removed");
	remove_files();
}

static void test_copy(void)
{
	char text[8] = "";
	int from = openat(store, ".", O_TMPFILE | O_RDWR, 0600);
	int to = openat(store, ".", O_TMPFILE | O_RDWR, 0600);
	static char zeros[8192];
	struct err e;
	struct stat st;

	ok(ftruncate(from, 16 << 20) == 0 && ftruncate(to, 16 << 20) == 0, "two large files");
	ok(pwrite(from, zeros, sizeof(zeros), 1 << 20) == sizeof(zeros) &&
		   pwrite(from, "first", 5, 4096 + 4090) == 5 &&
		   pwrite(from, "last", 4, (16 << 20) - 4) == 4,
	   "with a little in them");
	is_int(ram_copy(from, 4096, to, 8192, (16 << 20) - 8192, &e), 0,
	       "are copied from a place on");
	ok(pread(to, text, 5, 8192 + 4090) == 5 && !memcmp(text, "first", 5), "the first is there");
	is_int(fstat(to, &st), 0, "what is zero");
	ok(st.st_blocks <= 2 * 16, "takes no room");
	ok(pread(to, text, 4, (16 << 20) - 4) == 4 && !memcmp(text, "\0\0\0\0", 4),
	   "what is behind the end is not copied");
	is_int(ram_copy(from, 0, to, 0, 16 << 20, &e), 0, "all of it is copied");
	ok(pread(to, text, 4, (16 << 20) - 4) == 4 && !memcmp(text, "last", 4), "to the end");
	fd_close(&from);
	fd_close(&to);
}

static void test_open(void)
{
	struct err e;
	int fd;

	fchmod(store, 0755);
	fd = store_open(dir, &e);
	is_int(fd, -EPERM, "a folder that others may look into is not used");
	fchmod(store, 0700);
	is_int(store_open("/nonexistent", &e), -ENOENT, "there has to be a place for it");
}

int main(void)
{
	char path[64];
	struct err e;

	if (!mkdtemp(dir))
		return 1;
	store = store_open(dir, &e);
	ok(store >= 0, "a store is made");
	test_open();
	test_found();
	test_damage();
	test_failures();
	test_room();
	test_no_room();
	test_copy();
	fd_close(&store);
	snprintf(path, sizeof(path), "%s/templates", dir);
	rmdir(path);
	rmdir(dir);
	return done_testing();
}
