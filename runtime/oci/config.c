/* Reads config.json: the file, its top level, mounts, hooks and annotations; the other objects are
 * in config_*.c. Must not check or apply anything: see config_check.c. */
#include "runtime/oci/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/config_read.h"

static void read_root(struct oci_reader *r, const struct json_node *config, struct oci_config *ret)
{
	const struct json_node *root = json_object(r->doc, config, "root");

	if (!root)
		return;
	ret->has_root = true;
	oci_read_required(r, root, "path", &ret->root.path);
	json_bool(r->doc, root, "readonly", &ret->root.readonly);
}

static void read_mounts(struct oci_reader *r, const struct json_node *config,
			struct oci_config *ret)
{
	const struct json_node *node = oci_read_objects(r, config, "mounts", sizeof(*ret->mounts),
							&ret->mount_count, &ret->mounts);
	char buf[JSON_EXCERPT_BYTES];

	for (; node; node = node->next) {
		struct oci_mount *mount = &ret->mounts[node->index];

		oci_read_required(r, node, "destination", &mount->destination);
		json_string(r->doc, node, "type", &mount->type);
		json_string(r->doc, node, "source", &mount->source);
		oci_read_strings(r, node, "options", &mount->options);
		oci_read_id_mappings(r, node, "uidMappings", &mount->uid_mappings);
		oci_read_id_mappings(r, node, "gidMappings", &mount->gid_mappings);
		if (mount->destination && *mount->destination != '/')
			oci_warn(r,
				 "mount destination '%s' is not absolute: taken as relative to /",
				 json_excerpt(buf, mount->destination));
	}
}

static void read_hooks(struct oci_reader *r, const struct json_node *hooks, const char *kind,
		       struct oci_hooks *ret)
{
	const struct json_node *node =
		oci_read_objects(r, hooks, kind, sizeof(*ret->at), &ret->count, &ret->at);

	for (; node; node = node->next) {
		struct oci_hook *hook = &ret->at[node->index];

		oci_read_required(r, node, "path", &hook->path);
		oci_read_strings(r, node, "args", &hook->args);
		hook->has_env = json_strings(r->doc, node, "env", &hook->env.count, &hook->env.at);
		hook->has_timeout =
			json_u32_range(r->doc, node, "timeout", INT32_MAX, &hook->timeout_s);
	}
}

static void read_config(struct oci_reader *r, const struct json_node *node, struct oci_config *ret)
{
	const struct json_node *process = json_object(r->doc, node, "process"), *hooks, *linux_node;

	oci_read_required(r, node, "ociVersion", &ret->oci_version);
	if (process) {
		ret->process = json_alloc(r->doc, 1, sizeof(*ret->process));
		oci_read_process(r, process, ret->process);
	}
	read_root(r, node, ret);
	json_string(r->doc, node, "hostname", &ret->hostname);
	json_string(r->doc, node, "domainname", &ret->domainname);
	read_mounts(r, node, ret);
	hooks = json_object(r->doc, node, "hooks");
	for (uint32_t kind = 0; kind < OCI_HOOK_COUNT; kind++)
		read_hooks(r, hooks, oci_name_of(&oci_hook_kinds, kind), &ret->hooks[kind]);
	oci_read_pairs(r, node, "annotations", &ret->annotations);
	linux_node = json_object(r->doc, node, "linux");
	ret->has_linux = linux_node != NULL;
	if (linux_node)
		oci_read_linux(r, linux_node, &ret->linux_);
	ret->vm = oci_read_vm(r, json_object(r->doc, node, "vm"));
}

int oci_config_parse(const char *text, size_t size, const char *name, struct oci_config **ret,
		     struct err *e)
{
	struct oci_reader r = {0};
	struct oci_config *config;
	int rc = json_doc_parse(text, size, name, &r.doc, e);

	if (rc)
		return rc;
	config = xcalloc(1, sizeof(*config));
	config->doc = r.doc;
	if (json_expect(r.doc, json_doc_root(r.doc), JSON_OBJECT))
		read_config(&r, json_doc_root(r.doc), config);
	config->warnings = oci_reader_warnings(&r);
	rc = json_doc_close(r.doc);
	if (rc) {
		oci_config_free(config);
		return rc;
	}
	*ret = config;
	return 0;
}

int oci_config_load(const char *path, struct oci_config **ret, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *text = NULL;
	size_t size;
	int rc = fd_read_file(AT_FDCWD, path, OCI_CONFIG_MAX_BYTES, &text, &size);

	if (rc == -ENOENT) /* runc's words */
		return err_set(e, rc, "JSON specification file %s not found", path);
	if (rc == -EISDIR) /* engines would take errno's text for one about the user's program */
		return err_set(e, rc, "%s: is no regular file", path);
	if (rc == -EFBIG)
		return err_set(e, rc, "%s: larger than %u MiB", path, OCI_CONFIG_MAX_BYTES >> 20);
	if (rc)
		return err_sys(e, rc, "reading '%s'", path);
	return oci_config_parse(text, size, name, ret, e);
}

void oci_config_free(struct oci_config *config)
{
	if (!config)
		return;
	json_doc_free(config->doc);
	free(config);
}

const char *oci_config_annotation(const struct oci_config *config, const char *key)
{
	for (size_t i = 0; i < config->annotations.count; i++)
		if (!strcmp(config->annotations.at[i].key, key))
			return config->annotations.at[i].value;
	return NULL;
}

const struct oci_namespace *oci_config_namespace(const struct oci_config *config, enum oci_ns type)
{
	for (size_t i = 0; i < config->linux_.namespace_count; i++)
		if (config->linux_.namespaces[i].type == type)
			return &config->linux_.namespaces[i];
	return NULL;
}
