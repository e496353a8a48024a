/* Reading manifests. Must not look into layers. */
#include "vmrun/unpack/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/json.h"

#define MANIFEST_DOCKER	   "manifest.json"
#define MANIFEST_INDEX	   "index.json"
#define MANIFEST_DEPTH_MAX 4
#define MANIFEST_HEX_BYTES 64

#if defined(__x86_64__)
#define MANIFEST_ARCH "amd64"
#elif defined(__aarch64__)
#define MANIFEST_ARCH "arm64"
#elif defined(__riscv)
#define MANIFEST_ARCH "riscv64"
#elif defined(__s390x__)
#define MANIFEST_ARCH "s390x"
#else
#define MANIFEST_ARCH "ppc64le"
#endif

bool manifest_is_there(const struct blobs *b)
{
	return blobs_have(b, MANIFEST_INDEX) || blobs_have(b, MANIFEST_DOCKER);
}

static bool manifest_is_hex(const char *text)
{
	return strlen(text) == MANIFEST_HEX_BYTES &&
	       strspn(text, "0123456789abcdef") == MANIFEST_HEX_BYTES;
}

static char *manifest_blob_name(const char *digest)
{
	return !strncmp(digest, "sha256:", 7) && manifest_is_hex(digest + 7)
		       ? xasprintf("blobs/sha256/%s", digest + 7)
		       : NULL;
}

static void manifest_add(struct manifest *m, const char *name, const char *digest)
{
	m->layers = xreallocarray(m->layers, m->count + 1, sizeof(*m->layers));
	m->layers[m->count++] = (struct manifest_layer){
		.name = xstrdup(name),
		.digest = digest ? xstrdup(digest) : NULL,
	};
}

/* What each layer unpacks to, from the configuration. */
static int manifest_take_diff_ids(struct manifest *m, struct err *e)
{
	struct json_doc *doc = NULL;
	const char **ids = NULL;
	size_t count = 0;
	int r = json_doc_parse(m->config, m->config_size, "the image's configuration", &doc, e);

	if (r < 0)
		return r;
	json_strings(doc, json_object(doc, json_doc_root(doc), "rootfs"), "diff_ids", &count, &ids);
	r = json_doc_status(doc);
	if (r == 0 && count != m->count)
		r = err_set(e, -EINVAL, "the image's configuration names %zu layers, not %zu",
			    count, m->count);
	for (size_t i = 0; r == 0 && i < count; i++)
		m->layers[i].diff_id = xstrdup(ids[i]);
	json_doc_free(doc);
	return r;
}

/* {"digest": …}: the blob's name and text. */
static int manifest_read_blob(const struct blobs *b, struct json_doc *doc,
			      const struct json_node *descriptor, char **ret_text, size_t *ret_size,
			      struct err *e)
{
	const char *digest = NULL;
	auto_free char *name = NULL;
	int r;

	json_require(doc, descriptor, "digest");
	json_string(doc, descriptor, "digest", &digest);
	r = json_doc_status(doc);
	if (r < 0)
		return r;
	name = digest ? manifest_blob_name(digest) : NULL;
	if (!name)
		return err_set(e, -EINVAL, "the image has a digest that is no sha256: '%s'",
			       digest ? digest : "");
	return blobs_read(b, name, digest, ret_text, ret_size, e);
}

static int manifest_take_oci(const struct blobs *b, struct json_doc *doc, struct manifest *m,
			     struct err *e)
{
	const struct json_node *root = json_doc_root(doc);
	const struct json_node *layers = json_array(doc, root, "layers");
	int r = manifest_read_blob(b, doc, json_object(doc, root, "config"), &m->config,
				   &m->config_size, e);

	for (const struct json_node *n = layers ? layers->first : NULL; r == 0 && n; n = n->next) {
		const char *digest = NULL;
		auto_free char *name = NULL;

		if (json_expect(doc, n, JSON_OBJECT))
			json_string(doc, n, "digest", &digest);
		r = json_doc_status(doc);
		name = digest ? manifest_blob_name(digest) : NULL;
		if (r == 0 && (!name || m->count == MANIFEST_LAYERS_MAX))
			r = err_set(e, -EINVAL, "the image's layer %zu has no usable digest",
				    m->count);
		if (r == 0)
			manifest_add(m, name, digest);
	}
	return r;
}

/* The first of the index's that is for this machine; NULL: none. Sets the number of those. */
static const struct json_node *manifest_choose(struct json_doc *doc, const struct json_node *list,
					       size_t *ret_count)
{
	const struct json_node *chosen = NULL;

	*ret_count = 0;
	for (const struct json_node *n = list ? list->first : NULL; n; n = n->next) {
		const struct json_node *platform =
			json_expect(doc, n, JSON_OBJECT) ? json_object(doc, n, "platform") : NULL;
		const char *arch = MANIFEST_ARCH;
		const char *os = "linux";

		json_string(doc, platform, "architecture", &arch);
		json_string(doc, platform, "os", &os);
		if (strcmp(arch, MANIFEST_ARCH) || strcmp(os, "linux"))
			continue;
		chosen = chosen ? chosen : n;
		(*ret_count)++;
	}
	return chosen;
}

static int manifest_follow(const struct blobs *b, char *text, size_t size, int depth,
			   struct manifest *m, struct err *e)
{
	struct json_doc *doc = NULL;
	auto_free char *next_text = NULL;
	size_t next_size = 0;
	size_t count;
	const struct json_node *list;
	const struct json_node *chosen;
	int r = json_doc_parse(text, size, "the image's index", &doc, e);

	if (r < 0)
		return r;
	list = json_array(doc, json_doc_root(doc), "manifests");
	if (!list) {
		r = json_doc_status(doc);
		if (r == 0)
			r = manifest_take_oci(b, doc, m, e);
		json_doc_free(doc);
		return r;
	}
	chosen = manifest_choose(doc, list, &count);
	r = json_doc_status(doc);
	if (r == 0 && (!chosen || depth == MANIFEST_DEPTH_MAX))
		r = err_set(e, -ENOENT, "the archive has no image for linux/%s", MANIFEST_ARCH);
	if (r == 0 && count > 1)
		r = err_set(e, -EINVAL, "the archive has %zu images for linux/%s, not one", count,
			    MANIFEST_ARCH);
	if (r == 0)
		r = manifest_read_blob(b, doc, chosen, &next_text, &next_size, e);
	json_doc_free(doc);
	return r < 0 ? r : manifest_follow(b, next_text, next_size, depth + 1, m, e);
}

/* "HEX.json" and "blobs/sha256/HEX" are named by their digest. Owned; NULL: it is not. */
static char *manifest_name_digest(const char *name)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	auto_free char *hex = xstrndup(base, MANIFEST_HEX_BYTES);

	if (!manifest_is_hex(hex) ||
	    (base[MANIFEST_HEX_BYTES] && strcmp(base + MANIFEST_HEX_BYTES, ".json")))
		return NULL;
	return xasprintf("sha256:%s", hex);
}

static int manifest_take_docker(const struct blobs *b, struct json_doc *doc, struct manifest *m,
				struct err *e)
{
	const struct json_node *root = json_doc_root(doc);
	const char *config = NULL;
	const char **layers = NULL;
	size_t count = 0;
	auto_free char *digest = NULL;
	int r;

	if (!json_expect(doc, root, JSON_ARRAY))
		return json_doc_status(doc);
	if (root->count != 1)
		return err_set(e, -EINVAL, "the archive has %zu images, not one", root->count);
	json_require(doc, root->first, "Config");
	json_string(doc, root->first, "Config", &config);
	json_strings(doc, root->first, "Layers", &count, &layers);
	r = json_doc_status(doc);
	if (r < 0 || !config)
		return r < 0 ? r : err_set(e, -EINVAL, "the image has no configuration");
	if (count > MANIFEST_LAYERS_MAX)
		return err_set(e, -E2BIG, "the image has more than %d layers", MANIFEST_LAYERS_MAX);
	digest = manifest_name_digest(config);
	for (size_t i = 0; i < count; i++)
		manifest_add(m, layers[i], NULL);
	return blobs_read(b, config, digest, &m->config, &m->config_size, e);
}

int manifest_read(const struct blobs *b, struct manifest *ret, struct err *e)
{
	bool is_docker = blobs_have(b, MANIFEST_DOCKER);
	const char *name = is_docker ? MANIFEST_DOCKER : MANIFEST_INDEX;
	struct json_doc *doc = NULL;
	auto_free char *text = NULL;
	size_t size = 0;
	int r = blobs_read(b, name, NULL, &text, &size, e);

	if (r == 0 && is_docker) {
		r = json_doc_parse(text, size, name, &doc, e);
		if (r == 0)
			r = manifest_take_docker(b, doc, ret, e);
		json_doc_free(doc);
	} else if (r == 0) {
		r = manifest_follow(b, text, size, 0, ret, e);
	}
	return r < 0 ? r : manifest_take_diff_ids(ret, e);
}

void manifest_done(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->layers[i].name);
		free(m->layers[i].digest);
		free(m->layers[i].diff_id);
	}
	free(m->layers);
	free(m->config);
	*m = (struct manifest){0};
}
