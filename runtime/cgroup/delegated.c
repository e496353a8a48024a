/* Which of the host's cgroups a user may use. Must not make any. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/cgroup/host.h"
#include "runtime/userns/userns.h"

/* Can the cgroup be made, below what is there of its parents, and processes be moved into it? */
static bool delegated_is_ours(const struct cgroup_host_dir *d)
{
	auto_free char *path = xstrdup(d->path);
	auto_free char *procs = NULL;

	while (strlen(path) > strlen(d->mount) && access(path, F_OK) < 0)
		*strrchr(path, '/') = '\0';
	procs = xasprintf("%s/cgroup.procs", path);
	return access(path, W_OK) == 0 && access(procs, W_OK) == 0;
}

void cgroup_host_keep_own(struct cgroup_host *h)
{
	size_t kept = 0;

	h->is_users = !userns_is_initial();
	if (!h->is_users)
		return;
	for (size_t i = 0; i < h->count; i++) {
		struct cgroup_host_dir *d = &h->at[i];

		if (delegated_is_ours(d)) {
			h->at[kept++] = *d;
			continue;
		}
		free(d->path);
		free(d->mount);
		free(d->controllers);
	}
	h->count = kept;
}
