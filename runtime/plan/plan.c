/* config.json + settings -> plan. Must not change the world. */
#include "runtime/plan/plan.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/mem.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/net/net.h"
#include "runtime/oci/mount_options.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/share/submounts.h"
#include "runtime/vm/vm.h"

#define PLAN_DEFAULT_UMASK 022
#define PLAN_SUBMOUNTS_MAX 256

_Static_assert(MOUNT_PROPAGATIONS_MAX <= GUEST_PROPAGATIONS_MAX, "a mount's options must fit");

_Static_assert((int)OCI_CAP_BOUNDING == GUEST_CAP_BOUNDING &&
		       (int)OCI_CAP_EFFECTIVE == GUEST_CAP_EFFECTIVE &&
		       (int)OCI_CAP_PERMITTED == GUEST_CAP_PERMITTED &&
		       (int)OCI_CAP_INHERITABLE == GUEST_CAP_INHERITABLE &&
		       (int)OCI_CAP_AMBIENT == GUEST_CAP_AMBIENT &&
		       (int)OCI_CAP_SET_COUNT == GUEST_CAP_COUNT,
	       "capability sets have one order");

const char *plan_own(struct plan *p, char *text)
{
	p->owned = xreallocarray(p->owned, p->owned_count + 1, sizeof(*p->owned));
	p->owned[p->owned_count++] = text;
	return text;
}

void plan_warn(struct plan *p, const char *fmt, ...)
{
	char line[ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	p->warnings.at =
		xreallocarray(p->warnings.at, p->warnings.count + 1, sizeof(*p->warnings.at));
	p->warnings.at[p->warnings.count++] = plan_own(p, xstrdup(line));
}

static const char *plan_absolute(struct plan *p, const char *base, const char *path)
{
	return *path == '/' ? path : plan_own(p, xasprintf("%s/%s", base, path));
}

static int plan_root(struct plan *p, struct err *e)
{
	const struct oci_root *root = &p->config->root;
	struct stat st;

	p->rootfs = *root->path == '/' ? xstrdup(root->path)
				       : xasprintf("%s/%s", p->bundle, root->path);
	if (stat(p->rootfs, &st) < 0)
		return err_sys(e, -errno, "config.json: root.path: '%s'", p->rootfs);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "config.json: root.path: '%s' is no folder", p->rootfs);
	p->guest.is_root_readonly = root->readonly;
	p->guest.root_propagation = p->config->linux_.rootfs_propagation;
	return 0;
}

static void plan_namespaces(struct plan *p)
{
	const struct oci_linux *l = &p->config->linux_;

	for (size_t i = 0; i < l->namespace_count; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];

		if (ns->type == OCI_NS_NETWORK) {
			p->netns_path = ns->path;
			p->want_new_netns = !ns->path;
		} else {
			/* A path names a namespace of the host's kernel: the guest makes its own,
			 * and support.c says so. */
			p->guest.namespaces |= oci_ns_clone_flag(ns->type);
		}
	}
}

static void plan_id_map(const struct oci_id_mappings *from, struct guest_id_map *to)
{
	to->count = (uint32_t)from->count;
	to->at = xcalloc(from->count, sizeof(*to->at));
	for (size_t i = 0; i < from->count; i++)
		to->at[i] = (struct guest_id_range){
			.container = from->at[i].container_id,
			.machine = from->at[i].host_id,
			.size = from->at[i].size,
		};
}

static unsigned long plan_outer_id(const struct guest_id_map *map, unsigned long id)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct guest_id_range *r = &map->at[i];

		if (id >= r->container && id - r->container < r->size)
			return r->machine + (id - r->container);
	}
	return id;
}

/* "uid=" and "gid=" of a file system are the container's; the mount is made outside its user
 * namespace. Takes `data`. */
static char *plan_map_data(const struct plan *p, char *data)
{
	char *result = NULL;
	char *save = NULL;

	if (!data || !p->guest.uid_map.count)
		return data;
	for (char *word = strtok_r(data, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		const char *comma = result ? "," : "";
		const struct guest_id_map *map = !strncmp(word, "uid=", 4)   ? &p->guest.uid_map
						 : !strncmp(word, "gid=", 4) ? &p->guest.gid_map
									     : NULL;
		char *more;

		if (map && word[4] >= '0' && word[4] <= '9')
			more = xasprintf("%s%s%.4s%lu", result ? result : "", comma, word,
					 plan_outer_id(map, strtoul(word + 4, NULL, 10)));
		else
			more = xasprintf("%s%s%s", result ? result : "", comma, word);
		free(result);
		result = more;
	}
	free(data);
	return result;
}

static bool plan_is_bind(const struct oci_mount *m, const struct mount_options *o)
{
	return (m->type && !strcmp(m->type, "bind")) || (o->flags & MS_BIND);
}

static bool plan_is_overlay(const struct oci_mount *m)
{
	return m->type && !strcmp(m->type, "overlay");
}

/* What the host mounts below the source later is to appear in the guest. */
static bool plan_follows_host(const struct mount_options *o)
{
	bool is_wanted = false;

	for (size_t i = 0; i < o->propagation_count; i++)
		is_wanted = o->propagations[i] & (MS_SLAVE | MS_SHARED);
	return is_wanted;
}

static void plan_add_bind(struct plan *p, const struct oci_mount *m, const struct mount_options *o,
			  struct guest_mount *g)
{
	struct share_bind *b = &p->binds[p->bind_count];

	*b = (struct share_bind){
		.source = m->source ? plan_absolute(p, p->bundle, m->source) : "overlay",
		.destination = g->destination,
		.is_recursive = o->flags & MS_REC,
		.is_cow = o->is_cow,
		.is_readonly = o->flags & MS_RDONLY,
		.is_readonly_rec = o->rec_attr_set & MOUNT_ATTR_RDONLY,
		.is_slave = plan_follows_host(o),
	};
	if (plan_is_overlay(m)) {
		/* Layers are the host's: it is mounted there, and the guest gets the result. */
		b->overlay_data = g->data ? g->data : "";
		g->data = NULL;
	}
	g->kind = GUEST_MOUNT_BIND;
	g->is_cow = o->is_cow;
	g->source = plan_own(p, xasprintf("mounts/%zu", p->bind_count));
	g->flags |= MS_BIND;
	p->bind_count++;
}

/* ret_is_dropped: it is none of the guest's. */
static int plan_mount(struct plan *p, size_t i, struct guest_mount *g, bool *ret_is_dropped,
		      struct err *e)
{
	enum plan_cgroup_bind cgroup = PLAN_CGROUP_NONE;
	const struct oci_mount *m = &p->config->mounts[i];
	struct mount_options o = {0};
	int r = mount_options_parse(&m->options, &o, e);

	if (r < 0)
		return err_prefix(e, r, "config.json: mounts[%zu] (%s)", i, m->destination);
	*g = (struct guest_mount){
		.kind = GUEST_MOUNT_FS,
		.source = m->source,
		.destination = plan_absolute(p, "", m->destination),
		.type = m->type,
		.data = o.data ? plan_own(p, plan_map_data(p, o.data)) : NULL,
		.flags = o.flags,
		.rec_attr_set = o.rec_attr_set,
		.rec_attr_clr = o.rec_attr_clr,
		.is_tmpcopyup = o.is_tmpcopyup,
	};
	o.data = NULL;
	for (size_t n = 0; n < o.propagation_count; n++)
		g->propagations[g->propagation_count++] = o.propagations[n];
	if (plan_is_bind(m, &o))
		cgroup = plan_cgroup_bind(p, m, g);
	*ret_is_dropped = cgroup == PLAN_CGROUP_DROPPED;
	if (cgroup != PLAN_CGROUP_NONE)
		r = 0;
	else if (o.is_idmap)
		r = err_set(e, -ENOTSUP,
			    "config.json: mounts[%zu] (%s): id-mapped mounts are not supported", i,
			    m->destination);
	else if (o.is_cow && (!plan_is_bind(m, &o) || (o.flags & MS_REC)))
		r = err_set(e, -EINVAL,
			    "config.json: mounts[%zu] (%s): option 'cow' is for a 'bind' alone", i,
			    m->destination);
	else if (plan_is_bind(m, &o) && !m->source)
		r = err_set(e, -EINVAL, "config.json: mounts[%zu] (%s): a bind has no source", i,
			    m->destination);
	else if (plan_is_bind(m, &o) || plan_is_overlay(m))
		plan_add_bind(p, m, &o, g);
	else if (m->type && (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2")))
		g->kind = GUEST_MOUNT_CGROUP;
	mount_options_done(&o);
	return r;
}

/* Does a mount before this one put a file system of the guest's below its destination? */
static bool plan_is_covered(const struct plan *p, const char *destination)
{
	for (uint32_t i = 0; i < p->guest.mount_count; i++) {
		const struct guest_mount *g = &p->guest.mounts[i];
		size_t size = strlen(g->destination);

		if (g->kind != GUEST_MOUNT_BIND && !strncmp(destination, g->destination, size) &&
		    destination[size] == '/')
			return true;
	}
	return false;
}

static int plan_mounts(struct plan *p, struct err *e)
{
	size_t count = p->config->mount_count;

	p->guest.mounts = xcalloc(count, sizeof(*p->guest.mounts));
	p->binds = xcalloc(count, sizeof(*p->binds));
	for (size_t i = 0; i < count; i++) {
		struct guest_mount *g = &p->guest.mounts[p->guest.mount_count];
		bool is_dropped = false;
		int r = plan_mount(p, i, g, &is_dropped, e);

		if (r < 0)
			return r;
		if (is_dropped)
			continue;
		if (g->kind == GUEST_MOUNT_BIND)
			p->binds[p->bind_count - 1].is_covered = plan_is_covered(p, g->destination);
		p->guest.mount_count++;
	}
	return 0;
}

/* The one rule: passt where it can be used, but not for ports of the host: those of a container in
 * the host's network come and go, and a passt of 2023 (Debian 12) keeps a CPU busy for each client
 * that leaves before the guest has answered. */
void plan_set_user_network(struct plan *p, const struct user_network *host, bool is_host)
{
	struct user_network *u = &p->user_network;

	p->nic_count = 1;
	p->has_user_network = true;
	p->netns_path = NULL;
	*u = *host;
	u->want_host_ports = is_host && !p->want_user_network;
	if (u->want_host_ports || p->publish.count || !u->has_default_route)
		u->passt = NULL;
	/* systemd's, should it be the host's later: 127.0.0.1 is the host's in any case. */
	if (u->want_host_ports && (!u->resolver || u->resolver == INADDR_LOOPBACK))
		u->resolver = USER_SYSTEMD_RESOLVER;
	/* The monitor, which would ask it, is in the container's namespace. */
	if (p->want_new_netns)
		u->resolver = 0;
	if (u->want_host_ports)
		plan_warn(p, "config.json: linux.namespaces: a VM cannot share the host's network "
			     "stack: user-mode network, the host's ports lead to those that the "
			     "container listens at (IPv4)");
}

void plan_set_files(struct plan *p)
{
	size_t bind = 0;

	p->guest.sockets = xcalloc(p->bind_count, sizeof(*p->guest.sockets));
	for (uint32_t i = 0; i < p->guest.mount_count; i++) {
		const struct share_bind *b = &p->binds[bind];

		if (p->guest.mounts[i].kind != GUEST_MOUNT_BIND)
			continue;
		bind++;
		p->guest.mounts[i].is_file = b->ret_is_file;
		p->guest.mounts[i].is_socket = b->ret_is_socket;
		if (b->ret_is_socket)
			p->guest.sockets[p->guest.socket_count++] = (struct guest_socket){
				.mode = b->ret_mode, .uid = b->ret_uid, .gid = b->ret_gid};
	}
}

/* With flags for the top alone: recursive ones reach what is mounted later, too. */
static bool plan_want_submounts(const struct guest_mount *g, const struct share_bind *b)
{
	const uint64_t plain = MS_BIND | MS_REC | MS_REMOUNT;

	return (g->flags & ~plain) && b->is_recursive && !b->overlay_data && !b->ret_is_file;
}

int plan_set_submounts(struct plan *p, struct err *e)
{
	size_t bind = 0;

	for (uint32_t i = 0; i < p->guest.mount_count; i++) {
		struct guest_mount *g = &p->guest.mounts[i];
		const struct share_bind *b = g->kind == GUEST_MOUNT_BIND ? &p->binds[bind++] : NULL;
		auto_strv struct strv found = {0};
		int r;

		if (!b || !plan_want_submounts(g, b))
			continue;
		r = submounts_find(b->source, PLAN_SUBMOUNTS_MAX, &found);
		if (r < 0)
			return err_sys(e, r, "finding the mounts in '%s'", b->source);
		g->submounts.at = xcalloc(found.count + 1, sizeof(*g->submounts.at));
		for (size_t k = 0; k < found.count; k++)
			g->submounts.at[g->submounts.count++] = plan_own(p, xstrdup(found.at[k]));
	}
	return 0;
}

/* The bind whose name in the share `text` begins with; its length goes to `ret_size`. */
static const struct share_bind *plan_find_source(const struct plan *p, const char *text,
						 size_t *ret_size)
{
	static const char prefix[] = "mounts/";
	const char *number = text;
	unsigned long index;
	char *end;

	if (!strncmp(number, "/share/", 7))
		number += 7;
	if (strncmp(number, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	number += sizeof(prefix) - 1;
	index = *number >= '0' && *number <= '9' ? strtoul(number, &end, 10) : p->bind_count;
	if (index >= p->bind_count)
		return NULL;
	*ret_size = (size_t)(end - text);
	return &p->binds[index];
}

void plan_name_sources(const struct plan *p, const char *text, char *ret, size_t room)
{
	size_t used = 0;

	while (*text && used + 1 < room) {
		size_t size = 1;
		const struct share_bind *b = plan_find_source(p, text, &size);
		int n = snprintf(ret + used, room - used, "%.*s", b ? (int)room : 1,
				 b ? b->source : text);

		used += n > 0 ? (size_t)n : 0;
		text += size;
	}
	if (room)
		ret[used < room ? used : room - 1] = '\0';
}

struct guest_list plan_list(const struct oci_strings *s)
{
	struct guest_list l = {.count = (uint32_t)s->count};

	l.at = xcalloc(s->count + 1, sizeof(*l.at));
	for (size_t i = 0; i < s->count; i++)
		l.at[i] = s->at[i];
	return l;
}

static int plan_compare_groups(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* Each once, as with runc: docker names one twice that is the user's and is asked for. The kernel
 * keeps them in order, whatever they come in. */
static void plan_groups(const struct oci_process *from, struct guest_process *to)
{
	size_t count = from->user.additional_gid_count;

	to->groups = xcalloc(count, sizeof(*to->groups));
	for (size_t i = 0; i < count; i++)
		to->groups[i] = from->user.additional_gids[i];
	qsort(to->groups, count, sizeof(*to->groups), plan_compare_groups);
	to->group_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!to->group_count || to->groups[to->group_count - 1] != to->groups[i])
			to->groups[to->group_count++] = to->groups[i];
	}
}

void plan_process(const struct oci_process *from, const uint8_t stdio[3], struct guest_process *to)
{
	*to = (struct guest_process){
		.is_terminal = from->terminal,
		.rows = (uint16_t)from->console_height,
		.columns = (uint16_t)from->console_width,
	};
	memcpy(to->stdio, stdio, sizeof(to->stdio));
	to->uid = from->user.uid;
	to->gid = from->user.gid;
	to->umask = from->user.has_umask ? from->user.umask : PLAN_DEFAULT_UMASK;
	to->has_caps = from->has_capabilities;
	to->no_new_privs = from->no_new_privileges;
	to->has_oom_score_adj = from->has_oom_score_adj;
	to->oom_score_adj = from->oom_score_adj;
	to->has_io_priority = from->has_io_priority;
	if (from->has_io_priority)
		to->io_priority = IOPRIO_PRIO_VALUE(from->io_class, (uint32_t)from->io_priority);
	to->has_scheduler = from->scheduler;
	if (from->scheduler)
		to->scheduler = (struct guest_scheduler){
			.policy = from->scheduler->policy,
			.nice = from->scheduler->nice,
			.priority = from->scheduler->priority,
			.flags = from->scheduler->flags,
			.runtime_ns = from->scheduler->runtime_ns,
			.deadline_ns = from->scheduler->deadline_ns,
			.period_ns = from->scheduler->period_ns,
		};
	memcpy(to->caps, from->caps, sizeof(to->caps));
	plan_groups(from, to);
	to->rlimit_count = (uint32_t)from->rlimit_count;
	to->rlimits = xcalloc(to->rlimit_count, sizeof(*to->rlimits));
	for (uint32_t i = 0; i < to->rlimit_count; i++) {
		to->rlimits[i] = (struct guest_rlimit){
			.resource = from->rlimits[i].resource,
			.soft = from->rlimits[i].soft,
			.hard = from->rlimits[i].hard,
		};
	}
	to->args = plan_list(&from->args);
	to->env = plan_list(&from->env);
	to->cwd = from->cwd;
}

static int plan_seccomp(struct plan *p, struct err *e)
{
	const struct oci_seccomp *profile = p->config->linux_.seccomp;
	int r = profile ? seccomp_compile(profile, vm_arch_host(), &p->guest.seccomp, e) : 0;

	return r < 0 ? err_prefix(e, r, "config.json") : 0;
}

int plan_make(const struct oci_config *config, const char *bundle, const struct settings *settings,
	      const uint8_t stdio[3], struct plan **ret, struct err *e)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	int r;

	p->config = config;
	p->bundle = xstrdup(bundle);
	p->guest.hostname = config->hostname;
	p->guest.domainname = config->domainname;
	p->guest.masked_paths = plan_list(&config->linux_.masked_paths);
	p->guest.readonly_paths = plan_list(&config->linux_.readonly_paths);
	plan_namespaces(p);
	plan_id_map(&config->linux_.uid_mappings, &p->guest.uid_map);
	plan_id_map(&config->linux_.gid_mappings, &p->guest.gid_map);
	/* Whether anybody fills the namespace is known at start only. */
	p->nic_count = NET_SLOT_MAX;
	plan_process(config->process, stdio, &p->guest.process);
	r = plan_check_support(p, e);
	if (r == 0)
		r = plan_limits(p, settings, e);
	if (r == 0)
		r = plan_vm(p, settings, e);
	if (r == 0)
		r = plan_devices(p, e);
	if (r == 0)
		r = plan_kernel(p, e);
	if (r == 0)
		r = plan_root(p, e);
	if (r == 0)
		r = plan_mounts(p, e);
	if (r == 0)
		r = plan_seccomp(p, e);
	if (r < 0) {
		plan_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->owned_count; i++)
		free(p->owned[i]);
	free(p->owned);
	free(p->warnings.at);
	free(p->binds);
	free(p->bundle);
	free(p->rootfs);
	guest_container_done(&p->guest);
	cgroup_pairs_done(&p->cgroup_files);
	free(p);
}
