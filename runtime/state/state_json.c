/* state.json and the JSON that `state`, `list` and hooks get: one layout for all of them. */
#include "runtime/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"

#define STATE_JSON_MAX_BYTES (1u << 20)

static void state_put_annotations(struct json_out *out, const struct state *s)
{
	if (!s->annotation_count)
		return;
	json_out_object(out, "annotations");
	for (size_t i = 0; i < s->annotation_count; i++)
		json_out_string(out, s->annotation_keys[i], s->annotation_values[i]);
	json_out_end(out);
}

static void state_put_vm(struct json_out *out, const struct state_vm *vm)
{
	json_out_object(out, "vm");
	json_out_u64(out, "memoryMiB", vm->memory_mib);
	json_out_u64(out, "vcpus", vm->vcpus);
	json_out_u64(out, "hostMiB", vm->host_mib);
	json_out_end(out);
}

void state_put(struct json_out *out, const struct state *s, const struct state_format *format)
{
	bool has_pid = s->status != STATE_STOPPED;

	json_out_object(out, NULL);
	json_out_string(out, "ociVersion", s->oci_version);
	json_out_string(out, "id", s->id);
	/* A hook of `delete` gets no pid, as from runc; the other two print 0. */
	if (has_pid || format->want_details)
		json_out_i64(out, "pid", has_pid ? s->pid : 0);
	json_out_string(out, "status", state_status_name(s->status));
	json_out_string(out, "bundle", s->bundle);
	if (format->want_details) {
		json_out_string(out, "rootfs", s->rootfs);
		json_out_string(out, "created", s->created);
	}
	state_put_annotations(out, s);
	if (format->want_vm)
		state_put_vm(out, &s->vm);
	if (format->want_details)
		json_out_string(out, "owner", format->owner);
	json_out_end(out);
}

static void state_read_text(struct json_doc *doc, const char *key, char **ret)
{
	const char *text = "";

	json_string(doc, json_doc_root(doc), key, &text);
	*ret = xstrdup(text);
}

static void state_read_annotations(struct json_doc *doc, struct state *s)
{
	const struct json_node *map = json_object(doc, json_doc_root(doc), "annotations");
	size_t count = map ? map->count : 0;

	s->annotation_keys = xcalloc(count, sizeof(*s->annotation_keys));
	s->annotation_values = xcalloc(count, sizeof(*s->annotation_values));
	for (const struct json_node *n = map ? map->first : NULL; n; n = n->next) {
		s->annotation_keys[s->annotation_count] = xstrdup(n->key);
		s->annotation_values[s->annotation_count++] = xstrdup(json_text(doc, n));
	}
}

/* All zero in the state of an older vmrt. */
static void state_read_vm(struct json_doc *doc, struct state_vm *vm)
{
	const struct json_node *node = json_object(doc, json_doc_root(doc), "vm");

	json_u32(doc, node, "memoryMiB", &vm->memory_mib);
	json_u32(doc, node, "vcpus", &vm->vcpus);
	json_u32(doc, node, "hostMiB", &vm->host_mib);
}

static void state_find_status(int state_dirfd, struct state *s)
{
	struct stat st;
	auto_close int monitor = state_open_monitor(state_dirfd, &s->pid);

	if (monitor < 0) {
		s->pid = 0;
		s->status = STATE_STOPPED;
	} else if (fstatat(state_dirfd, "paused", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		s->status = STATE_PAUSED;
	} else if (fstatat(state_dirfd, "started", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		s->status = STATE_RUNNING;
	} else {
		s->status = STATE_CREATED;
	}
}

int state_read(int state_dirfd, struct state *ret, struct err *e)
{
	auto_free char *text = NULL;
	struct json_doc *doc = NULL;
	struct state s = {0};
	struct stat st;
	size_t size;
	int r = fd_read_file(state_dirfd, "state.json", STATE_JSON_MAX_BYTES, &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading state.json");
	r = json_doc_parse(text, size, "state.json", &doc, e);
	if (r < 0)
		return r;
	state_read_text(doc, "ociVersion", &s.oci_version);
	state_read_text(doc, "id", &s.id);
	state_read_text(doc, "bundle", &s.bundle);
	state_read_text(doc, "rootfs", &s.rootfs);
	state_read_text(doc, "created", &s.created);
	state_read_annotations(doc, &s);
	state_read_vm(doc, &s.vm);
	r = json_doc_status(doc);
	json_doc_free(doc);
	if (r < 0) {
		state_done(&s);
		return r;
	}
	if (fstat(state_dirfd, &st) == 0)
		s.owner = st.st_uid;
	state_find_status(state_dirfd, &s);
	*ret = s;
	return 0;
}
