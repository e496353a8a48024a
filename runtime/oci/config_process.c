/* Reads `process`: of config.json and of `exec --process`. Must not check what needs the rest of
 * the config, nor look anything up on the host. */
#include <errno.h>

#include "lib/mem.h"
#include "runtime/oci/config_read.h"

#define OOM_SCORE_ADJ_MAX 1000

static void read_user(struct oci_reader *r, const struct json_node *process, struct oci_user *ret)
{
	const struct json_node *user = json_object(r->doc, process, "user");

	json_u32(r->doc, user, "uid", &ret->uid);
	json_u32(r->doc, user, "gid", &ret->gid);
	ret->has_umask = json_u32(r->doc, user, "umask", &ret->umask);
	json_u32s(r->doc, user, "additionalGids", &ret->additional_gid_count,
		  &ret->additional_gids);
}

static void read_console_size(struct oci_reader *r, const struct json_node *process,
			      struct oci_process *ret)
{
	const struct json_node *size = json_object(r->doc, process, "consoleSize");

	ret->has_console_size = size != NULL;
	json_u32(r->doc, size, "height", &ret->console_height);
	json_u32(r->doc, size, "width", &ret->console_width);
}

/* An unknown capability is ignored with a warning, as runc does: a newer engine may know more of
 * them than our headers do, and a capability nobody knows cannot be granted anyway. */
static uint64_t read_cap_set(struct oci_reader *r, const struct json_node *caps, const char *set)
{
	const struct json_node *list = json_array(r->doc, caps, set);
	char buf[JSON_EXCERPT_BYTES];
	uint64_t mask = 0;

	for (const struct json_node *node = list ? list->first : NULL; node; node = node->next) {
		const char *name = json_text(r->doc, node);
		int64_t bit = oci_name_value(&oci_capabilities, name);

		if (bit >= 0)
			mask |= UINT64_C(1) << bit;
		else
			oci_warn(r, "ignoring unknown or unavailable capability '%s'",
				 json_excerpt(buf, name));
	}
	return mask;
}

static void read_capabilities(struct oci_reader *r, const struct json_node *process,
			      struct oci_process *ret)
{
	const struct json_node *caps = json_object(r->doc, process, "capabilities");

	ret->has_capabilities = caps != NULL;
	for (uint32_t set = 0; caps && set < OCI_CAP_SET_COUNT; set++)
		ret->caps[set] = read_cap_set(r, caps, oci_name_of(&oci_cap_sets, set));
}

static void read_rlimits(struct oci_reader *r, const struct json_node *process,
			 struct oci_process *ret)
{
	const struct json_node *node = oci_read_objects(
		r, process, "rlimits", sizeof(*ret->rlimits), &ret->rlimit_count, &ret->rlimits);
	char buf[JSON_EXCERPT_BYTES];

	for (; node; node = node->next) {
		struct oci_rlimit *limit = &ret->rlimits[node->index];
		const char *type = "";
		int64_t resource;

		json_require(r->doc, node, "type");
		json_require(r->doc, node, "soft");
		json_require(r->doc, node, "hard");
		json_string(r->doc, node, "type", &type);
		json_u64(r->doc, node, "soft", &limit->soft);
		json_u64(r->doc, node, "hard", &limit->hard);
		resource = oci_name_value(&oci_rlimits, type);
		if (resource >= 0)
			limit->resource = (uint32_t)resource;
		else /* runc's words */
			json_fail(r->doc, json_member(r->doc, node, "type"),
				  "wrong rlimit value: %s", json_excerpt(buf, type));
	}
}

static void read_scheduler(struct oci_reader *r, const struct json_node *process,
			   struct oci_process *ret)
{
	const struct json_node *node = json_object(r->doc, process, "scheduler");
	struct oci_scheduler *s;

	if (!node)
		return;
	s = ret->scheduler = json_alloc(r->doc, 1, sizeof(*s));
	json_require(r->doc, node, "policy");
	oci_read_name(r, node, "policy", &oci_sched_policies, &s->policy);
	json_i32(r->doc, node, "nice", &s->nice);
	json_i32(r->doc, node, "priority", &s->priority);
	oci_read_flags(r, node, "flags", &oci_sched_flags, &s->flags);
	json_u64(r->doc, node, "runtime", &s->runtime_ns);
	json_u64(r->doc, node, "deadline", &s->deadline_ns);
	json_u64(r->doc, node, "period", &s->period_ns);
}

static void read_io_priority(struct oci_reader *r, const struct json_node *process,
			     struct oci_process *ret)
{
	const struct json_node *node = json_object(r->doc, process, "ioPriority");

	if (!node)
		return;
	ret->has_io_priority = true;
	json_require(r->doc, node, "class");
	oci_read_name(r, node, "class", &oci_io_classes, &ret->io_class);
	json_i32(r->doc, node, "priority", &ret->io_priority);
}

static void read_oom_score_adj(struct oci_reader *r, const struct json_node *process,
			       struct oci_process *ret)
{
	const char *key = "oomScoreAdj";
	int32_t value;

	if (!json_i32(r->doc, process, key, &value))
		return;
	if (value < -OOM_SCORE_ADJ_MAX || value > OOM_SCORE_ADJ_MAX)
		json_fail(r->doc, json_member(r->doc, process, key),
			  "%d is out of range (-1000 to 1000)", value);
	ret->has_oom_score_adj = true;
	ret->oom_score_adj = value;
}

void oci_read_process(struct oci_reader *r, const struct json_node *node, struct oci_process *ret)
{
	const struct json_node *affinity;

	json_bool(r->doc, node, "terminal", &ret->terminal);
	json_bool(r->doc, node, "noNewPrivileges", &ret->no_new_privileges);
	read_console_size(r, node, ret);
	read_user(r, node, &ret->user);
	oci_read_strings(r, node, "args", &ret->args);
	oci_read_strings(r, node, "env", &ret->env);
	json_string(r->doc, node, "cwd", &ret->cwd);
	read_capabilities(r, node, ret);
	read_rlimits(r, node, ret);
	json_string(r->doc, node, "apparmorProfile", &ret->apparmor_profile);
	json_string(r->doc, node, "selinuxLabel", &ret->selinux_label);
	read_oom_score_adj(r, node, ret);
	read_scheduler(r, node, ret);
	read_io_priority(r, node, ret);
	affinity = json_object(r->doc, node, "execCPUAffinity");
	json_string(r->doc, affinity, "initial", &ret->exec_affinity_initial);
	json_string(r->doc, affinity, "final", &ret->exec_affinity_final);
}

int oci_process_parse(const char *text, size_t size, const char *name, struct oci_process **ret,
		      struct err *e)
{
	struct oci_reader r = {0};
	struct oci_process *process;
	int rc = json_doc_parse(text, size, name, &r.doc, e);

	if (rc)
		return rc;
	process = xcalloc(1, sizeof(*process));
	process->doc = r.doc;
	if (json_expect(r.doc, json_doc_root(r.doc), JSON_OBJECT))
		oci_read_process(&r, json_doc_root(r.doc), process);
	process->warnings = oci_reader_warnings(&r);
	rc = json_doc_close(r.doc);
	if (rc) {
		oci_process_free(process);
		return rc;
	}
	*ret = process;
	return 0;
}

void oci_process_free(struct oci_process *process)
{
	if (!process)
		return;
	json_doc_free(process->doc);
	free(process);
}
