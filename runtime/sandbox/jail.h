/* A root directory for one helper program, with nothing in it but what is listed here.
 *
 *   jail_init, jail_add_*        before the fork: decides, looks at the host
 *   jail_enter                   in the child, in a mount namespace of its own: system calls only
 *
 * Everything is read-only, without set-user-ID programs and devices; FIFOs stay writable, and what
 * jail_add_share() and jail_add_mount() add for it. The names inside are chosen by the caller,
 * never by the host's layout. Must not change ids or rights. */
#ifndef VMRT_SANDBOX_JAIL_H
#define VMRT_SANDBOX_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

#define JAIL_ITEM_MAX 40
#define JAIL_NAME_MAX 256

enum jail_kind {
	JAIL_TREE,   /* a directory of the host's with what is mounted below it */
	JAIL_SHARE,  /* the same, writable */
	JAIL_FILE,   /* a file of the host's */
	JAIL_LINK,   /* a symbolic link to `source` */
	JAIL_PROC,   /* /proc with nothing in it but the program's own processes */
	JAIL_DEVICE, /* a node of the same number as the host's, the program's own; in a user
			namespace the host's itself */
	JAIL_MOUNT,  /* a mount that is attached nowhere: the program's own, with its attributes */
	JAIL_KIND_COUNT
};

struct jail_item {
	enum jail_kind kind;
	const char *source;	  /* not copied: must live until the spawn */
	char name[JAIL_NAME_MAX]; /* relative to the root */
	dev_t device;
	int fd; /* MOUNT: its number in the child; closed there */
};

struct jail {
	const char *top; /* an empty directory to put the root together at; covered in the jail's
			    mount namespace only */
	uid_t owner;	 /* of the devices */
	gid_t group;
	size_t count;
	struct jail_item items[JAIL_ITEM_MAX];
};

void jail_init(struct jail *ret, const char *top, uid_t owner, gid_t group);

/* `name` may begin with a slash. A tree that does not exist is left out. */
void jail_add_tree(struct jail *j, const char *source, const char *name);
void jail_add_file(struct jail *j, const char *source, const char *name);
/* What the program is there to write to. */
void jail_add_share(struct jail *j, const char *source, const char *name, bool is_readonly);
/* For programs that go through /proc/self/fd. */
void jail_add_proc(struct jail *j);
/* -errno when the host has no such device. */
int jail_add_device(struct jail *j, const char *source, const char *name) VMRT_MUST_CHECK;

void jail_add_mount(struct jail *j, int child_fd, const char *name);

/* Where programs and their libraries are: /usr and the top level directories or links of a merged
 * or unmerged system, and the folder above that of `program` if it lies elsewhere. `ret_home` has
 * PATH_MAX bytes and must live as long as the jail. Read-only, of course. */
void jail_add_programs(struct jail *j, const char *program, char *ret_home);

/* A descriptor of the directory `path` whose ".." leads nowhere: it is the root of a mount that is
 * attached to none. `want` (may be -1) must be the same directory. Descriptor or -errno. */
int jail_open_dir(const char *path, int want) VMRT_MUST_CHECK;

/* In the child. 0 or -errno; `ret_stage` names the step that failed (static text). */
int jail_enter(const struct jail *j, const char **ret_stage) VMRT_MUST_CHECK;

#endif
