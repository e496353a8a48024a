/* Writes the features document. Must not decide what is supported. */
#include "runtime/oci/features.h"

#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/json_write.h"
#include "runtime/oci/mount_options.h"

#define INDENT "    "

/* The names of a table whose value is a bit number set in `mask`, in the table's order. */
static void write_names(struct json_out *out, const char *key, const struct oci_name_table *table,
			uint64_t mask)
{
	json_out_array(out, key);
	for (size_t i = 0; i < table->count; i++)
		if (mask & (UINT64_C(1) << table->at[i].value))
			json_out_string(out, NULL, table->at[i].name);
	json_out_end(out);
}

static void write_strings(struct json_out *out, const char *key, const char *const *list,
			  size_t count)
{
	json_out_array(out, key);
	for (size_t i = 0; i < count; i++)
		json_out_string(out, NULL, list[i]);
	json_out_end(out);
}

static void write_enabled(struct json_out *out, const char *key, bool is_enabled)
{
	json_out_object(out, key);
	json_out_bool(out, "enabled", is_enabled);
	json_out_end(out);
}

static void write_flags(struct json_out *out, const char *key, uint32_t flags)
{
	json_out_array(out, key);
	for (size_t i = 0; i < oci_seccomp_flags.count; i++)
		if (flags & oci_seccomp_flags.at[i].value)
			json_out_string(out, NULL, oci_seccomp_flags.at[i].name);
	json_out_end(out);
}

static void write_seccomp(struct json_out *out, const struct oci_features *f)
{
	json_out_object(out, "seccomp");
	json_out_bool(out, "enabled", f->has_seccomp);
	if (f->has_seccomp) {
		write_names(out, "actions", &oci_seccomp_actions, f->seccomp_actions);
		write_names(out, "operators", &oci_seccomp_ops, f->seccomp_ops);
		json_out_array(out, "archs");
		for (size_t i = 0; i < f->seccomp_arch_count; i++)
			json_out_string(out, NULL,
					oci_name_of(&oci_seccomp_archs, f->seccomp_archs[i]));
		json_out_end(out);
		write_flags(out, "knownFlags", f->seccomp_flags_known);
		write_flags(out, "supportedFlags", f->seccomp_flags_known);
	}
	json_out_end(out);
}

static void write_linux(struct json_out *out, const struct oci_features *f)
{
	json_out_object(out, "linux");
	write_names(out, "namespaces", &oci_namespaces, f->namespaces);
	write_names(out, "capabilities", &oci_capabilities, f->capabilities);
	json_out_object(out, "cgroup");
	json_out_bool(out, "v1", f->has_cgroup_v1);
	json_out_bool(out, "v2", f->has_cgroup_v2);
	json_out_bool(out, "systemd", f->has_systemd_cgroup);
	json_out_bool(out, "systemdUser", f->has_systemd_user_cgroup);
	json_out_bool(out, "rdma", f->has_rdma_cgroup);
	json_out_end(out);
	write_seccomp(out, f);
	write_enabled(out, "apparmor", f->has_apparmor);
	write_enabled(out, "selinux", f->has_selinux);
	write_enabled(out, "intelRdt", f->has_intel_rdt);
	write_enabled(out, "memoryPolicy", f->has_mempolicy);
	json_out_object(out, "mountExtensions");
	write_enabled(out, "idmap", f->has_idmap);
	json_out_end(out);
	write_enabled(out, "netDevices", f->has_net_devices);
	json_out_end(out);
}

int oci_features_write(const struct oci_features *f, FILE *file)
{
	struct json_out *out = json_out_new(INDENT);
	size_t count;
	const char **options = mount_option_names(f->mount_option_kinds, &count);
	int rc;

	json_out_object(out, NULL);
	json_out_string(out, "ociVersionMin", OCI_VERSION_MIN);
	json_out_string(out, "ociVersionMax", OCI_VERSION_MAX);
	write_names(out, "hooks", &oci_hook_kinds, f->hooks);
	write_strings(out, "mountOptions", options, count);
	write_linux(out, f);
	json_out_object(out, "annotations");
	for (size_t i = 0; i < f->annotations.count; i++)
		json_out_string(out, f->annotations.at[i].key, f->annotations.at[i].value);
	json_out_end(out);
	write_strings(out, "potentiallyUnsafeConfigAnnotations", f->unsafe_annotations.at,
		      f->unsafe_annotations.count);
	json_out_end(out);
	rc = json_out_print(out, file);
	json_out_free(out);
	free(options);
	return rc;
}
