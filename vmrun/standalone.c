/* The initramfs of a program that is PID 1, and what its end means. Must not start the machine.
 *
 * init/standalone.c, which the kernel starts first, reads what is written here:
 *
 *   /…                the tree of --isolated: the program, its libraries, --add
 *   /standalone/program, args, env     texts that end in NUL */
#include "vmrun/standalone.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/cpio.h"
#include "vmrun/environ.h"
#include "vmrun/user.h"

#define STANDALONE_FILE_BYTES (1u << 30)
#define STANDALONE_ARGV0      "/init"
/* Of the kernel's panic when PID 1 ends: a status as wait(2) has it. */
#define STANDALONE_EXIT_TEXT "Attempted to kill init! exitcode=0x"

int standalone_check(const struct request *request, struct err *e)
{
	const struct {
		const char *name;
		bool is_used;
	} others[] = {
		{"--volume", request->volumes.count},
		{"--workdir", request->workdir},
		{"--user", request->user},
		{"--net", request->net && strcmp(request->net, "none")},
		{"--console", request->console},
	};

	if (!request->is_standalone)
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].is_used)
			return err_set(e, -EINVAL,
				       "option --standalone: not with %s: the program sets its "
				       "machine up itself, and has the console",
				       others[i].name);
	}
	return 0;
}

static int standalone_put_file(struct cpio *c, const FTSENT *entry, const char *name, struct err *e)
{
	auto_free char *data = NULL;
	size_t size = 0;
	int r = fd_read_file(AT_FDCWD, entry->fts_accpath, STANDALONE_FILE_BYTES, &data, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", entry->fts_path);
	cpio_put_file(c, name, entry->fts_statp->st_mode & 07777, data, size);
	return 0;
}

static int standalone_put_link(struct cpio *c, const FTSENT *entry, const char *name, struct err *e)
{
	char target[PATH_MAX];
	ssize_t size = readlink(entry->fts_accpath, target, sizeof(target));

	if (size < 0)
		return err_sys(e, -errno, "reading '%s'", entry->fts_path);
	cpio_put_link(c, name, target, (size_t)size);
	return 0;
}

static int standalone_put_entry(struct cpio *c, const FTSENT *entry, const char *name,
				struct err *e)
{
	switch (entry->fts_info) {
	case FTS_D:
		if (*name)
			cpio_put_dir(c, name, entry->fts_statp->st_mode & 07777);
		return 0;
	case FTS_F:
		return standalone_put_file(c, entry, name, e);
	case FTS_SL:
	case FTS_SLNONE:
		return standalone_put_link(c, entry, name, e);
	case FTS_DP:
		return 0;
	default:
		return err_sys(e, -(entry->fts_errno ? entry->fts_errno : EIO), "reading '%s'",
			       entry->fts_path);
	}
}

static int standalone_put_tree(struct cpio *c, const char *root, struct err *e)
{
	char *const roots[] = {(char *)(uintptr_t)root, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	if (!fts)
		return err_sys(e, -errno, "reading '%s'", root);
	while (r == 0 && (entry = fts_read(fts))) {
		const char *name = entry->fts_path + strlen(root);

		r = standalone_put_entry(c, entry, name + (*name == '/'), e);
	}
	fts_close(fts);
	return r;
}

static void standalone_put_words(struct cpio *c, const char *name, const char *const *words)
{
	char *data = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&data, &size);

	if (!out)
		abort();
	for (; *words; words++)
		fwrite(*words, 1, strlen(*words) + 1, out);
	fclose(out);
	cpio_put_file(c, name, 0600, data, size);
	free(data);
}

/* As the caller's environment is for any other command, less what names a user. */
static int standalone_put_start(struct cpio *c, const struct request *request, const char *program,
				const char *root, struct err *e)
{
	const char *const place[] = {program, NULL};
	auto_strv struct strv args = {0};
	auto_strv struct strv env = {0};
	struct user user = {0};
	int r = user_find("0", root, &user, e);

	if (r < 0)
		return r;
	strv_push(&args, STANDALONE_ARGV0);
	for (int i = 1; i < request->arg_count; i++)
		strv_push(&args, request->args[i]);
	environ_make(request, &user, &env);
	user_done(&user);
	cpio_put_dir(c, "standalone", 0700);
	standalone_put_words(c, "standalone/program", place);
	standalone_put_words(c, "standalone/args", (const char *const *)args.at);
	standalone_put_words(c, "standalone/env", (const char *const *)env.at);
	return 0;
}

int standalone_pack(const struct request *request, const char *root, const char *program,
		    const char *dir, struct kernel *kernel, struct err *e)
{
	struct cpio c;
	int r;

	if (!kernel->initrd)
		kernel->initrd = xasprintf("%s/standalone.cpio", dir);
	r = cpio_open(&c, kernel->initrd, e);
	if (r < 0)
		return r;
	r = standalone_put_tree(&c, root, e);
	if (r == 0)
		r = standalone_put_start(&c, request, program, root, e);
	return r < 0 ? (cpio_abandon(&c), r) : cpio_close(&c, e);
}

int standalone_status(const char *message, int told)
{
	const char *at = message ? strstr(message, STANDALONE_EXIT_TEXT) : NULL;
	unsigned int status;

	if (at && sscanf(at + strlen(STANDALONE_EXIT_TEXT), "%8x", &status) == 1)
		return WIFSIGNALED((int)status) ? 128 + WTERMSIG((int)status)
						: WEXITSTATUS((int)status);
	/* Another panic is no end of the program's. */
	if (!message || strstr(message, "kernel panic"))
		return -1;
	return told;
}
