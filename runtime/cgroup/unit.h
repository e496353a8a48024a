/* A container's cgroup as a unit of systemd's: its name and its properties. Pure.
 *
 *   "slice:prefix:name" ─> unit_name_parse() ─> slice, prefix-name.scope ─┐
 *   linux.resources ─> cgroup_limits_of_host() ─> files ─> properties ────┼─> systemd.h
 *   org.systemd.property.* of the annotations ─> properties ──────────────┘ */
#ifndef VMRT_CGROUP_UNIT_H
#define VMRT_CGROUP_UNIT_H

#include "runtime/cgroup/host.h"

struct unit_name {
	char *slice; /* the parent */
	char *unit;  /* a scope, or a slice when the path's name is one */
	char *label; /* the container's name, for the description */
	bool is_slice;
};

/* `cgroups_path` of config.json when --systemd-cgroup is given; NULL or "": vmrt-ID.scope in
 * system.slice. Free with unit_name_done(), also after a failure. */
int unit_name_parse(const char *cgroups_path, const char *id, struct unit_name *ret,
		    struct err *e) VMRT_MUST_CHECK;
void unit_name_done(struct unit_name *n);

/* One property; the members that `type`, a D-Bus signature, does not need are zero. */
struct unit_property {
	char *name;
	char type[3];	 /* b y n q i u x t: `number`; s: `texts[0]`; as: `texts`; ay: `bytes` */
	uint64_t number; /* of signed types: the same bits */
	size_t text_count;
	char **texts;
	size_t byte_count;
	uint8_t *bytes;
};

struct unit_properties {
	size_t count;
	struct unit_property *at;
};

/* The limits of the host's cgroup, with the VM's own needs, as far as systemd knows of them: so
 * that it keeps them when it is told to reload. `r` may be NULL. Appends to *to. */
void unit_properties_of_limits(const struct oci_resources *r,
			       const struct cgroup_overhead *overhead, bool is_v2,
			       struct unit_properties *to);
/* Annotations org.systemd.property.NAME, whose values have GVariant's text form: true, 5,
 * uint64 5, 'text', ['a', 'b']. Fails, naming the annotation, for any other form. Appends to *to,
 * also when it fails. */
int unit_properties_of_annotations(const struct oci_pairs *annotations, struct unit_properties *to,
				   struct err *e) VMRT_MUST_CHECK;
void unit_properties_done(struct unit_properties *p);

#endif
