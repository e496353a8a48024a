/* What `spec` and `features` write is read back; the sample config is good. Run from the top. */
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/features.h"
#include "runtime/oci/json.h"
#include "runtime/oci/mount_options.h"
#include "runtime/oci/spec.h"
#include "tests/unit/tap.h"

static void test_spec(void)
{
	auto_free char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	struct oci_config *c = NULL;
	struct err e = {""};

	ok(file && !oci_spec_write(file), "spec is written");
	fclose(file);
	if (!ok(!oci_config_parse(text, size, "spec", &c, &e), "it is a config: %s", e.text))
		return;
	ok(!oci_config_check(c, &e), "it passes the check: %s", e.text);
	is_int((long long)c->warnings.count, 0, "no warnings");
	is_str(c->oci_version, OCI_VERSION_MAX, "version");
	is_str(c->process->args.at[0], "sh", "runs sh");
	ok(c->process->terminal && c->process->no_new_privileges,
	   "on a terminal, no new privileges");
	ok(c->process->caps[OCI_CAP_BOUNDING] ==
		   (1ull << CAP_AUDIT_WRITE | 1ull << CAP_KILL | 1ull << CAP_NET_BIND_SERVICE),
	   "runc's capabilities");
	is_str(c->root.path, "rootfs", "root");
	is_int((long long)c->mount_count, 7, "seven mounts");
	is_int((long long)c->linux_.namespace_count, 6, "six namespaces");
	oci_config_free(c);
}

static void test_sample(void)
{
	struct oci_config *c = NULL;
	struct err e = {""};

	if (!ok(!oci_config_load("config.json.sample", &c, &e), "the sample loads: %s", e.text))
		return;
	ok(!oci_config_check(c, &e), "it passes the check: %s", e.text);
	ok(!c->process->terminal && !strcmp(c->root.path, "rootfs"),
	   "without a terminal, in rootfs");
	is_int((long long)c->warnings.count, 0, "no warnings");
	oci_config_free(c);
}

static int has(struct json_doc *doc, const struct json_node *object, const char *key,
	       const char *want)
{
	size_t count = 0;
	const char **list = NULL;

	json_strings(doc, object, key, &count, &list);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i], want))
			return 1;
	return 0;
}

static struct json_doc *write_features(const struct oci_features *features, char **text)
{
	size_t size = 0;
	FILE *file = open_memstream(text, &size);
	struct json_doc *doc = NULL;
	static struct err e;

	ok(file && !oci_features_write(features, file), "features are written");
	fclose(file);
	if (!ok(!json_doc_parse(*text, size, "features", &doc, &e), "they are JSON: %s", e.text))
		exit(done_testing());
	return doc;
}

static void test_features(void)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86};
	static const char *unsafe[] = {"org.vmrt."};
	static struct oci_pair pair = {"org.vmrt.version", "1"};
	const struct oci_features all = {
		.hooks = 1u << OCI_HOOK_PRESTART | 1u << OCI_HOOK_POSTSTOP,
		.mount_option_kinds = 1u << MOUNT_OPTION_FLAG | 1u << MOUNT_OPTION_REC_ATTR,
		.namespaces = 1u << OCI_NS_PID,
		.capabilities = 1ull << CAP_CHECKPOINT_RESTORE,
		.has_cgroup_v2 = true,
		.has_seccomp = true,
		.seccomp_actions = 1u << OCI_SECCOMP_LOG,
		.seccomp_ops = 1u << OCI_SECCOMP_NE,
		.seccomp_archs = archs,
		.seccomp_arch_count = 2,
		.seccomp_flags_known = SECCOMP_FILTER_FLAG_LOG,
		.annotations = {1, &pair},
		.unsafe_annotations = {1, unsafe},
	};
	auto_free char *text = NULL;
	struct json_doc *doc = write_features(&all, &text);
	const struct json_node *root = json_doc_root(doc);
	const struct json_node *l = json_object(doc, root, "linux");
	const struct json_node *s = json_object(doc, l, "seccomp");
	const char *min = NULL, *max = NULL, *note = NULL;
	bool v1 = true, v2 = false, selinux = true;

	json_string(doc, root, "ociVersionMin", &min);
	json_string(doc, root, "ociVersionMax", &max);
	is_str(min, "1.0.0", "least version");
	is_str(max, "1.2.0", "greatest version");
	ok(has(doc, root, "hooks", "prestart") && has(doc, root, "hooks", "poststop") &&
		   !has(doc, root, "hooks", "createRuntime"),
	   "only the hooks that were claimed");
	ok(has(doc, root, "mountOptions", "rro") && has(doc, root, "mountOptions", "ro") &&
		   !has(doc, root, "mountOptions", "tmpcopyup") &&
		   !has(doc, root, "mountOptions", "rprivate"),
	   "only the mount options that were claimed");
	ok(has(doc, l, "namespaces", "pid") && !has(doc, l, "namespaces", "user"), "namespaces");
	ok(has(doc, l, "capabilities", "CAP_CHECKPOINT_RESTORE") &&
		   !has(doc, l, "capabilities", "CAP_CHOWN"),
	   "capabilities");
	ok(has(doc, s, "actions", "SCMP_ACT_LOG") && !has(doc, s, "actions", "SCMP_ACT_KILL"),
	   "actions");
	ok(has(doc, s, "operators", "SCMP_CMP_NE") && !has(doc, s, "operators", "SCMP_CMP_EQ"),
	   "operators");
	ok(has(doc, s, "archs", "SCMP_ARCH_X86_64") && has(doc, s, "archs", "SCMP_ARCH_X86"),
	   "architectures");
	ok(has(doc, s, "knownFlags", "SECCOMP_FILTER_FLAG_LOG") &&
		   !has(doc, s, "supportedFlags", "SECCOMP_FILTER_FLAG_TSYNC"),
	   "flags");
	json_bool(doc, json_object(doc, l, "cgroup"), "v1", &v1);
	json_bool(doc, json_object(doc, l, "cgroup"), "v2", &v2);
	json_bool(doc, json_object(doc, l, "selinux"), "enabled", &selinux);
	ok(!v1 && v2 && !selinux, "booleans");
	json_string(doc, json_object(doc, root, "annotations"), "org.vmrt.version", &note);
	is_str(note, "1", "annotations");
	ok(has(doc, root, "potentiallyUnsafeConfigAnnotations", "org.vmrt."), "unsafe ones");
	ok(!json_doc_status(doc), "every member had its type");
	json_doc_free(doc);
}

static void test_no_features(void)
{
	const struct oci_features none = {0};
	auto_free char *text = NULL;
	struct json_doc *doc = write_features(&none, &text);
	const struct json_node *s, *hooks = json_array(doc, json_doc_root(doc), "hooks");
	bool enabled = true;

	s = json_object(doc, json_object(doc, json_doc_root(doc), "linux"), "seccomp");
	ok(json_bool(doc, s, "enabled", &enabled) && !enabled && !json_member(doc, s, "actions"),
	   "no seccomp, no actions");
	ok(hooks && !hooks->count, "an empty list is a list");
	json_doc_free(doc);
}

int main(void)
{
	test_spec();
	test_sample();
	test_features();
	test_no_features();
	return done_testing();
}
