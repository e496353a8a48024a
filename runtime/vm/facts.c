/* The cache of host facts: read, find out what is missing, write back. Must not decide anything.
 *
 * `host-facts` is text, one fact a line, valid for one boot:
 *
 *   vmrt-host-facts 1 <boot id>
 *   kvm <inode of /dev/kvm> good | kvm <inode> bad <reason>
 *   tsc <kHz> <counter> <ns>            a point at which it was right
 *   virtiofsd <kind> <version> <dev> <inode> <mtime> <path>
 *
 * A line that is not understood is a fact that is not known. */
#include "runtime/vm/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/userns/userns.h"
#include "runtime/vm/kvmprobe.h"
#include "runtime/vm/tsc.h"

#define FACTS_FILE	"host-facts"
#define FACTS_MAX_BYTES 16384
#define FACTS_KVM	"/dev/kvm"

struct facts_cache {
	char boot_id[FACTS_BOOT_ID + 1];
	bool has_kvm;
	bool is_kvm_good;
	uint64_t kvm_inode;
	char kvm_reason[FACTS_REASON_BYTES];
	bool has_tsc;
	unsigned int tsc_khz;
	struct tsc_point tsc_point;
	bool has_virtiofsd;
	struct virtiofsd_binary virtiofsd;
	bool is_changed;
};

static bool facts_read_boot_id(char *ret)
{
	auto_free char *text = NULL;

	if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL) < 0 ||
	    strlen(text) < FACTS_BOOT_ID)
		return false;
	memcpy(ret, text, FACTS_BOOT_ID);
	ret[FACTS_BOOT_ID] = '\0';
	return true;
}

static void facts_parse_kvm(struct facts_cache *c, const char *line)
{
	char verdict[8];
	int end = 0;

	if (sscanf(line, "%" SCNu64 " %7s %n", &c->kvm_inode, verdict, &end) != 2)
		return;
	c->is_kvm_good = !strcmp(verdict, "good");
	if (!c->is_kvm_good && (strcmp(verdict, "bad") != 0 || !end || !line[end]))
		return;
	snprintf(c->kvm_reason, sizeof(c->kvm_reason), "%s", c->is_kvm_good ? "" : line + end);
	c->has_kvm = true;
}

static void facts_parse_virtiofsd(struct facts_cache *c, const char *line)
{
	struct virtiofsd_binary *b = &c->virtiofsd;
	char kind[8];
	int end = 0;

	if (sscanf(line, "%7s %u %" SCNu64 " %" SCNu64 " %" SCNd64 " %n", kind, &b->version,
		   &b->dev, &b->inode, &b->mtime_ns, &end) != 5 ||
	    line[end] != '/' || strlen(line + end) >= sizeof(b->path))
		return;
	snprintf(b->path, sizeof(b->path), "%s", line + end);
	b->kind = VIRTIOFSD_NONE;
	for (int k = VIRTIOFSD_NONE + 1; k < VIRTIOFSD_KIND_COUNT; k++) {
		if (!strcmp(kind, virtiofsd_kind_name((enum virtiofsd_kind)k)))
			b->kind = (enum virtiofsd_kind)k;
	}
	c->has_virtiofsd = b->kind != VIRTIOFSD_NONE;
}

static void facts_parse_line(struct facts_cache *c, const char *line)
{
	if (!strncmp(line, "kvm ", 4))
		facts_parse_kvm(c, line + 4);
	else if (!strncmp(line, "virtiofsd ", 10))
		facts_parse_virtiofsd(c, line + 10);
	else if (!strncmp(line, "tsc ", 4))
		c->has_tsc = sscanf(line + 4, "%u %" SCNu64 " %" SCNd64, &c->tsc_khz,
				    &c->tsc_point.tsc, &c->tsc_point.ns) == 3;
}

static void facts_load(int dir_fd, struct facts_cache *c)
{
	auto_free char *text = NULL;
	char head[64 + FACTS_BOOT_ID];
	char *line;
	char *next = NULL;
	size_t size;

	if (fd_read_file(dir_fd, FACTS_FILE, FACTS_MAX_BYTES, &text, &size) < 0)
		return;
	/* Written in one piece with a newline at its end: without it, it is torn. */
	if (!size || text[size - 1] != '\n' || strlen(text) != size)
		return;
	snprintf(head, sizeof(head), "vmrt-host-facts 1 %s", c->boot_id);
	line = strtok_r(text, "\n", &next);
	if (!line || strcmp(line, head) != 0)
		return;
	while ((line = strtok_r(NULL, "\n", &next)))
		facts_parse_line(c, line);
}

/* Best effort: without the file the next start finds out again. */
static void facts_save(int dir_fd, const struct facts_cache *c)
{
	const struct virtiofsd_binary *b = &c->virtiofsd;
	auto_free char *text = NULL;
	char name[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int fd;
	int r;

	if (!out)
		return;
	fprintf(out, "vmrt-host-facts 1 %s\n", c->boot_id);
	if (c->has_kvm)
		fprintf(out, "kvm %" PRIu64 " %s%s\n", c->kvm_inode,
			c->is_kvm_good ? "good" : "bad ", c->kvm_reason);
	if (c->has_tsc)
		fprintf(out, "tsc %u %" PRIu64 " %" PRId64 "\n", c->tsc_khz, c->tsc_point.tsc,
			c->tsc_point.ns);
	if (c->has_virtiofsd && !strchr(b->path, '\n'))
		fprintf(out, "virtiofsd %s %u %" PRIu64 " %" PRIu64 " %" PRId64 " %s\n",
			virtiofsd_kind_name(b->kind), b->version, b->dev, b->inode, b->mtime_ns,
			b->path);
	if (fclose(out) != 0)
		return;
	snprintf(name, sizeof(name), ".%s.%d", FACTS_FILE, (int)getpid());
	unlinkat(dir_fd, name, 0);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	r = fd_write_all(fd, text, size);
	close(fd);
	if (r < 0 || renameat(dir_fd, name, dir_fd, FACTS_FILE) < 0)
		unlinkat(dir_fd, name, 0);
}

/* The answer belongs to the device node: another module that takes over makes a new one. That
 * there is none is seen at once and not worth remembering. */
static void facts_find_kvm(struct facts_cache *c, struct host_facts *ret)
{
	struct stat st;

	ret->has_kvm_answer = true;
	if (stat(FACTS_KVM, &st) < 0) {
		snprintf(ret->kvm_reason, sizeof(ret->kvm_reason), "this host has no " FACTS_KVM);
		return;
	}
	if (access(FACTS_KVM, R_OK | W_OK) < 0) {
		snprintf(ret->kvm_reason, sizeof(ret->kvm_reason),
			 FACTS_KVM " may not be opened by this user");
		return;
	}
	/* There QEMU's own node cannot be made, and its id is nobody's to the host. */
	if (!userns_is_initial() && (st.st_mode & 06) != 06) {
		snprintf(ret->kvm_reason, sizeof(ret->kvm_reason),
			 FACTS_KVM " is not open to QEMU's own user (chmod 666 " FACTS_KVM ")");
		return;
	}
	if (!c->has_kvm || c->kvm_inode != st.st_ino) {
		c->is_kvm_good = kvm_probe(c->kvm_reason, sizeof(c->kvm_reason));
		c->kvm_inode = st.st_ino;
		c->has_kvm = true;
		c->is_changed = true;
		ret->was_kvm_probed = true;
	}
	ret->is_kvm_good = c->is_kvm_good;
	memcpy(ret->kvm_reason, c->kvm_reason, sizeof(ret->kvm_reason));
}

static void facts_find_tsc(struct facts_cache *c, struct host_facts *ret)
{
	struct tsc_point now = tsc_read_point();

	if (!c->has_tsc || (c->tsc_khz && !tsc_is_plausible(c->tsc_khz, c->tsc_point, now))) {
		c->tsc_khz = tsc_find_khz();
		c->tsc_point = tsc_read_point();
		c->has_tsc = true;
		c->is_changed = true;
	}
	ret->tsc_khz = c->tsc_khz;
}

static int facts_find_virtiofsd(struct facts_cache *c, const char *path, struct host_facts *ret,
				struct err *e)
{
	struct virtiofsd_binary *b = &ret->virtiofsd;
	int r = virtiofsd_find(path, b, e);

	if (r < 0)
		return r;
	if (c->has_virtiofsd && c->virtiofsd.dev == b->dev && c->virtiofsd.inode == b->inode &&
	    c->virtiofsd.mtime_ns == b->mtime_ns && !strcmp(c->virtiofsd.path, b->path)) {
		*b = c->virtiofsd;
		return 0;
	}
	r = virtiofsd_detect(b, e);
	if (r < 0)
		return r;
	c->virtiofsd = *b;
	c->has_virtiofsd = true;
	c->is_changed = true;
	return 0;
}

int host_facts_get(const char *run_dir, unsigned int needs, const char *virtiofsd_path,
		   struct host_facts *ret, struct err *e)
{
	auto_free struct facts_cache *c = xcalloc(1, sizeof(*c));
	auto_close int dir_fd = -1;
	bool has_boot_id = facts_read_boot_id(c->boot_id);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (has_boot_id)
		strcpy(ret->boot_id, c->boot_id);
	if (mkdir(run_dir, 0700) == 0 || errno == EEXIST)
		dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0 && has_boot_id)
		facts_load(dir_fd, c);
	if (needs & FACTS_NEED_VIRTIOFSD)
		r = facts_find_virtiofsd(c, virtiofsd_path, ret, e);
	if (needs & FACTS_NEED_KVM)
		facts_find_kvm(c, ret);
	if (needs & FACTS_NEED_TSC && !ret->is_kvm_good)
		facts_find_tsc(c, ret);
	if (c->is_changed && dir_fd >= 0 && has_boot_id)
		facts_save(dir_fd, c);
	return r;
}
