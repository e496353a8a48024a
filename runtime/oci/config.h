/* config.json of the OCI runtime specification 1.0–1.3 (config.md, config-linux.md, config-vm.md)
 * as plain structs: all of it that concerns Linux and VMs. Unknown members are ignored.
 *
 *   oci_config_load(path) ── text ──> json.c ──> config_*.c ──> struct oci_config
 *                                                  oci_config_check() ──> 0 or the reason
 *
 * Parsing answers "is it what the specification's types say", checking "does it make sense".
 * Neither looks at the host or decides what vmrt can honour: that is the plan's work.
 *
 * Ownership: everything inside belongs to the config and goes with oci_config_free(). Nothing has
 * to be copied as long as the config lives. Strings: NULL is absent. An empty string of a single
 * member is NULL too, because engines (Go) do not tell the two apart. Elements of lists and maps
 * keep theirs. No string contains a NUL. Counts: with count 0 the pointer is NULL. */
#ifndef VMRT_OCI_CONFIG_H
#define VMRT_OCI_CONFIG_H

#include "lib/err.h"
#include "runtime/oci/config_linux.h"
#include "runtime/oci/config_process.h"

/* The largest file an engine was recorded with has 20 kB. */
#define OCI_CONFIG_MAX_BYTES (16u << 20)

/* What `spec` writes and `features` claims. */
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.2.0"

struct oci_root {
	const char *path; /* as in the file: may be relative to the bundle */
	bool readonly;
};

struct oci_mount {
	const char *destination;    /* as in the file: may be relative to / */
	const char *type;	    /* NULL: absent */
	const char *source;	    /* NULL: absent; a bind's may be relative to the bundle */
	struct oci_strings options; /* for mount_options_parse() */
	struct oci_id_mappings uid_mappings;
	struct oci_id_mappings gid_mappings;
};

struct oci_hook {
	const char *path;
	struct oci_strings args; /* args[0] is argv[0], not the path */
	bool has_env;		 /* false: the hook inherits the runtime's environment */
	struct oci_strings env;
	bool has_timeout;
	uint32_t timeout_s;
};

struct oci_hooks {
	size_t count;
	struct oci_hook *at;
};

struct oci_vm_iomem {
	uint64_t first_gfn; /* first_mfn when absent */
	uint64_t first_mfn;
	uint64_t mfn_count;
};

/* `kernel` is required by the specification; here it may be missing: vmrt has a kernel of its own,
 * and a vm object that only sizes the VM is useful. Go programs write empty paths for absent ones.
 */
struct oci_vm {
	const char *hypervisor_path;
	struct oci_strings hypervisor_parameters;
	const char *kernel_path;
	struct oci_strings kernel_parameters;
	const char *initrd_path;
	const char *image_path;
	const char *image_format;
	const char *device_tree_path;
	struct oci_opt_u32 vcpus;
	struct oci_opt_u64 memory_bytes;
	struct oci_strings dtdevs;
	size_t iomem_count;
	struct oci_vm_iomem *iomems;
	size_t irq_count;
	uint32_t *irqs;
};

struct oci_config {
	const char *oci_version;
	struct oci_process *process; /* NULL: absent; never NULL after oci_config_check() */
	bool has_root;
	struct oci_root root;
	const char *hostname;
	const char *domainname;
	size_t mount_count;
	struct oci_mount *mounts;
	struct oci_hooks hooks[OCI_HOOK_COUNT];
	struct oci_pairs annotations;
	bool has_linux;
	struct oci_linux linux_; /* all zero when absent; `linux` is a macro of gnu17 */
	struct oci_vm *vm;	 /* NULL: absent */

	/* Things runc only warns of, one line each, for the log: unknown capabilities, unknown
	 * namespace types, relative mount destinations. */
	struct oci_strings warnings;
	struct json_doc *doc;
};

/* Reads the file at `path`. Errors begin with "config.json: " (the last part of the path). Does not
 * check: call oci_config_check(). On failure *ret is untouched. */
int oci_config_load(const char *path, struct oci_config **ret, struct err *e) VMRT_MUST_CHECK;
/* As above from memory; `name` stands before the errors. */
int oci_config_parse(const char *text, size_t size, const char *name, struct oci_config **ret,
		     struct err *e) VMRT_MUST_CHECK;
void oci_config_free(struct oci_config *config);

/* What runc refuses at `create` without looking at the host, in its words. Pure. */
int oci_config_check(const struct oci_config *config, struct err *e) VMRT_MUST_CHECK;
/* The namespace entry of that type, or NULL. */
const struct oci_namespace *oci_config_namespace(const struct oci_config *config, enum oci_ns type);
/* The value of an annotation, or NULL. */
const char *oci_config_annotation(const struct oci_config *config, const char *key);

int oci_process_parse(const char *text, size_t size, const char *name, struct oci_process **ret,
		      struct err *e) VMRT_MUST_CHECK;
void oci_process_free(struct oci_process *process);
int oci_process_check(const struct oci_process *process, struct err *e) VMRT_MUST_CHECK;

int oci_resources_parse(const char *text, size_t size, const char *name, struct oci_resources **ret,
			struct err *e) VMRT_MUST_CHECK;
void oci_resources_free(struct oci_resources *resources);

#endif
