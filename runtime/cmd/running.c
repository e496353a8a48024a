/* Commands on a running container: pause, resume, checkpoint, ps. */
#include "runtime/cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cmd/container.h"

static int running_ask(struct cmd *c, enum ctl_verb verb, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const struct ctl_message request = {.verb = verb};
	int r = container_open(c, c->argv[0], &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED)
		return err_set(e, -EINVAL,
			       verb == CTL_PAUSE ? "container not running"
						 : "container not paused");
	return container_ask(&k, &request, 0, e);
}

int cmd_pause(struct cmd *c, struct err *e)
{
	return running_ask(c, CTL_PAUSE, e);
}

int cmd_resume(struct cmd *c, struct err *e)
{
	return running_ask(c, CTL_RESUME, e);
}

int cmd_checkpoint(struct cmd *c, struct err *e)
{
	(void)c;
	return err_set(e, -ENOTSUP,
		       "checkpoint and restore are not supported: a container here is a VM");
}

/* Is this process one of ours in the container's pid namespace: its monitor or an exec's agent?
 * QEMU and virtiofsd are how it is done, not what runs. */
static bool running_is_visible(pid_t pid, ino_t pid_ns)
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

static void running_list_pids(pid_t monitor, struct json_out *out)
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

		if (pid > 0 && running_is_visible(pid, st.st_ino))
			json_out_i64(out, NULL, pid);
	}
	if (proc)
		closedir(proc);
}

int cmd_ps(struct cmd *c, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const char *format = c->values.format ? c->values.format : "table";
	struct json_out *out;
	int r = container_open(c, c->argv[0], &k, e);

	if (r < 0)
		return r;
	if (strcmp(format, "json"))
		return err_set(e, -ENOTSUP, "ps: only --format json is supported yet");
	out = json_out_new(NULL);
	json_out_array(out, NULL);
	if (k.state.pid)
		running_list_pids(k.state.pid, out);
	json_out_end(out);
	r = json_out_print(out, stdout);
	json_out_free(out);
	return r < 0 ? err_sys(e, r, "writing the list") : 0;
}
