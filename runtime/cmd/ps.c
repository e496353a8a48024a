/* ps: pids of the host as JSON, the guest's processes as a table. Must not read the guest's answer:
 * ps_table.c does. */
#include "runtime/cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cmd/guest_query.h"
#include "runtime/cmd/ps_table.h"
#include "runtime/oci/json_write.h"

/* Is this process one of ours in the container's pid namespace: its monitor or an exec's agent?
 * QEMU and virtiofsd are how it is done, not what runs. */
static bool ps_is_visible(pid_t pid, ino_t pid_ns)
{
	auto_free char *name = NULL;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st) < 0 || st.st_ino != pid_ns)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (fd_read_file(-1, path, 64, &name, NULL) < 0)
		return false;
	return !strcmp(name, "vmrt-monitor\n") || !strcmp(name, "vmrt-exec\n");
}

static void ps_list_pids(pid_t monitor, struct json_out *out)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", monitor);
	if (stat(path, &st) < 0)
		st.st_ino = 0;
	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && ps_is_visible(pid, st.st_ino))
			json_out_i64(out, NULL, pid);
	}
	if (proc)
		closedir(proc);
}

static int ps_print_pids(const struct container *k, struct err *e)
{
	struct json_out *out = json_out_new(NULL);
	int r;

	json_out_array(out, NULL);
	if (k->state.pid)
		ps_list_pids(k->state.pid, out);
	json_out_end(out);
	r = json_out_print(out, stdout);
	json_out_free(out);
	return r < 0 ? err_sys(e, r, "writing the list") : 0;
}

static int ps_print_table(const struct container *k, const struct cmd *c, struct err *e)
{
	auto_free char *answer = NULL;
	size_t size = 0;
	int r = 0;

	if (k->state.status != STATE_STOPPED)
		r = guest_query(k, GUEST_BUILTIN_PROCESSES, NULL, &answer, &size, e);
	return r < 0 ? r : ps_table_run(answer, size, c->argv + 1, (size_t)c->argc - 1, e);
}

int cmd_ps(struct cmd *c, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const char *format = c->values.format ? c->values.format : "table";
	int r = container_open(c, c->argv[0], &k, e);

	if (r < 0)
		return r;
	if (!strcmp(format, "json"))
		return ps_print_pids(&k, e);
	if (strcmp(format, "table"))
		return err_set(e, -EINVAL, "invalid format option");
	return ps_print_table(&k, c, e);
}
