/* The container description as bytes: both directions side by side, so that they cannot differ
 * without the round-trip test seeing it. Must not interpret the values. */
#include "lib/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* The least bytes an item takes: what wire_get_count() needs to bound an allocation. */
enum {
	GUEST_MIN_STR = 4,
	GUEST_MIN_MOUNT = 6 + 5 * 4 + 3 * 8,
	GUEST_MIN_RLIMIT = 4 + 8 + 8,
	GUEST_MIN_GROUP = 4,
	GUEST_MIN_INSN = 2 + 1 + 1 + 4,
	GUEST_MIN_EBPF = 1 + 1 + 2 + 4,
	GUEST_MIN_PAIR = 4 + 4,
	GUEST_MIN_ID_RANGE = 3 * 4,
	GUEST_MIN_HOOK = 4 + 4 + 4 + 4,
	GUEST_MIN_SOCKET = 3 * 4,
	GUEST_MIN_DEVICE = 1 + 4 + 6 * 4,
};

static void guest_list_put(struct wire_out *o, const struct guest_list *l)
{
	wire_put_u32(o, l->count);
	for (uint32_t i = 0; i < l->count; i++)
		wire_put_str(o, l->at[i]);
}

/* The array gets a NULL behind the last item: it serves as argv and envp in place. */
static void guest_list_get(struct wire_in *in, struct guest_list *l)
{
	l->count = wire_get_count(in, GUEST_MIN_STR);
	l->at = xcalloc((size_t)l->count + 1, sizeof(*l->at));
	for (uint32_t i = 0; i < l->count; i++) {
		l->at[i] = wire_get_str(in);
		if (!l->at[i])
			in->is_bad = true;
	}
}

static void guest_mount_put(struct wire_out *o, const struct guest_mount *m)
{
	wire_put_u8(o, m->kind);
	wire_put_u8(o, m->is_file);
	wire_put_u8(o, m->is_socket);
	wire_put_u8(o, m->is_tmpcopyup);
	wire_put_u8(o, m->is_cow);
	wire_put_str(o, m->source);
	wire_put_str(o, m->destination);
	wire_put_str(o, m->type);
	wire_put_str(o, m->data);
	wire_put_u64(o, m->flags);
	wire_put_u8(o, m->propagation_count);
	for (uint8_t i = 0; i < m->propagation_count; i++)
		wire_put_u64(o, m->propagations[i]);
	wire_put_u64(o, m->rec_attr_set);
	wire_put_u64(o, m->rec_attr_clr);
	guest_list_put(o, &m->submounts);
}

static void guest_mount_get(struct wire_in *in, struct guest_mount *m)
{
	m->kind = wire_get_u8(in);
	m->is_file = wire_get_u8(in);
	m->is_socket = wire_get_u8(in);
	m->is_tmpcopyup = wire_get_u8(in);
	m->is_cow = wire_get_u8(in);
	m->source = wire_get_str(in);
	m->destination = wire_get_str(in);
	m->type = wire_get_str(in);
	m->data = wire_get_str(in);
	m->flags = wire_get_u64(in);
	m->propagation_count = wire_get_u8(in);
	if (m->propagation_count > GUEST_PROPAGATIONS_MAX) {
		m->propagation_count = 0;
		in->is_bad = true;
	}
	for (uint8_t i = 0; i < m->propagation_count; i++)
		m->propagations[i] = wire_get_u64(in);
	m->rec_attr_set = wire_get_u64(in);
	m->rec_attr_clr = wire_get_u64(in);
	guest_list_get(in, &m->submounts);
	if (m->kind >= GUEST_MOUNT_COUNT || !m->destination)
		in->is_bad = true;
}

static void guest_scheduling_put(struct wire_out *o, const struct guest_process *p)
{
	const struct guest_scheduler *s = &p->scheduler;

	wire_put_u8(o, p->has_io_priority);
	wire_put_u32(o, p->io_priority);
	wire_put_u8(o, p->has_scheduler);
	wire_put_u32(o, s->policy);
	wire_put_u32(o, (uint32_t)s->nice);
	wire_put_u32(o, (uint32_t)s->priority);
	wire_put_u64(o, s->flags);
	wire_put_u64(o, s->runtime_ns);
	wire_put_u64(o, s->deadline_ns);
	wire_put_u64(o, s->period_ns);
}

static void guest_scheduling_get(struct wire_in *in, struct guest_process *p)
{
	struct guest_scheduler *s = &p->scheduler;

	p->has_io_priority = wire_get_u8(in);
	p->io_priority = wire_get_u32(in);
	p->has_scheduler = wire_get_u8(in);
	s->policy = wire_get_u32(in);
	s->nice = (int32_t)wire_get_u32(in);
	s->priority = (int32_t)wire_get_u32(in);
	s->flags = wire_get_u64(in);
	s->runtime_ns = wire_get_u64(in);
	s->deadline_ns = wire_get_u64(in);
	s->period_ns = wire_get_u64(in);
}

static void guest_process_put(struct wire_out *o, const struct guest_process *p)
{
	wire_put_bytes(o, p->stdio, sizeof(p->stdio));
	wire_put_u8(o, p->builtin);
	wire_put_u8(o, p->is_terminal);
	wire_put_u16(o, p->rows);
	wire_put_u16(o, p->columns);
	wire_put_u32(o, p->uid);
	wire_put_u32(o, p->gid);
	wire_put_u32(o, p->umask);
	wire_put_u8(o, p->has_caps);
	wire_put_u8(o, p->no_new_privs);
	wire_put_u8(o, p->has_oom_score_adj);
	wire_put_u32(o, (uint32_t)p->oom_score_adj);
	guest_scheduling_put(o, p);
	for (int i = 0; i < GUEST_CAP_COUNT; i++)
		wire_put_u64(o, p->caps[i]);
	wire_put_u32(o, p->group_count);
	for (uint32_t i = 0; i < p->group_count; i++)
		wire_put_u32(o, p->groups[i]);
	wire_put_u32(o, p->rlimit_count);
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		wire_put_u32(o, p->rlimits[i].resource);
		wire_put_u64(o, p->rlimits[i].soft);
		wire_put_u64(o, p->rlimits[i].hard);
	}
	guest_list_put(o, &p->args);
	guest_list_put(o, &p->env);
	wire_put_str(o, p->cwd);
	wire_put_str(o, p->cgroup);
}

static void guest_process_get(struct wire_in *in, struct guest_process *p)
{
	const void *stdio = wire_get_bytes(in, sizeof(p->stdio));

	if (stdio)
		memcpy(p->stdio, stdio, sizeof(p->stdio));
	p->builtin = wire_get_u8(in);
	p->is_terminal = wire_get_u8(in);
	p->rows = wire_get_u16(in);
	p->columns = wire_get_u16(in);
	p->uid = wire_get_u32(in);
	p->gid = wire_get_u32(in);
	p->umask = wire_get_u32(in);
	p->has_caps = wire_get_u8(in);
	p->no_new_privs = wire_get_u8(in);
	p->has_oom_score_adj = wire_get_u8(in);
	p->oom_score_adj = (int32_t)wire_get_u32(in);
	guest_scheduling_get(in, p);
	for (int i = 0; i < GUEST_CAP_COUNT; i++)
		p->caps[i] = wire_get_u64(in);
	p->group_count = wire_get_count(in, GUEST_MIN_GROUP);
	p->groups = xcalloc(p->group_count, sizeof(*p->groups));
	for (uint32_t i = 0; i < p->group_count; i++)
		p->groups[i] = wire_get_u32(in);
	p->rlimit_count = wire_get_count(in, GUEST_MIN_RLIMIT);
	p->rlimits = xcalloc(p->rlimit_count, sizeof(*p->rlimits));
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		p->rlimits[i].resource = wire_get_u32(in);
		p->rlimits[i].soft = wire_get_u64(in);
		p->rlimits[i].hard = wire_get_u64(in);
	}
	guest_list_get(in, &p->args);
	guest_list_get(in, &p->env);
	p->cwd = wire_get_str(in);
	p->cgroup = wire_get_str(in);
	if (!p->args.count || !p->cwd || p->builtin >= GUEST_BUILTIN_COUNT)
		in->is_bad = true;
	for (size_t i = 0; i < sizeof(p->stdio); i++) {
		if (p->stdio[i] >= GUEST_STDIO_COUNT)
			in->is_bad = true;
	}
}

void guest_process_encode(struct wire_out *o, const struct guest_process *p)
{
	guest_process_put(o, p);
}

int guest_process_decode(struct wire_in *in, struct guest_process *ret)
{
	struct guest_process p = {0};

	guest_process_get(in, &p);
	if (!wire_in_end(in)) {
		guest_process_done(&p);
		return -EPROTO;
	}
	*ret = p;
	return 0;
}

void guest_process_done(struct guest_process *p)
{
	if (!p)
		return;
	free(p->groups);
	free(p->rlimits);
	free(p->args.at);
	free(p->env.at);
	*p = (struct guest_process){0};
}

static void guest_seccomp_put(struct wire_out *o, const struct guest_seccomp *s)
{
	wire_put_u32(o, s->flags);
	wire_put_u32(o, s->count);
	for (uint32_t i = 0; i < s->count; i++) {
		wire_put_u16(o, s->insns[i].code);
		wire_put_u8(o, s->insns[i].jt);
		wire_put_u8(o, s->insns[i].jf);
		wire_put_u32(o, s->insns[i].k);
	}
}

static void guest_seccomp_get(struct wire_in *in, struct guest_seccomp *s)
{
	s->flags = wire_get_u32(in);
	s->count = wire_get_count(in, GUEST_MIN_INSN);
	s->insns = xcalloc(s->count, sizeof(*s->insns));
	for (uint32_t i = 0; i < s->count; i++) {
		s->insns[i].code = wire_get_u16(in);
		s->insns[i].jt = wire_get_u8(in);
		s->insns[i].jf = wire_get_u8(in);
		s->insns[i].k = wire_get_u32(in);
	}
	if (s->count > BPF_MAXINSNS)
		in->is_bad = true;
}

static void guest_pairs_put(struct wire_out *o, const struct guest_pairs *p)
{
	wire_put_u32(o, p->count);
	for (uint32_t i = 0; i < p->count; i++) {
		wire_put_str(o, p->at[i].name);
		wire_put_str(o, p->at[i].value);
	}
}

static void guest_pairs_get(struct wire_in *in, struct guest_pairs *p)
{
	p->count = wire_get_count(in, GUEST_MIN_PAIR);
	p->at = xcalloc(p->count, sizeof(*p->at));
	for (uint32_t i = 0; i < p->count; i++) {
		p->at[i].name = wire_get_str(in);
		p->at[i].value = wire_get_str(in);
		if (!p->at[i].name || !p->at[i].value)
			in->is_bad = true;
	}
}

static void guest_devices_put(struct wire_out *o, const struct guest_container *c)
{
	wire_put_u32(o, c->device_count);
	for (uint32_t i = 0; i < c->device_count; i++) {
		const struct guest_device *d = &c->devices[i];

		wire_put_u8(o, d->type);
		wire_put_str(o, d->path);
		wire_put_u32(o, d->major);
		wire_put_u32(o, d->minor);
		wire_put_u32(o, d->mode);
		wire_put_u32(o, d->uid);
		wire_put_u32(o, d->gid);
		wire_put_u32(o, d->disk);
	}
}

static void guest_devices_get(struct wire_in *in, struct guest_container *c)
{
	c->device_count = wire_get_count(in, GUEST_MIN_DEVICE);
	c->devices = xcalloc(c->device_count, sizeof(*c->devices));
	for (uint32_t i = 0; i < c->device_count; i++) {
		struct guest_device *d = &c->devices[i];

		d->type = wire_get_u8(in);
		d->path = wire_get_str(in);
		d->major = wire_get_u32(in);
		d->minor = wire_get_u32(in);
		d->mode = wire_get_u32(in);
		d->uid = wire_get_u32(in);
		d->gid = wire_get_u32(in);
		d->disk = wire_get_u32(in);
		if (!d->path || d->disk > GUEST_DISK_MAX ||
		    (d->type != 'b' && d->type != 'c' && d->type != 'p'))
			in->is_bad = true;
	}
}

static void guest_filter_put(struct wire_out *o, const struct guest_device_filter *f)
{
	wire_put_u32(o, f->count);
	for (uint32_t i = 0; i < f->count; i++) {
		const struct bpf_insn *insn = &f->insns[i];

		wire_put_u8(o, insn->code);
		wire_put_u8(o, (uint8_t)(insn->dst_reg | insn->src_reg << 4));
		wire_put_u16(o, (uint16_t)insn->off);
		wire_put_u32(o, (uint32_t)insn->imm);
	}
	for (size_t i = 0; i < GUEST_DISK_MAX; i++)
		wire_put_u32(o, f->disk_insns[i]);
}

static void guest_filter_get(struct wire_in *in, struct guest_device_filter *f)
{
	f->count = wire_get_count(in, GUEST_MIN_EBPF);
	f->insns = xcalloc(f->count, sizeof(*f->insns));
	for (uint32_t i = 0; i < f->count; i++) {
		struct bpf_insn *insn = &f->insns[i];
		uint8_t registers;

		insn->code = wire_get_u8(in);
		registers = wire_get_u8(in);
		insn->dst_reg = registers & 0xf;
		insn->src_reg = registers >> 4;
		insn->off = (int16_t)wire_get_u16(in);
		insn->imm = (int32_t)wire_get_u32(in);
	}
	for (size_t i = 0; i < GUEST_DISK_MAX; i++) {
		f->disk_insns[i] = wire_get_u32(in);
		/* There are two of them: the number's and the one behind. */
		if (f->disk_insns[i] && (uint64_t)f->disk_insns[i] + 1 >= f->count)
			in->is_bad = true;
	}
	if (f->count > BPF_MAXINSNS)
		in->is_bad = true;
}

static void guest_hooks_put(struct wire_out *o, const struct guest_container *c)
{
	wire_put_u32(o, c->start_hook_count);
	for (uint32_t i = 0; i < c->start_hook_count; i++) {
		const struct guest_hook *h = &c->start_hooks[i];

		wire_put_str(o, h->path);
		guest_list_put(o, &h->args);
		guest_list_put(o, &h->env);
		wire_put_u32(o, h->timeout_ms);
	}
	wire_put_str(o, c->start_hook_state);
}

static void guest_hooks_get(struct wire_in *in, struct guest_container *c)
{
	c->start_hook_count = wire_get_count(in, GUEST_MIN_HOOK);
	c->start_hooks = xcalloc(c->start_hook_count, sizeof(*c->start_hooks));
	for (uint32_t i = 0; i < c->start_hook_count; i++) {
		struct guest_hook *h = &c->start_hooks[i];

		h->path = wire_get_str(in);
		guest_list_get(in, &h->args);
		guest_list_get(in, &h->env);
		h->timeout_ms = wire_get_u32(in);
		if (!h->path || !h->args.count)
			in->is_bad = true;
	}
	c->start_hook_state = wire_get_str(in);
	if (c->start_hook_count && !c->start_hook_state)
		in->is_bad = true;
}

static void guest_id_map_put(struct wire_out *o, const struct guest_id_map *m)
{
	wire_put_u32(o, m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		wire_put_u32(o, m->at[i].container);
		wire_put_u32(o, m->at[i].machine);
		wire_put_u32(o, m->at[i].size);
	}
}

static void guest_id_map_get(struct wire_in *in, struct guest_id_map *m)
{
	m->count = wire_get_count(in, GUEST_MIN_ID_RANGE);
	m->at = xcalloc(m->count, sizeof(*m->at));
	for (uint32_t i = 0; i < m->count; i++) {
		m->at[i].container = wire_get_u32(in);
		m->at[i].machine = wire_get_u32(in);
		m->at[i].size = wire_get_u32(in);
	}
}

static void guest_sockets_put(struct wire_out *o, const struct guest_container *c)
{
	wire_put_u32(o, c->socket_count);
	for (uint32_t i = 0; i < c->socket_count; i++) {
		wire_put_u32(o, c->sockets[i].mode);
		wire_put_u32(o, c->sockets[i].uid);
		wire_put_u32(o, c->sockets[i].gid);
	}
}

/* After the mounts: there is one for each that asks for one. */
static void guest_sockets_get(struct wire_in *in, struct guest_container *c)
{
	uint32_t wanted = 0;

	c->socket_count = wire_get_count(in, GUEST_MIN_SOCKET);
	c->sockets = xcalloc(c->socket_count, sizeof(*c->sockets));
	for (uint32_t i = 0; i < c->socket_count; i++) {
		c->sockets[i].mode = wire_get_u32(in);
		c->sockets[i].uid = wire_get_u32(in);
		c->sockets[i].gid = wire_get_u32(in);
	}
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct guest_mount *m = &c->mounts[i];

		wanted += m->is_socket;
		if (m->is_socket && (m->kind != GUEST_MOUNT_BIND || !m->is_file || m->is_cow))
			in->is_bad = true;
	}
	if (wanted != c->socket_count)
		in->is_bad = true;
}

void guest_container_encode(struct wire_out *o, const struct guest_container *c)
{
	wire_put_str(o, c->id);
	wire_put_str(o, c->hostname);
	wire_put_str(o, c->domainname);
	wire_put_u64(o, c->namespaces);
	guest_id_map_put(o, &c->uid_map);
	guest_id_map_put(o, &c->gid_map);
	wire_put_str(o, c->time_offsets);
	wire_put_u8(o, c->has_personality);
	wire_put_u64(o, c->personality);
	wire_put_u8(o, c->is_root_readonly);
	wire_put_u8(o, c->is_root_cow);
	wire_put_u8(o, c->is_root_disk);
	wire_put_u32(o, c->root_partition);
	wire_put_u8(o, c->has_foreign_files);
	wire_put_u64(o, c->root_propagation);
	wire_put_u64(o, (uint64_t)c->clock_realtime_ns);
	wire_put_bytes(o, c->seed, sizeof(c->seed));
	wire_put_u32(o, c->mount_count);
	for (uint32_t i = 0; i < c->mount_count; i++)
		guest_mount_put(o, &c->mounts[i]);
	guest_sockets_put(o, c);
	guest_list_put(o, &c->masked_paths);
	guest_list_put(o, &c->readonly_paths);
	guest_seccomp_put(o, &c->seccomp);
	guest_devices_put(o, c);
	guest_filter_put(o, &c->device_filter);
	guest_pairs_put(o, &c->cgroup_files);
	guest_pairs_put(o, &c->sysctls);
	guest_hooks_put(o, c);
	wire_put_str(o, c->notify_path);
	guest_process_put(o, &c->process);
}

int guest_container_decode(struct wire_in *in, struct guest_container *ret)
{
	struct guest_container c = {0};
	const void *seed;

	c.id = wire_get_str(in);
	c.hostname = wire_get_str(in);
	c.domainname = wire_get_str(in);
	c.namespaces = wire_get_u64(in);
	guest_id_map_get(in, &c.uid_map);
	guest_id_map_get(in, &c.gid_map);
	c.time_offsets = wire_get_str(in);
	c.has_personality = wire_get_u8(in);
	c.personality = wire_get_u64(in);
	c.is_root_readonly = wire_get_u8(in);
	c.is_root_cow = wire_get_u8(in);
	c.is_root_disk = wire_get_u8(in);
	c.root_partition = wire_get_u32(in);
	c.has_foreign_files = wire_get_u8(in);
	c.root_propagation = wire_get_u64(in);
	c.clock_realtime_ns = (int64_t)wire_get_u64(in);
	seed = wire_get_bytes(in, sizeof(c.seed));
	if (seed)
		memcpy(c.seed, seed, sizeof(c.seed));
	c.mount_count = wire_get_count(in, GUEST_MIN_MOUNT);
	c.mounts = xcalloc(c.mount_count, sizeof(*c.mounts));
	for (uint32_t i = 0; i < c.mount_count; i++)
		guest_mount_get(in, &c.mounts[i]);
	guest_sockets_get(in, &c);
	guest_list_get(in, &c.masked_paths);
	guest_list_get(in, &c.readonly_paths);
	guest_seccomp_get(in, &c.seccomp);
	guest_devices_get(in, &c);
	guest_filter_get(in, &c.device_filter);
	guest_pairs_get(in, &c.cgroup_files);
	guest_pairs_get(in, &c.sysctls);
	guest_hooks_get(in, &c);
	c.notify_path = wire_get_str(in);
	if (c.notify_path && *c.notify_path != '/')
		in->is_bad = true;
	guest_process_get(in, &c.process);
	if (!c.id || !wire_in_end(in)) {
		guest_container_done(&c);
		return -EPROTO;
	}
	*ret = c;
	return 0;
}

void guest_container_done(struct guest_container *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->mount_count; i++)
		free(c->mounts[i].submounts.at);
	free(c->mounts);
	free(c->sockets);
	free(c->masked_paths.at);
	free(c->readonly_paths.at);
	free(c->seccomp.insns);
	free(c->devices);
	free(c->device_filter.insns);
	free(c->cgroup_files.at);
	free(c->sysctls.at);
	free(c->uid_map.at);
	free(c->gid_map.at);
	for (uint32_t i = 0; i < c->start_hook_count; i++) {
		free(c->start_hooks[i].args.at);
		free(c->start_hooks[i].env.at);
	}
	free(c->start_hooks);
	guest_process_done(&c->process);
	*c = (struct guest_container){0};
}
