/* Writes the default config.json. Must not read anything: the same text everywhere. The choices
 * are those of runc, so that a bundle made for the one runs under the other. */
#include "runtime/oci/spec.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/resource.h>

#include "runtime/oci/config.h"
#include "runtime/oci/json_write.h"

#define INDENT	     "\t"
#define NOFILE_LIMIT 1024

struct spec_mount {
	const char *destination;
	const char *type;
	const char *source;
	const char *options[8]; /* NULL at the end */
};

static const struct spec_mount spec_mounts[] = {
	{"/proc", "proc", "proc", {NULL}},
	{"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
	{"/dev/pts",
	 "devpts",
	 "devpts",
	 {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
	{"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	{"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
	{"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
};

static const char *const spec_args[] = {"sh", NULL};
static const char *const spec_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};
static const uint32_t spec_caps[] = {CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE};
static const enum oci_cap_set spec_cap_sets[] = {OCI_CAP_BOUNDING, OCI_CAP_EFFECTIVE,
						 OCI_CAP_PERMITTED};
static const enum oci_ns spec_namespaces[] = {OCI_NS_PID, OCI_NS_NETWORK, OCI_NS_IPC,
					      OCI_NS_UTS, OCI_NS_MOUNT,	  OCI_NS_CGROUP};
static const char *const spec_masked[] = {"/proc/acpi",
					  "/proc/asound",
					  "/proc/kcore",
					  "/proc/keys",
					  "/proc/latency_stats",
					  "/proc/timer_list",
					  "/proc/timer_stats",
					  "/proc/sched_debug",
					  "/proc/scsi",
					  "/sys/firmware",
					  NULL};
static const char *const spec_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

#define EACH(i, array) (size_t i = 0; i < sizeof(array) / sizeof((array)[0]); i++)

static void write_strings(struct json_out *out, const char *key, const char *const *list)
{
	json_out_array(out, key);
	for (; *list; list++)
		json_out_string(out, NULL, *list);
	json_out_end(out);
}

static void write_capabilities(struct json_out *out)
{
	json_out_object(out, "capabilities");
	for
		EACH(i, spec_cap_sets)
		{
			json_out_array(out, oci_name_of(&oci_cap_sets, spec_cap_sets[i]));
		for
			EACH(j, spec_caps)
		json_out_string(out, NULL, oci_name_of(&oci_capabilities, spec_caps[j]));
		json_out_end(out);
		}
	json_out_end(out);
}

static void write_process(struct json_out *out)
{
	json_out_object(out, "process");
	json_out_bool(out, "terminal", true);
	json_out_object(out, "user");
	json_out_u64(out, "uid", 0);
	json_out_u64(out, "gid", 0);
	json_out_end(out);
	write_strings(out, "args", spec_args);
	write_strings(out, "env", spec_env);
	json_out_string(out, "cwd", "/");
	write_capabilities(out);
	json_out_array(out, "rlimits");
	json_out_object(out, NULL);
	json_out_string(out, "type", oci_name_of(&oci_rlimits, RLIMIT_NOFILE));
	json_out_u64(out, "hard", NOFILE_LIMIT);
	json_out_u64(out, "soft", NOFILE_LIMIT);
	json_out_end(out);
	json_out_end(out);
	json_out_bool(out, "noNewPrivileges", true);
	json_out_end(out);
}

static void write_mounts(struct json_out *out)
{
	json_out_array(out, "mounts");
	for
		EACH(i, spec_mounts)
		{
			const struct spec_mount *mount = &spec_mounts[i];

			json_out_object(out, NULL);
			json_out_string(out, "destination", mount->destination);
			json_out_string(out, "type", mount->type);
			json_out_string(out, "source", mount->source);
			if (mount->options[0])
				write_strings(out, "options", mount->options);
			json_out_end(out);
		}
	json_out_end(out);
}

static void write_linux(struct json_out *out)
{
	json_out_object(out, "linux");
	json_out_object(out, "resources");
	json_out_array(out, "devices");
	json_out_object(out, NULL);
	json_out_bool(out, "allow", false);
	json_out_string(out, "access", "rwm");
	json_out_end(out);
	json_out_end(out);
	json_out_end(out);
	json_out_array(out, "namespaces");
	for
		EACH(i, spec_namespaces)
		{
			json_out_object(out, NULL);
			json_out_string(out, "type",
					oci_name_of(&oci_namespaces, spec_namespaces[i]));
			json_out_end(out);
		}
	json_out_end(out);
	write_strings(out, "maskedPaths", spec_masked);
	write_strings(out, "readonlyPaths", spec_readonly);
	json_out_end(out);
}

int oci_spec_write(FILE *file)
{
	struct json_out *out = json_out_new(INDENT);
	int rc;

	json_out_object(out, NULL);
	json_out_string(out, "ociVersion", OCI_VERSION_MAX);
	write_process(out);
	json_out_object(out, "root");
	json_out_string(out, "path", "rootfs");
	json_out_bool(out, "readonly", true);
	json_out_end(out);
	json_out_string(out, "hostname", "vmrt");
	write_mounts(out);
	write_linux(out);
	json_out_end(out);
	rc = json_out_print(out, file);
	json_out_free(out);
	return rc;
}
