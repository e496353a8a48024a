/* The files of templates. All errors mean the same for the caller: the machine is booted. */
#include "runtime/template/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define STORE_DIR	 "templates"
#define STORE_MAGIC	 "vmrt template 1"
#define STORE_FAILED	 ".failed"
#define STORE_FAILED_S	 3600
#define STORE_MEMORY_MAX (UINT64_C(1) << 44)
#define STORE_NAME_BYTES 64
#define STORE_LIST_MAX	 1024
#define STORE_BOOT_BYTES (UINT64_C(32) << 20)
#define STORE_IN_USE_S	 600

/* Written and read by the same program on the same host. */
struct store_header {
	char magic[16];
	uint64_t memory_bytes; /* 0: nothing: boot */
	uint64_t state_bytes;
	uint64_t state_sum;
	char key[STORE_KEY_MAX_BYTES];
};
_Static_assert(sizeof(struct store_header) <= STORE_STATE_AT, "the state begins behind it");

/* FNV-1a. */
static uint64_t store_sum(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static void store_name(const char *key, const char *suffix, char name[STORE_NAME_BYTES])
{
	snprintf(name, STORE_NAME_BYTES, "%016" PRIx64 "%s", store_sum(key, strlen(key)), suffix);
}

int store_open(const char *dir, struct err *e)
{
	auto_close int parent = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;
	struct stat st;

	if (parent < 0 || (mkdirat(parent, STORE_DIR, 0700) < 0 && errno != EEXIST))
		return err_sys(e, -errno, "making '%s/" STORE_DIR "'", dir);
	fd = openat(parent, STORE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "opening '%s/" STORE_DIR "'", dir);
	/* What is in them is executed as the guest's kernel. */
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return err_set(e, -EPERM, "'%s/" STORE_DIR "' is open to others", dir);
	return take_fd(fd);
}

static bool store_is_fresh(const struct stat *st)
{
	time_t now = time(NULL);

	return st->st_mtime <= now && now - st->st_mtime < STORE_FAILED_S;
}

/* Is it whole? */
static bool store_check(int fd, const struct store_header *h, const struct stat *st,
			const char *key)
{
	auto_free uint8_t *state = NULL;

	if (memcmp(h->magic, STORE_MAGIC, sizeof(h->magic)) || h->memory_bytes > STORE_MEMORY_MAX ||
	    h->state_bytes > STORE_STATE_MAX_BYTES || strncmp(h->key, key, sizeof(h->key)))
		return false;
	if (!h->memory_bytes)
		return store_is_fresh(st);
	if ((uint64_t)st->st_size != STORE_MEMORY_AT + h->memory_bytes)
		return false;
	state = xmalloc((size_t)h->state_bytes + 1);
	return pread(fd, state, (size_t)h->state_bytes, STORE_STATE_AT) ==
		       (ssize_t)h->state_bytes &&
	       store_sum(state, (size_t)h->state_bytes) == h->state_sum;
}

enum store_answer store_find(int store_fd, const char *key, struct store_template *ret)
{
	auto_free struct store_header *h = xcalloc(1, sizeof(*h));
	auto_close int fd = -1;
	char name[STORE_NAME_BYTES];
	struct stat st;

	*ret = STORE_TEMPLATE_NONE;
	store_name(key, "", name);
	fd = openat(store_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return STORE_MISSING;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    pread(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h) || !store_check(fd, h, &st, key)) {
		unlinkat(store_fd, name, 0);
		return STORE_MISSING;
	}
	if (!h->memory_bytes)
		return STORE_BOOT;
	/* The one that was used last goes last. */
	(void)!futimens(fd, NULL);
	*ret = (struct store_template){
		.memory_bytes = h->memory_bytes,
		.state_bytes = h->state_bytes,
		.fd = take_fd(fd),
	};
	return STORE_FOUND;
}

struct store_entry {
	char name[STORE_NAME_BYTES];
	struct timespec used;
	uint64_t bytes;
};

/* With more kinds in turn than there is room for, none would ever be there when it is wanted. */
static bool store_is_in_use(const struct store_entry *entry)
{
	time_t now = time(NULL);

	return entry->used.tv_sec <= now && now - entry->used.tv_sec < STORE_IN_USE_S;
}

static int store_compare(const void *a, const void *b)
{
	const struct timespec *x = &((const struct store_entry *)a)->used;
	const struct timespec *y = &((const struct store_entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* All that take room, the one unused for longest first. */
static size_t store_list(int store_fd, struct store_entry *entries)
{
	int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;
	size_t count = 0;
	struct stat st;

	while (dir && count < STORE_LIST_MAX && (found = readdir(dir))) {
		if (found->d_name[0] == '.' || strlen(found->d_name) >= STORE_NAME_BYTES ||
		    fstatat(store_fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!st.st_blocks) {
			/* A note; it says nothing any more when it is old. */
			if (!store_is_fresh(&st))
				unlinkat(store_fd, found->d_name, 0);
			continue;
		}
		strcpy(entries[count].name, found->d_name);
		entries[count].used = st.st_mtim;
		entries[count++].bytes = (uint64_t)st.st_blocks * 512;
	}
	if (dir)
		closedir(dir);
	else
		fd_close(&fd);
	qsort(entries, count, sizeof(*entries), store_compare);
	return count;
}

/* The oldest ones are removed; when that does not help, none is. */
static int store_make_room(int store_fd, uint64_t need, struct err *e)
{
	auto_free struct store_entry *entries = xcalloc(STORE_LIST_MAX, sizeof(*entries));
	size_t count = store_list(store_fd, entries);
	uint64_t most = STORE_TOTAL_MAX_BYTES;
	uint64_t total = 0;
	uint64_t room;
	struct statvfs fs;
	size_t drop = 0;

	if (fstatvfs(store_fd, &fs) < 0)
		return err_sys(e, -errno, "looking for room for a template");
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if ((uint64_t)fs.f_blocks * fs.f_frsize / 2 < most)
		most = (uint64_t)fs.f_blocks * fs.f_frsize / 2;
	for (size_t i = 0; i < count; i++)
		total += entries[i].bytes;
	while (count - drop >= STORE_ENTRY_MAX || total + need > most ||
	       room < need + STORE_FREE_MIN_BYTES) {
		if (drop == count || store_is_in_use(&entries[drop]))
			return err_set(e, -ENOSPC, "no %" PRIu64 " MiB are free for a template",
				       need >> 20);
		total -= entries[drop].bytes;
		room += entries[drop].bytes;
		drop++;
	}
	for (size_t i = 0; i < drop; i++)
		unlinkat(store_fd, entries[i].name, 0);
	return 0;
}

int store_begin(int store_fd, uint64_t memory_bytes, struct err *e)
{
	/* The kernel's table of all pages, and what else a guest has written when it has booted. */
	const uint64_t need = (memory_bytes >> 6) + STORE_BOOT_BYTES;
	auto_close int fd = -1;
	int r = store_make_room(store_fd, need, e);

	if (r < 0)
		return r;
	fd = openat(store_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(STORE_MEMORY_AT + memory_bytes)) < 0)
		return err_sys(e, -errno, "making a template's file");
	return take_fd(fd);
}

int store_fill(int fd, const char *key, uint64_t memory_bytes, const void *state,
	       size_t state_bytes, struct err *e)
{
	auto_free struct store_header *h = xcalloc(1, sizeof(*h));

	if (strlen(key) >= sizeof(h->key) || state_bytes > STORE_STATE_MAX_BYTES)
		return err_set(e, -E2BIG, "a key of %zu bytes and a state of %zu", strlen(key),
			       state_bytes);
	memcpy(h->magic, STORE_MAGIC, sizeof(STORE_MAGIC));
	h->memory_bytes = memory_bytes;
	h->state_bytes = state_bytes;
	h->state_sum = store_sum(state, state_bytes);
	strcpy(h->key, key);
	if (pwrite(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h) ||
	    pwrite(fd, state, state_bytes, STORE_STATE_AT) != (ssize_t)state_bytes)
		return err_sys(e, -errno, "writing a template");
	return 0;
}

/* link() does not replace: another name first. Nobody else makes templates meanwhile. */
int store_publish(int store_fd, int fd, const char *key, struct err *e)
{
	char path[64];
	char name[STORE_NAME_BYTES];
	char temporary[STORE_NAME_BYTES];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	store_name(key, "", name);
	store_name(key, ".new", temporary);
	if (linkat(AT_FDCWD, path, store_fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, -errno, "naming a template");
	/* Of one that was killed here. */
	unlinkat(store_fd, temporary, 0);
	if (linkat(AT_FDCWD, path, store_fd, temporary, AT_SYMLINK_FOLLOW) < 0 ||
	    renameat(store_fd, temporary, store_fd, name) < 0)
		return err_sys(e, -errno, "naming a template");
	return 0;
}

/* The file without a machine. */
static void store_refuse(int store_fd, const char *key)
{
	auto_close int fd = openat(store_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct err e;

	if (fd < 0 || store_fill(fd, key, 0, "", 0, &e) < 0 ||
	    store_publish(store_fd, fd, key, &e) < 0)
		return; /* then the next start tries again */
}

/* False when the name is not that file's (any more). */
static bool store_drop(int store_fd, const char *name, int used_fd)
{
	struct stat used;
	struct stat st;

	return fstat(used_fd, &used) == 0 &&
	       fstatat(store_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == used.st_dev &&
	       st.st_ino == used.st_ino && unlinkat(store_fd, name, 0) == 0;
}

void store_note_success(int store_fd, const char *key)
{
	char failed[STORE_NAME_BYTES];

	store_name(key, STORE_FAILED, failed);
	unlinkat(store_fd, failed, 0);
}

void store_note_failure(int store_fd, const char *key, int used_fd)
{
	int fd;
	char name[STORE_NAME_BYTES];
	char failed[STORE_NAME_BYTES];
	struct stat st;

	store_name(key, "", name);
	store_name(key, STORE_FAILED, failed);
	if (used_fd >= 0 && !store_drop(store_fd, name, used_fd))
		return;
	if (fstatat(store_fd, failed, &st, AT_SYMLINK_NOFOLLOW) == 0 && store_is_fresh(&st)) {
		store_refuse(store_fd, key);
		unlinkat(store_fd, failed, 0);
		return;
	}
	unlinkat(store_fd, failed, 0);
	fd = openat(store_fd, failed, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	fd_close(&fd);
}
