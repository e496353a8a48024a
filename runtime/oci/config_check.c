/* What runc refuses before it touches the host, in its words. Pure: must not open, stat or run
 * anything, nor know what vmrt supports.
 *
 * Differences on purpose: sysctls are not limited to the namespaced ones, because the guest's
 * kernel is the container's own; unknown namespace types pass (oci_reader has warned of them). */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "runtime/oci/config.h"
#include "runtime/oci/json.h"
#include "runtime/oci/mount_options.h"
#include "runtime/oci/sysctl_key.h"

#include <linux/sched.h>
#include <sys/mount.h>

#define IO_PRIORITY_MAX 7
#define NICE_MIN	-20
#define NICE_MAX	19

/* Digits without a leading zero. */
static const char *skip_number(const char *p)
{
	if (*p == '0')
		return p + 1;
	if (!isdigit((unsigned char)*p))
		return NULL;
	while (isdigit((unsigned char)*p))
		p++;
	return p;
}

/* Semantic versioning 2.0.0: three numbers, then perhaps "-pre" or "+build". */
static bool version_is_semver(const char *version)
{
	const char *p = version;

	for (int i = 0; i < 3; i++) {
		if (i && *p++ != '.')
			return false;
		p = skip_number(p);
		if (!p)
			return false;
	}
	return !*p || ((*p == '-' || *p == '+') && p[1]);
}

static int check_version(const char *version, struct err *e)
{
	char buf[JSON_EXCERPT_BYTES];

	if (!version_is_semver(version))
		return err_set(e, -EINVAL, "ociVersion '%s' is not a semantic version",
			       json_excerpt(buf, version));
	/* The specification's own examples are of 0.x. */
	if (strncmp(version, "1.", 2) != 0 && strncmp(version, "0.", 2) != 0)
		return err_set(e, -EINVAL,
			       "unsupported ociVersion '%s': only 0.x and 1.x are known",
			       json_excerpt(buf, version));
	return 0;
}

static int check_rlimits(const struct oci_process *process, struct err *e)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct oci_rlimit *limit = &process->rlimits[i];
		const char *name = oci_name_of(&oci_rlimits, limit->resource);

		if (seen & (UINT64_C(1) << limit->resource))
			return err_set(e, -EINVAL, "process.rlimits: duplicated rlimit %s", name);
		seen |= UINT64_C(1) << limit->resource;
		if (limit->soft > limit->hard)
			return err_set(e, -EINVAL,
				       "process.rlimits: %s: the soft limit is above the hard one",
				       name);
	}
	return 0;
}

static int check_scheduler(const struct oci_scheduler *s, struct err *e)
{
	if (!s)
		return 0;
	if (s->nice < NICE_MIN || s->nice > NICE_MAX)
		return err_set(e, -EINVAL, "invalid scheduler.nice: %d", s->nice);
	if (s->priority && s->policy != SCHED_FIFO && s->policy != SCHED_RR)
		return err_set(e, -EINVAL,
			       "scheduler.priority can only be specified for SchedFIFO "
			       "or SchedRR policy");
	if (s->policy != SCHED_DEADLINE && (s->runtime_ns || s->deadline_ns || s->period_ns))
		return err_set(e, -EINVAL,
			       "scheduler runtime/deadline/period can only be specified "
			       "for SchedDeadline policy");
	return 0;
}

int oci_process_check(const struct oci_process *process, struct err *e)
{
	int rc;

	if (!process)
		return err_set(e, -EINVAL, "process property must not be empty");
	if (!process->cwd)
		return err_set(e, -EINVAL, "Cwd property must not be empty");
	if (*process->cwd != '/')
		return err_set(e, -EINVAL, "Cwd must be an absolute path");
	if (!process->args.count)
		return err_set(e, -EINVAL, "args must not be empty");
	if (process->has_io_priority &&
	    (process->io_priority < 0 || process->io_priority > IO_PRIORITY_MAX))
		return err_set(e, -EINVAL, "invalid ioPriority.Priority: %d", process->io_priority);
	rc = check_rlimits(process, e);
	return rc ? rc : check_scheduler(process->scheduler, e);
}

static int check_mount(const struct oci_mount *mount, struct err *e)
{
	struct mount_options options;
	char buf[JSON_EXCERPT_BYTES];
	bool is_mapped = mount->uid_mappings.count || mount->gid_mappings.count;
	bool is_bind;
	int rc = mount_options_parse(&mount->options, &options, e);

	if (rc)
		return err_prefix(e, rc, "invalid mount %s", json_excerpt(buf, mount->destination));
	is_bind = options.flags & MS_BIND;
	mount_options_done(&options);
	if (is_mapped && !is_bind)
		return err_set(e, -EINVAL,
			       "invalid mount %s: gidMappings/uidMappings is supported only for "
			       "mounts with the option 'bind'",
			       json_excerpt(buf, mount->destination));
	return 0;
}

static int check_hooks(const struct oci_config *config, struct err *e)
{
	char buf[JSON_EXCERPT_BYTES];

	for (uint32_t kind = 0; kind < OCI_HOOK_COUNT; kind++) {
		const char *name = oci_name_of(&oci_hook_kinds, kind);

		for (size_t i = 0; i < config->hooks[kind].count; i++) {
			const struct oci_hook *hook = &config->hooks[kind].at[i];

			if (*hook->path != '/')
				return err_set(e, -EINVAL,
					       "hooks.%s[%zu]: path '%s' is not absolute", name, i,
					       json_excerpt(buf, hook->path));
			if (hook->has_timeout && !hook->timeout_s)
				return err_set(e, -EINVAL,
					       "hooks.%s[%zu]: timeout must be greater than zero",
					       name, i);
		}
	}
	return 0;
}

static int check_namespaces(const struct oci_linux *l, struct err *e)
{
	char type[JSON_EXCERPT_BYTES], path[JSON_EXCERPT_BYTES];

	for (size_t i = 0; i < l->namespace_count; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];

		json_excerpt(type, ns->name);
		json_excerpt(path, ns->path ? ns->path : "");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(l->namespaces[j].name, ns->name))
				return err_set(e, -EINVAL,
					       "malformed spec file: duplicated ns {\"%s\" \"%s\"}",
					       type, path);
		if (ns->path && *ns->path != '/')
			return err_set(e, -EINVAL,
				       "linux.namespaces: path '%s' of %s is not absolute", path,
				       type);
	}
	return 0;
}

/* Members that make no sense without a namespace of the container's own. */
static int check_needs_namespace(const struct oci_config *config, struct err *e)
{
	const struct oci_linux *l = &config->linux_;

	if (config->hostname && !oci_config_namespace(config, OCI_NS_UTS))
		return err_set(e, -EINVAL,
			       "unable to set hostname without a private UTS namespace");
	if (config->domainname && !oci_config_namespace(config, OCI_NS_UTS))
		return err_set(e, -EINVAL,
			       "unable to set domainname without a private UTS namespace");
	if ((l->masked_paths.count || l->readonly_paths.count) &&
	    !oci_config_namespace(config, OCI_NS_MOUNT))
		return err_set(e, -EINVAL,
			       "unable to restrict sys entries without a private MNT namespace");
	if ((l->uid_mappings.count || l->gid_mappings.count) &&
	    !oci_config_namespace(config, OCI_NS_USER))
		return err_set(e, -EINVAL,
			       "User namespace mappings specified, but USER namespace "
			       "isn't enabled in the config");
	if (l->time_offset_count && !oci_config_namespace(config, OCI_NS_TIME))
		return err_set(e, -EINVAL,
			       "time namespace offsets specified, but time namespace "
			       "isn't enabled in the config");
	return 0;
}

static int check_sysctl(const struct oci_config *config, struct err *e)
{
	char path[SYSCTL_PATH_BYTES], buf[JSON_EXCERPT_BYTES];

	for (size_t i = 0; i < config->linux_.sysctl.count; i++) {
		const char *key = config->linux_.sysctl.at[i].key;

		if (!sysctl_key_path(key, path))
			return err_set(e, -EINVAL, "sysctl \"%s\" is not a valid name",
				       json_excerpt(buf, key));
		if (!strcmp(path, "kernel/hostname") && oci_config_namespace(config, OCI_NS_UTS))
			return err_set(e, -EINVAL,
				       "sysctl \"%s\" is not allowed as it conflicts "
				       "with the OCI \"hostname\" field",
				       key);
	}
	return 0;
}

static int check_seccomp(const struct oci_seccomp *s, struct err *e)
{
	bool has_notify = false;

	if (!s)
		return 0;
	if (s->default_action == OCI_SECCOMP_NOTIFY)
		return err_set(e, -EINVAL, "SCMP_ACT_NOTIFY cannot be used as default action");
	for (size_t i = 0; i < s->rule_count; i++) {
		if (s->rules[i].action != OCI_SECCOMP_NOTIFY)
			continue;
		has_notify = true;
		for (size_t j = 0; j < s->rules[i].names.count; j++)
			if (!strcmp(s->rules[i].names.at[j], "write"))
				return err_set(e, -EINVAL,
					       "SCMP_ACT_NOTIFY cannot be used for the "
					       "write syscall");
	}
	if (has_notify && !s->listener_path)
		return err_set(e, -EINVAL, "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
	if (s->listener_metadata && !s->listener_path)
		return err_set(e, -EINVAL, "linux.seccomp: listenerMetadata needs a listenerPath");
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *rdt, struct err *e)
{
	const char *id = rdt ? rdt->clos_id : NULL;
	char buf[JSON_EXCERPT_BYTES];

	if (id && (!strcmp(id, ".") || !strcmp(id, "..") || strchr(id, '/')))
		return err_set(e, -EINVAL, "invalid intelRdt.ClosID \"%s\"", json_excerpt(buf, id));
	return 0;
}

int oci_config_check(const struct oci_config *config, struct err *e)
{
	int rc = check_version(config->oci_version, e);

	if (!rc)
		rc = oci_process_check(config->process, e);
	if (!rc && !config->has_root)
		rc = err_set(e, -EINVAL, "root must be specified");
	for (size_t i = 0; !rc && i < config->mount_count; i++)
		rc = check_mount(&config->mounts[i], e);
	if (!rc)
		rc = check_hooks(config, e);
	if (!rc)
		rc = check_namespaces(&config->linux_, e);
	if (!rc)
		rc = check_seccomp(config->linux_.seccomp, e);
	if (!rc)
		rc = check_needs_namespace(config, e);
	if (!rc)
		rc = check_sysctl(config, e);
	if (!rc)
		rc = check_intel_rdt(config->linux_.intel_rdt, e);
	return rc;
}
