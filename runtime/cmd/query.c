/* The commands that only tell: state, list, spec, features. Must not change anything but spec's
 * own file, and print nothing on stderr when they succeed (engines merge it with stdout). */
#include "runtime/cmd/cmd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/features.h"
#include "runtime/oci/mount_options.h"
#include "runtime/oci/spec.h"
#include "runtime/state/state.h"

int cmd_state(struct cmd *c, struct err *e)
{
	const struct state_format format = {.want_details = true, .owner = ""};
	auto_close int root = -1;
	auto_close int dir = -1;
	struct json_out *out;
	struct state s;
	int r = state_check_id(c->argv[0], e);

	if (r < 0)
		return r;
	root = state_open_root(cmd_root(c), false, e);
	if (root == -ENOENT)
		return err_set(e, root, "container does not exist");
	dir = root < 0 ? root : state_open(root, c->argv[0], e);
	if (dir < 0)
		return dir;
	r = state_read(dir, &s, e);
	if (r < 0)
		return r;
	out = json_out_new("  ");
	state_put(out, &s, &format);
	r = json_out_print(out, stdout);
	json_out_free(out);
	state_done(&s);
	return r < 0 ? err_sys(e, r, "writing the state") : 0;
}

/* Reads all containers of the root, in the order of their names. Entries that are not ours, or
 * vanish meanwhile, are skipped. */
static size_t query_read_all(const char *root, struct state **ret)
{
	struct err ignored;
	auto_close int root_fd = state_open_root(root, false, &ignored);
	struct dirent **names = NULL;
	int count = root_fd < 0 ? 0 : scandirat(root_fd, ".", &names, NULL, alphasort);
	struct state *all = xcalloc(count > 0 ? (size_t)count : 0, sizeof(*all));
	size_t have = 0;

	for (int i = 0; i < count; i++) {
		auto_close int dir = *names[i]->d_name == '.'
					     ? -1
					     : state_open(root_fd, names[i]->d_name, &ignored);

		if (dir >= 0 && state_read(dir, &all[have], &ignored) == 0)
			have++;
		free(names[i]);
	}
	free(names);
	*ret = all;
	return have;
}

static const char *query_owner(const struct state *s, char *buffer, size_t size)
{
	const struct passwd *pw = getpwuid(s->owner);

	if (pw)
		return pw->pw_name;
	snprintf(buffer, size, "#%u", s->owner);
	return buffer;
}

static int query_list_json(const struct state *all, size_t count)
{
	struct json_out *out = json_out_new(NULL);
	char buffer[16];
	int r;

	if (!count)
		json_out_null(out, NULL);
	else
		json_out_array(out, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct state_format format = {
			.want_details = true,
			.owner = query_owner(&all[i], buffer, sizeof(buffer)),
		};

		state_put(out, &all[i], &format);
	}
	if (count)
		json_out_end(out);
	r = json_out_print(out, stdout);
	json_out_free(out);
	return r;
}

enum { LIST_COLUMNS = 6, LIST_CELL_MIN = 12, LIST_PADDING = 3 };

/* As runc's tabwriter: cells of at least 12 columns, three blanks behind the longest. */
static void query_list_table(const struct state *all, size_t count)
{
	static const char *const head[LIST_COLUMNS] = {"ID",	 "PID",	    "STATUS",
						       "BUNDLE", "CREATED", "OWNER"};
	char(*pids)[16] = xcalloc(count, sizeof(*pids));
	char(*owners)[16] = xcalloc(count, sizeof(*owners));
	const char **cells = xcalloc((count + 1) * LIST_COLUMNS, sizeof(*cells));
	int width[LIST_COLUMNS] = {0};

	memcpy(cells, head, sizeof(head));
	for (size_t i = 0; i < count; i++) {
		const char **row = cells + (i + 1) * LIST_COLUMNS;

		snprintf(pids[i], sizeof(pids[i]), "%d", all[i].pid);
		row[0] = all[i].id;
		row[1] = pids[i];
		row[2] = state_status_name(all[i].status);
		row[3] = all[i].bundle;
		row[4] = all[i].created;
		row[5] = query_owner(&all[i], owners[i], sizeof(owners[i]));
	}
	for (size_t i = 0; i < (count + 1) * LIST_COLUMNS; i++) {
		int size = (int)strlen(cells[i]) + LIST_PADDING;

		if (size > width[i % LIST_COLUMNS])
			width[i % LIST_COLUMNS] = size < LIST_CELL_MIN ? LIST_CELL_MIN : size;
	}
	for (size_t i = 0; i < (count + 1) * LIST_COLUMNS; i++) {
		bool is_last = i % LIST_COLUMNS == LIST_COLUMNS - 1;

		printf("%-*s%s", is_last ? 0 : width[i % LIST_COLUMNS], cells[i],
		       is_last ? "\n" : "");
	}
	free(cells);
	free(owners);
	free(pids);
}

int cmd_list(struct cmd *c, struct err *e)
{
	const char *format = c->values.format ? c->values.format : "table";
	bool is_json = !strcmp(format, "json");
	struct state *all;
	size_t count;
	int r = 0;

	if (!is_json && strcmp(format, "table"))
		return err_set(e, -EINVAL, "invalid format option");
	count = query_read_all(cmd_root(c), &all);
	if (c->values.is_quiet) {
		for (size_t i = 0; i < count; i++)
			puts(all[i].id);
	} else if (is_json) {
		r = query_list_json(all, count);
	} else {
		query_list_table(all, count);
	}
	for (size_t i = 0; i < count; i++)
		state_done(&all[i]);
	free(all);
	return r < 0 || fflush(stdout) ? err_set(e, -EIO, "writing the list failed") : 0;
}

int cmd_spec(struct cmd *c, struct err *e)
{
	auto_free char *path =
		xasprintf("%s/config.json", c->values.bundle ? c->values.bundle : ".");
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *file;
	int r;

	if (fd < 0 && errno == EEXIST)
		return err_set(e, -EEXIST, "file %s exists. Remove it first", path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return err_sys(e, -errno, "writing '%s'", path);
	take_fd(fd);
	r = oci_spec_write(file);
	if (fclose(file) && r == 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "writing '%s'", path) : 0;
}

/* What is applied today, and nothing else: docker decides by it (features.h). */
int cmd_features(struct cmd *c, struct err *e)
{
	static const struct oci_pair annotations[] = {{"org.vmrt.version", VMRT_VERSION},
						      {"org.vmrt.commit", VMRT_COMMIT}};
	static const char *unsafe[] = {"io.vmrt.", "org.systemd.property."};
	/* What a program of the VM's architecture can be. */
	static const uint32_t seccomp_archs[] = {SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32};
	const struct oci_features features = {
		.hooks = (1u << OCI_HOOK_COUNT) - 1,
		.mount_option_kinds = 1u << MOUNT_OPTION_FLAG | 1u << MOUNT_OPTION_PROPAGATION |
				      1u << MOUNT_OPTION_REC_ATTR | 1u << MOUNT_OPTION_TMPCOPYUP |
				      1u << MOUNT_OPTION_COW,
		.namespaces = 1u << OCI_NS_CGROUP | 1u << OCI_NS_IPC | 1u << OCI_NS_MOUNT |
			      1u << OCI_NS_NETWORK | 1u << OCI_NS_PID | 1u << OCI_NS_TIME |
			      1u << OCI_NS_USER | 1u << OCI_NS_UTS,
		.capabilities = (UINT64_C(1) << 41) - 1,
		.has_cgroup_v1 = true,
		.has_cgroup_v2 = true,
		.has_systemd_cgroup = true,
		.has_seccomp = true,
		.seccomp_actions =
			((1u << OCI_SECCOMP_ACTION_COUNT) - 1) & ~(1u << OCI_SECCOMP_NOTIFY),
		.seccomp_ops = (1u << OCI_SECCOMP_OP_COUNT) - 1,
		.seccomp_archs = seccomp_archs,
		.seccomp_arch_count = sizeof(seccomp_archs) / sizeof(*seccomp_archs),
		.seccomp_flags_known = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
				       SECCOMP_FILTER_FLAG_TSYNC,
		.unsafe_annotations = {.count = 2, .at = unsafe},
		.annotations = {.count = 2, .at = (struct oci_pair *)annotations},
	};
	int r = oci_features_write(&features, stdout);

	(void)c;
	return r < 0 ? err_sys(e, r, "writing the features") : 0;
}
