/* What the guest's kernel is set to for the container, and the hooks that run in it. Must not check
 * what oci_config_check() has. */
#include "runtime/plan/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/mem.h"
#include "runtime/oci/sysctl_key.h"

/* fs.nr_open of a new kernel: an inherited limit of open files above it would be refused. */
#define KERNEL_NOFILE_MAX (1u << 20)

static int kernel_sysctls(struct plan *p, struct err *e)
{
	const struct oci_pairs *from = &p->config->linux_.sysctl;
	struct guest_pairs *to = &p->guest.sysctls;

	to->at = xcalloc(from->count, sizeof(*to->at));
	for (size_t i = 0; i < from->count; i++) {
		char path[SYSCTL_PATH_BYTES];

		if (!sysctl_key_path(from->at[i].key, path))
			return err_set(e, -EINVAL, "config.json: linux.sysctl: '%s' is no key",
				       from->at[i].key);
		to->at[to->count++] = (struct guest_pair){
			.name = plan_own(p, xstrdup(path)),
			.value = from->at[i].value,
		};
	}
	return 0;
}

static void kernel_time(struct plan *p)
{
	const struct oci_linux *l = &p->config->linux_;
	char *text = NULL;

	for (size_t i = 0; i < l->time_offset_count; i++) {
		const struct oci_time_offset *o = &l->time_offsets[i];
		char *more = xasprintf("%s%s %lld %u\n", text ? text : "", o->clock,
				       (long long)o->secs, o->nanosecs);

		free(text);
		text = more;
	}
	if (text)
		p->guest.time_offsets = plan_own(p, text);
}

static void kernel_hooks(struct plan *p)
{
	const struct oci_hooks *from = &p->config->hooks[OCI_HOOK_START_CONTAINER];

	p->guest.start_hooks = xcalloc(from->count, sizeof(*p->guest.start_hooks));
	for (size_t i = 0; i < from->count; i++) {
		const struct oci_hook *h = &from->at[i];
		struct guest_hook *g = &p->guest.start_hooks[p->guest.start_hook_count++];

		*g = (struct guest_hook){
			.path = h->path,
			.args = plan_list(&h->args),
			.env = plan_list(&h->env),
			.timeout_ms = h->has_timeout ? h->timeout_s * 1000 : 0,
		};
		if (!g->args.count) { /* plan_list() leaves room for the NULL only */
			free(g->args.at);
			g->args = plan_list(
				&(struct oci_strings){.count = 1, .at = (const char **)&h->path});
		}
	}
}

int plan_kernel(struct plan *p, struct err *e)
{
	p->guest.has_personality = p->config->linux_.has_personality;
	p->guest.personality = p->config->linux_.personality;
	kernel_time(p);
	kernel_hooks(p);
	return kernel_sysctls(p, e);
}

static bool kernel_has_rlimit(const struct guest_process *p, uint32_t resource)
{
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		if (p->rlimits[i].resource == resource)
			return true;
	}
	return false;
}

void plan_inherit_rlimits(struct guest_process *p)
{
	p->rlimits = xreallocarray(p->rlimits, p->rlimit_count + RLIM_NLIMITS, sizeof(*p->rlimits));
	for (uint32_t resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit limit;

		if (kernel_has_rlimit(p, resource) || getrlimit((int)resource, &limit) < 0)
			continue;
		if (resource == RLIMIT_NOFILE && limit.rlim_max > KERNEL_NOFILE_MAX)
			limit.rlim_max = KERNEL_NOFILE_MAX;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		p->rlimits[p->rlimit_count++] = (struct guest_rlimit){
			.resource = resource,
			.soft = limit.rlim_cur,
			.hard = limit.rlim_max,
		};
	}
}
