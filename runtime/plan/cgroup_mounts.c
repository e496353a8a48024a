/* Binds of the host's cgroup file systems at the place where a program looks for its own. Must not
 * touch those at other places: they are for who watches the host.
 *
 * systemd in a container wants a tree of its own to write to. On a host with cgroup v1 podman binds
 * the host's named hierarchy for that, and people bind all of /sys/fs/cgroup. The guest has its own
 * tree, and nothing of the host's would tell its processes anything. */
#include <string.h>
#include <sys/mount.h>

#include "runtime/plan/plan.h"

#define CGROUP_MOUNTS_TOP "/sys/fs/cgroup"

static bool cgroup_mounts_is_top(const char *path)
{
	return !strcmp(path, CGROUP_MOUNTS_TOP) || !strcmp(path, CGROUP_MOUNTS_TOP "/");
}

static bool cgroup_mounts_is_inside(const char *path)
{
	size_t size = strlen(CGROUP_MOUNTS_TOP);

	return !strncmp(path, CGROUP_MOUNTS_TOP, size) && (!path[size] || path[size] == '/');
}

/* A tree that is handed over is there to be written. */
static void cgroup_mounts_open(struct plan *p)
{
	for (uint32_t i = 0; i < p->guest.mount_count; i++) {
		struct guest_mount *g = &p->guest.mounts[i];

		if (g->kind == GUEST_MOUNT_CGROUP && cgroup_mounts_is_top(g->destination))
			g->flags &= ~(uint64_t)MS_RDONLY;
	}
}

enum plan_cgroup_bind plan_cgroup_bind(struct plan *p, const struct oci_mount *m,
				       struct guest_mount *g)
{
	if (!m->source || !cgroup_mounts_is_inside(m->source) ||
	    !cgroup_mounts_is_inside(g->destination))
		return PLAN_CGROUP_NONE;
	plan_warn(p, "config.json: mounts (%s): the guest has cgroups of its own (v2)",
		  g->destination);
	if (!cgroup_mounts_is_top(g->destination)) {
		cgroup_mounts_open(p);
		return PLAN_CGROUP_DROPPED;
	}
	g->kind = GUEST_MOUNT_CGROUP;
	g->source = "cgroup";
	g->type = "cgroup2";
	g->flags &= ~(uint64_t)(MS_BIND | MS_REC | MS_RDONLY);
	return PLAN_CGROUP_REPLACED;
}
