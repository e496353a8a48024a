/* exec: one more process in a running container. The work is the agent's and the monitor's. */
#include "runtime/cmd/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/proto.h"
#include "runtime/cmd/agent.h"
#include "runtime/cmd/container.h"
#include "runtime/cmd/foreground.h"
#include "runtime/cmd/pidfile.h"
#include "runtime/cmd/preserve.h"
#include "runtime/cmd/stdio.h"
#include "runtime/plan/plan.h"
#include "runtime/proc/spawn.h"
#include "runtime/tty/tty.h"

/* Numbers of "UID[:GID]" and of --additional-gids. */
static int exec_parse_id(const char *text, const char **ret_end, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || v >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	*ret_end = end;
	return 0;
}

static int exec_apply_user(const struct cmd_values *v, struct oci_process *p, struct err *e)
{
	const char *at = v->user;

	if (v->user) {
		if (exec_parse_id(at, &at, &p->user.uid) < 0 ||
		    (*at == ':' && exec_parse_id(at + 1, &at, &p->user.gid) < 0) || *at)
			return err_set(e, -EINVAL, "option --user: expected UID[:GID], got '%s'",
				       v->user);
	}
	if (!v->additional_gids.count)
		return 0;
	p->user.additional_gids =
		xcalloc(v->additional_gids.count, sizeof(*p->user.additional_gids));
	p->user.additional_gid_count = v->additional_gids.count;
	for (size_t i = 0; i < v->additional_gids.count; i++) {
		if (exec_parse_id(v->additional_gids.at[i], &at, &p->user.additional_gids[i]) < 0 ||
		    *at)
			return err_set(e, -EINVAL, "option --additional-gids: '%s' is no number",
				       v->additional_gids.at[i]);
	}
	return 0;
}

static int exec_apply_caps(const struct cmd_values *v, struct oci_process *p, struct err *e)
{
	for (size_t i = 0; i < v->caps.count; i++) {
		int64_t bit = oci_name_value(&oci_capabilities, v->caps.at[i]);

		if (bit < 0)
			return err_set(e, -EINVAL, "option --cap: unknown capability '%s'",
				       v->caps.at[i]);
		p->has_capabilities = true;
		for (int set = 0; set < OCI_CAP_SET_COUNT; set++)
			p->caps[set] |= UINT64_C(1) << bit;
	}
	return 0;
}

/* The container's own process, changed by the options: as runc does without --process. */
static int exec_process_of_options(const struct cmd *c, const struct oci_config *config,
				   struct oci_process *p, struct err *e)
{
	const struct cmd_values *v = &c->values;
	const char **env = xcalloc(config->process->env.count + v->env.count, sizeof(*env));
	int r;

	*p = *config->process;
	p->args = (struct oci_strings){.count = (size_t)c->argc - 1,
				       .at = (const char **)c->argv + 1};
	if (p->env.count)
		memcpy(env, p->env.at, p->env.count * sizeof(*env));
	for (size_t i = 0; i < v->env.count; i++)
		env[p->env.count + i] = v->env.at[i];
	p->env = (struct oci_strings){.count = p->env.count + v->env.count, .at = env};
	if (v->cwd)
		p->cwd = v->cwd;
	p->terminal = v->is_tty;
	p->has_console_size = false;
	p->console_height = p->console_width = 0;
	p->no_new_privileges = p->no_new_privileges || v->no_new_privs;
	r = exec_apply_user(v, p, e);
	return r < 0 ? r : exec_apply_caps(v, p, e);
}

static int exec_process_of_file(const struct cmd *c, struct oci_process **ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t size;
	int r = fd_read_file(AT_FDCWD, c->values.process, OCI_CONFIG_MAX_BYTES, &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", c->values.process);
	r = oci_process_parse(text, size, "process", ret, e);
	if (r == 0) {
		(*ret)->terminal = (*ret)->terminal || c->values.is_tty;
		r = oci_process_check(*ret, e);
	}
	return r;
}

/* "[CONTROLLER:]PATH": as runc on cgroup v2, which the guest's is. NULL: none is asked for. */
static int exec_find_cgroup(const struct cmd_values *v, const char **ret, struct err *e)
{
	const char *path = v->cgroups.count ? v->cgroups.at[0] : NULL;
	const char *colon = path ? strchr(path, ':') : NULL;

	*ret = NULL;
	if (!path)
		return 0;
	if (colon && strchr(colon + 1, ':'))
		return err_set(e, -EINVAL, "invalid --cgroup argument: %s", path);
	if (colon)
		return err_set(
			e, -EINVAL,
			"unknown controller %.*s in SubCgroupPaths: the guest has cgroup v2, "
			"where a path is one for all",
			(int)(colon - path), path);
	if (v->cgroups.count > 1)
		return err_set(e, -EINVAL,
			       "invalid --cgroup argument: %s (missing <controller>: prefix)",
			       path);
	for (const char *word = path; *word; word += strcspn(word, "/")) {
		word += strspn(word, "/");
		if (!strncmp(word, "..", 2) && (!word[2] || word[2] == '/'))
			return err_set(e, -EINVAL, "%s is not a sub cgroup path", path);
	}
	path += strspn(path, "/");
	*ret = *path ? path : NULL;
	return 0;
}

static int exec_encode(const struct oci_process *p, const char *cgroup, const struct stdio_plan *io,
		       struct err *e)
{
	auto_close int fd = memfd_create("vmrt-exec", MFD_CLOEXEC);
	struct guest_process g;
	struct wire_out o = {0};
	int r;

	plan_process(p, io->kinds, &g);
	g.cgroup = cgroup;
	stdio_set_size(io, &g);
	plan_inherit_rlimits(&g);
	guest_process_encode(&o, &g);
	r = fd < 0 ? -errno : fd_write_all(fd, o.data, o.size);
	if (r == 0 && o.size > PROTO_HOST_MAX_BYTES)
		r = -E2BIG;
	wire_out_done(&o);
	guest_process_done(&g);
	return r < 0 ? err_sys(e, r, "describing the process") : take_fd(fd);
}

static int exec_check(const struct cmd *c, const struct container *k, struct err *e)
{
	const struct cmd_values *v = &c->values;

	if (k->state.status == STATE_STOPPED)
		return err_set(e, -EINVAL, "cannot exec in a stopped container");
	if (k->state.status == STATE_PAUSED)
		/* With --ignore-paused runc joins a frozen cgroup and waits for the thaw: a VM
		 * that stands still cannot even fork. */
		return err_set(e, -EINVAL, "cannot exec in a paused container%s",
			       v->ignore_paused ? ": the VM stands still"
						: " (use --ignore-paused to override)");
	if (v->process_label || v->apparmor)
		return err_set(e, -ENOTSUP, "option --%s: the guest's kernel has no such module",
			       v->process_label ? "process-label" : "apparmor");
	if (!v->process && c->argc < 2)
		return err_set(e, -EINVAL, "process args cannot be empty");
	return preserve_check(v->preserve_fds, e);
}

/* Starts the agent and stays for its end, or not. */
static int exec_run(struct cmd *c, const struct container *k, const struct oci_process *p,
		    struct err *e)
{
	struct stdio_plan io = STDIO_NONE;
	struct agent_start start = {
		.state_dirfd = k->dirfd, .monitor_pidfd = -1, .process_fd = -1, .args = &p->args};
	auto_close int pidfd = -1;
	const char *cgroup;
	pid_t pid;
	int r = exec_find_cgroup(&c->values, &cgroup, e);

	if (r < 0)
		return r;
	if (!c->values.is_detached)
		foreground_hold_signals();
	r = stdio_prepare(&io, p, c->values.console_socket, c->values.is_detached, e);

	if (r < 0)
		return r;
	start.monitor_pidfd = state_open_monitor(k->dirfd, NULL);
	if (start.monitor_pidfd < 0)
		r = err_set(e, -ESRCH, "cannot exec in a stopped container");
	if (r == 0) {
		start.process_fd = exec_encode(p, cgroup, &io, e);
		r = start.process_fd < 0 ? start.process_fd : 0;
	}
	memcpy(start.stdio, io.fds, sizeof(start.stdio));
	start.tty_fd = io.tty_fd;
	start.owns_tty = io.owns_tty;
	start.raw = &io.raw;
	start.caller_pidfd = io.caller_pidfd;
	if (r == 0)
		r = agent_start(&start, &pid, &pidfd, e);
	fd_close(&start.monitor_pidfd);
	fd_close(&start.process_fd);
	if (r == 0)
		r = pid_file_write(c->values.pid_file, pid, e);
	if (r == 0 && !c->values.is_detached)
		r = foreground_wait(pidfd, &io, e);
	/* A failure is one: nothing of the session goes on behind it. */
	if (r < 0 && pidfd >= 0)
		spawn_kill(&pidfd);
	stdio_done(&io);
	if (r < 0)
		return r;
	c->exit_status = r;
	return 0;
}

int cmd_exec(struct cmd *c, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	struct oci_config *config = NULL;
	struct oci_process *from_file = NULL;
	struct oci_process process;
	int r = container_open(c, c->argv[0], &k, e);

	if (r == 0)
		r = exec_check(c, &k, e);
	if (r == 0 && c->values.process) {
		r = exec_process_of_file(c, &from_file, e);
		process = r == 0 ? *from_file : (struct oci_process){0};
	} else if (r == 0) {
		r = container_load_config(&k, &config, e);
		if (r == 0)
			r = exec_process_of_options(c, config, &process, e);
	}
	if (r == 0)
		r = exec_run(c, &k, &process, e);
	oci_process_free(from_file);
	oci_config_free(config);
	return r < 0 ? err_prefix(e, r, "exec failed") : 0;
}
