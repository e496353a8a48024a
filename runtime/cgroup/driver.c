/* Choosing and following one of the two cgroup drivers. Must not decide limits (host_limits.c) nor
 * speak D-Bus (systemd.c). */
#include "runtime/cgroup/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cgroup/systemd.h"
#include "runtime/proc/spawn.h"

#define DRIVER_UNIT_FILE  "unit" /* in the state directory: the unit's name */
#define DRIVER_NAME_BYTES 4096

/* A scope needs a process from its first moment, and the container's come later. */
static int driver_hold(void *arg)
{
	const pid_t *parent = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == *parent)
		pause();
	return 0;
}

static bool driver_is_v2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int driver_save_unit(const struct cgroup_request *q, const char *unit, struct err *e)
{
	auto_close int fd = openat(q->state_dirfd, DRIVER_UNIT_FILE,
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, unit, strlen(unit));

	return r < 0 ? err_sys(e, r, "writing the name of the unit") : 0;
}

/* The unit's cgroup as systemd says it, relative to the mount points. */
static int driver_start_unit(const struct cgroup_request *q, const struct unit_name *name,
			     char **ret_path, int *ret_holder_pidfd, struct err *e)
{
	struct unit_properties properties = {0};
	pid_t self = getpid();
	pid_t holder = 0;
	bool was_asked = false;
	int r;

	unit_properties_of_limits(q->resources, &q->overhead, driver_is_v2(), &properties);
	r = unit_properties_of_annotations(q->annotations, &properties, e);
	if (r == 0)
		r = driver_save_unit(q, name->unit, e);
	if (r == 0 && !name->is_slice)
		r = spawn_monitor(0, driver_hold, &self, &holder, ret_holder_pidfd, e);
	if (r == 0)
		r = systemd_unit_start(name, &properties, holder, ret_path, &was_asked, e);
	unit_properties_done(&properties);
	/* Somebody else's: nothing of ours may stop it. Or nobody's: there is nothing to stop. */
	if (r == 1 || r == -EEXIST || !was_asked)
		unlinkat(q->state_dirfd, DRIVER_UNIT_FILE, 0);
	return r < 0 ? r : 0;
}

int cgroup_driver_make(const struct cgroup_request *q, struct cgroup_host *ret,
		       int *ret_holder_pidfd, struct err *e)
{
	auto_free char *path = q->path && *q->path ? xstrdup(q->path) : NULL;
	int r = 0;

	if (q->want_systemd) {
		struct unit_name name;

		free(take_ptr(path));
		r = unit_name_parse(q->path, q->id, &name, e);
		if (r == 0)
			r = driver_start_unit(q, &name, &path, ret_holder_pidfd, e);
		unit_name_done(&name);
	}
	if (r == 0)
		r = cgroup_host_find(path, q->id, ret, e);
	if (r == 0)
		cgroup_host_keep_own(ret);
	if (r == 0)
		r = cgroup_host_save(ret, q->state_dirfd, e);
	if (r == 0)
		r = cgroup_host_make(ret, e);
	return r < 0 ? r : cgroup_host_limit(ret, q->resources, &q->overhead, e);
}

/* So that systemd does not put the old ones back when it is told to reload. */
static int driver_update_unit(int state_dirfd, const struct oci_resources *r,
			      const struct cgroup_overhead *overhead, struct err *e)
{
	struct unit_properties properties = {0};
	auto_free char *unit = NULL;
	int rc = fd_read_file(state_dirfd, DRIVER_UNIT_FILE, DRIVER_NAME_BYTES, &unit, NULL);

	if (rc < 0)
		return rc == -ENOENT ? 0
				     : err_sys(e, rc, "reading the name of the container's unit");
	unit_properties_of_limits(r, overhead, driver_is_v2(), &properties);
	rc = properties.count ? systemd_unit_set(unit, &properties, e) : 0;
	unit_properties_done(&properties);
	return rc;
}

int cgroup_driver_update(int state_dirfd, const struct oci_resources *r,
			 const struct cgroup_overhead *overhead, struct guest_pairs *ret_kept,
			 struct err *e)
{
	struct cgroup_host h = {0};
	int rc = cgroup_host_load(state_dirfd, &h, e);

	*ret_kept = (struct guest_pairs){0};
	if (rc < 0)
		return rc;
	cgroup_host_keep(&h, r, overhead, ret_kept);
	rc = driver_update_unit(state_dirfd, r, overhead, e);
	if (rc == 0)
		rc = cgroup_host_limit(&h, r, overhead, e);
	if (rc < 0)
		cgroup_host_restore(ret_kept);
	cgroup_host_done(&h);
	return rc;
}

int cgroup_driver_remove(int state_dirfd, struct err *e)
{
	auto_free char *unit = NULL;
	int r = fd_read_file(state_dirfd, DRIVER_UNIT_FILE, DRIVER_NAME_BYTES, &unit, NULL);

	/* First: systemd's hierarchy is its own to clear. */
	if (r == 0)
		r = systemd_unit_stop(unit, e);
	else
		r = r == -ENOENT ? 0 : err_sys(e, r, "reading the name of the container's unit");
	if (r < 0)
		return r;
	r = cgroup_host_remove(state_dirfd);
	return r < 0 ? err_sys(e, r, "removing the container's cgroup") : 0;
}
