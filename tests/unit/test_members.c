/* Nothing of config.json is dropped in silence: take one member away, and what the guest gets, what
 * the host's cgroup gets, what the VM is, or what is warned of has changed. */
#include "runtime/cgroup/host.h"
#include "runtime/oci/config.h"
#include "runtime/oci/json.h"
#include "runtime/oci/json_write.h"
#include "runtime/plan/plan.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <inttypes.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/wire.h"

#define MEMBERS_PATH_BYTES 256

/* Members whose absence changes nothing, by prefix, and why that is right. */
static const struct {
	const char *prefix;
	const char *why;
} same[] = {
	{"linux.seccomp.architectures.0", "the machine's own is always there"},
	{"linux.resources.memory.checkBeforeUpdate", "nothing is in use at create"},
	{"linux.memoryPolicy.", "named as a whole"},
	{"linux.resources.rdma.", "named as a whole"},
	{"process.execCPUAffinity.", "named as a whole"},
};

static bool was_needed[sizeof(same) / sizeof(*same)];

static const char *reason_of(const char *path)
{
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		if (!strncmp(path, same[i].prefix, strlen(same[i].prefix))) {
			was_needed[i] = true;
			return same[i].why;
		}
	}
	return NULL;
}

static void write_node(struct json_out *out, const struct json_node *node,
		       const struct json_node *without)
{
	switch (node->type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (node->type == JSON_OBJECT)
			json_out_object(out, node->key);
		else
			json_out_array(out, node->key);
		for (const struct json_node *n = node->first; n; n = n->next) {
			if (n != without)
				write_node(out, n, without);
		}
		json_out_end(out);
		break;
	case JSON_STRING:
		json_out_string(out, node->key, node->text);
		break;
	case JSON_NUMBER:
		json_out_i64(out, node->key, strtoll(node->text, NULL, 10));
		break;
	case JSON_BOOLEAN:
		json_out_bool(out, node->key, node->is_true);
		break;
	default:
		json_out_null(out, node->key);
	}
}

static void print_host(FILE *f, const struct oci_config *c)
{
	const struct cgroup_overhead overhead = {1000, 100, 500};
	struct guest_pairs files;

	for (int is_v2 = 0; is_v2 < 2; is_v2++) {
		cgroup_limits_of_host(c->linux_.resources, &overhead, is_v2, &files);
		for (uint32_t i = 0; i < files.count; i++)
			fprintf(f, "%s=%s\n", files.at[i].name, files.at[i].value);
		cgroup_pairs_done(&files);
	}
}

static void print_plan(FILE *f, const struct plan *p)
{
	struct wire_out o = {0};

	fprintf(f, "%s %d %s\n", p->rootfs, p->want_new_netns, p->netns_path);
	fprintf(f, "%u %u %s %s %s\n", p->memory_mib, p->vcpus, p->vm_qemu, p->vm_kernel,
		p->vm_append);
	for (size_t i = 0; p->vm_qemu_args && i < p->vm_qemu_args->count; i++)
		fprintf(f, "%s ", p->vm_qemu_args->at[i]);
	for (size_t i = 0; i < p->bind_count; i++)
		fprintf(f, "%s %s %d %d %d %d\n", p->binds[i].source, p->binds[i].destination,
			p->binds[i].is_recursive, p->binds[i].is_readonly,
			p->binds[i].is_readonly_rec, p->binds[i].is_slave);
	for (size_t i = 0; i < p->warnings.count; i++)
		fprintf(f, "%s\n", p->warnings.at[i]);
	guest_container_encode(&o, &p->guest);
	for (size_t i = 0; i < o.size; i++)
		fprintf(f, "%02x", o.data[i]);
	wire_out_done(&o);
}

/* All that comes of a config, or the error. */
static char *outcome(const char *text)
{
	const uint8_t stdio[3] = {GUEST_STDIO_PIPE, GUEST_STDIO_PIPE, GUEST_STDIO_NULL};
	const struct settings settings = {
		.memory_mib = 1024,
		.vcpus = 8,
		.vm_policy = SETTINGS_VM_ALL,
		.max_vcpus = 16,
		.max_memory_mib = 65536,
	};
	struct oci_config *c = NULL;
	struct plan *p = NULL;
	struct err e = {""};
	char *all = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&all, &size);

	if (oci_config_parse(text, strlen(text), "config.json", &c, &e) < 0 ||
	    oci_config_check(c, &e) < 0 || plan_make(c, "/", &settings, stdio, &p, &e) < 0) {
		fprintf(f, "error: %s", e.text);
	} else {
		print_host(f, c);
		print_plan(f, p);
	}
	fclose(f);
	plan_free(p);
	oci_config_free(c);
	return all;
}

static void test_node(const struct json_node *root, const struct json_node *node, const char *path,
		      const char *full)
{
	struct json_out *out = json_out_new(NULL);
	const char *why = NULL;
	bool is_same;

	size_t size;

	write_node(out, root, node);
	auto_free char *got = outcome(json_out_text(out, &size));

	is_same = !strcmp(got, full);
	if (is_same)
		why = reason_of(path);
	ok(!is_same || why, "%s: %s", path, why ? why : "has an effect or a name");
	json_out_free(out);
}

static void test_below(const struct json_node *root, const struct json_node *parent,
		       const char *prefix, const char *full)
{
	for (const struct json_node *n = parent->first; n; n = n->next) {
		char path[MEMBERS_PATH_BYTES];

		if (n->key)
			snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", n->key);
		else
			snprintf(path, sizeof(path), "%s.%zu", prefix, n->index);
		test_node(root, n, path, full);
		test_below(root, n, path, full);
	}
}

int main(void)
{
	struct json_doc *doc = NULL;
	auto_free char *text = NULL;
	struct err e = {""};

	if (fd_read_file(AT_FDCWD, TEST_DATA "/data-oci/members.config.json", OCI_CONFIG_MAX_BYTES,
			 &text, NULL) < 0 ||
	    json_doc_parse(text, strlen(text), "members", &doc, &e) < 0) {
		ok(0, "the config is there: %s", e.text);
		return done_testing();
	}
	{
		auto_free char *full = outcome(text);

		if (ok(strncmp(full, "error: ", 7) != 0, "the whole is accepted: %.200s", full))
			test_below(json_doc_root(doc), json_doc_root(doc), "", full);
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		ok(was_needed[i], "%s*: %s: is true", same[i].prefix, same[i].why);
	json_doc_free(doc);
	return done_testing();
}
