/* Mount options of config.json -> flags, attributes and the file system's own data.
 *
 * One table for the parser and for `features`. The meaning is that of mount(8) and of runc; an
 * option that is not in the table goes to the file system as data. */
#ifndef VMRT_OCI_MOUNT_OPTIONS_H
#define VMRT_OCI_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/oci/config_process.h"

#define MOUNT_PROPAGATIONS_MAX 4

enum mount_option_kind {
	MOUNT_OPTION_FLAG,	  /* MS_*: of this mount */
	MOUNT_OPTION_PROPAGATION, /* MS_PRIVATE, ... with or without MS_REC */
	MOUNT_OPTION_REC_ATTR,	  /* MOUNT_ATTR_*: recursive, by mount_setattr(2) */
	MOUNT_OPTION_TMPCOPYUP,	  /* a tmpfs that starts with a copy of what it covers */
	MOUNT_OPTION_COW,	  /* changes vanish with the VM: an extension of vmrt's */
	MOUNT_OPTION_IDMAP,	  /* idmap, ridmap, also with "=MAPPINGS" */
	MOUNT_OPTION_KIND_COUNT
};

struct mount_options {
	unsigned long flags;	     /* MS_* to set, MS_BIND and MS_REC (rbind) among them */
	unsigned long cleared_flags; /* MS_* that an option like "rw" or "exec" turned off */
	/* In the order of the options; each is a mount(2) of its own. */
	size_t propagation_count;
	unsigned long propagations[MOUNT_PROPAGATIONS_MAX];
	uint64_t rec_attr_set; /* for mount_setattr(AT_RECURSIVE); nothing to do if both are 0 */
	uint64_t rec_attr_clr;
	bool is_tmpcopyup;
	bool is_cow;
	bool is_idmap;
	bool is_idmap_recursive;
	const char *idmap_mappings; /* behind "idmap=", borrowed; NULL: those of the mount */
	char *data;		    /* owned: what is left, joined by commas; NULL: nothing */
};

/* 0 or -EINVAL. The options must outlive *ret. */
int mount_options_parse(const struct oci_strings *options, struct mount_options *ret,
			struct err *e) VMRT_MUST_CHECK;
void mount_options_done(struct mount_options *options);

/* The names of the kinds in the mask (1u << kind), sorted. Owned by the caller (the array only). */
const char **mount_option_names(unsigned int kinds, size_t *ret_count);

#endif
