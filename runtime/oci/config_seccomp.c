/* Reads `linux.seccomp` of config.json. Must not know libseccomp nor which syscalls exist: names
 * stay names until the filter is compiled for the guest's architecture. */
#include "runtime/oci/config_read.h"

#define SYSCALL_ARG_MAX 5
#define ERRNO_RET_MAX	UINT16_MAX /* SECCOMP_RET_DATA */

/* Only ERRNO and TRACE carry a number; the specification makes another combination an error. */
static void read_errno_ret(struct oci_reader *r, const struct json_node *object, const char *key,
			   enum oci_seccomp_action action, struct oci_opt_u32 *ret)
{
	ret->has = json_u32_range(r->doc, object, key, ERRNO_RET_MAX, &ret->value);
	if (ret->has && action != OCI_SECCOMP_ERRNO && action != OCI_SECCOMP_TRACE)
		json_fail(r->doc, json_member(r->doc, object, key),
			  "is only possible with SCMP_ACT_ERRNO and SCMP_ACT_TRACE");
}

static void read_action(struct oci_reader *r, const struct json_node *object, const char *key,
			enum oci_seccomp_action *ret)
{
	uint32_t value = OCI_SECCOMP_KILL_PROCESS;

	json_require(r->doc, object, key);
	oci_read_name(r, object, key, &oci_seccomp_actions, &value);
	*ret = value;
}

static void read_args(struct oci_reader *r, const struct json_node *rule_node,
		      struct oci_seccomp_rule *rule)
{
	const struct json_node *node = oci_read_objects(r, rule_node, "args", sizeof(*rule->args),
							&rule->arg_count, &rule->args);

	for (; node; node = node->next) {
		struct oci_seccomp_arg *arg = &rule->args[node->index];
		uint32_t op = OCI_SECCOMP_EQ;

		json_require(r->doc, node, "index");
		json_require(r->doc, node, "value");
		json_require(r->doc, node, "op");
		json_u32_range(r->doc, node, "index", SYSCALL_ARG_MAX, &arg->index);
		json_u64(r->doc, node, "value", &arg->value);
		json_u64(r->doc, node, "valueTwo", &arg->value_two);
		oci_read_name(r, node, "op", &oci_seccomp_ops, &op);
		arg->op = op;
	}
}

static void read_rules(struct oci_reader *r, const struct json_node *seccomp,
		       struct oci_seccomp *ret)
{
	const struct json_node *node = oci_read_objects(r, seccomp, "syscalls", sizeof(*ret->rules),
							&ret->rule_count, &ret->rules);

	for (; node; node = node->next) {
		struct oci_seccomp_rule *rule = &ret->rules[node->index];

		json_require(r->doc, node, "names");
		oci_read_strings(r, node, "names", &rule->names);
		if (!rule->names.count)
			json_fail(r->doc, node, "names is empty");
		read_action(r, node, "action", &rule->action);
		read_errno_ret(r, node, "errnoRet", rule->action, &rule->errno_ret);
		read_args(r, node, rule);
	}
}

static void read_archs(struct oci_reader *r, const struct json_node *seccomp,
		       struct oci_seccomp *ret)
{
	const struct json_node *list = json_array(r->doc, seccomp, "architectures");
	char buf[JSON_EXCERPT_BYTES];

	if (!list)
		return;
	ret->archs = json_alloc(r->doc, list->count, sizeof(*ret->archs));
	ret->arch_count = list->count;
	for (const struct json_node *node = list->first; node; node = node->next) {
		const char *name = json_text(r->doc, node);
		int64_t value = oci_name_value(&oci_seccomp_archs, name);

		if (value < 0)
			json_fail(r->doc, node, "unknown %s '%s'", oci_seccomp_archs.what,
				  json_excerpt(buf, name));
		else
			ret->archs[node->index] = (uint32_t)value;
	}
}

struct oci_seccomp *oci_read_seccomp(struct oci_reader *r, const struct json_node *node)
{
	struct oci_seccomp *ret;
	const struct json_node *rules;
	uint64_t flags = 0;

	rules = json_array(r->doc, node, "syscalls");
	if (!node || (!json_member(r->doc, node, "defaultAction") && (!rules || !rules->count)))
		return NULL; /* runc too takes that for "no seccomp" */
	ret = json_alloc(r->doc, 1, sizeof(*ret));
	read_action(r, node, "defaultAction", &ret->default_action);
	read_errno_ret(r, node, "defaultErrnoRet", ret->default_action, &ret->default_errno_ret);
	read_archs(r, node, ret);
	ret->has_flags = oci_read_flags(r, node, "flags", &oci_seccomp_flags, &flags);
	ret->flags = (uint32_t)flags;
	json_string(r->doc, node, "listenerPath", &ret->listener_path);
	json_string(r->doc, node, "listenerMetadata", &ret->listener_metadata);
	read_rules(r, node, ret);
	return ret;
}
