/* Units of the host's systemd, over D-Bus.
 *
 *   vmrt                                  systemd
 *     |  StartTransientUnit(unit, …) ------> |   makes the cgroups, moves `pid` into them
 *     |  <------------- job ---------------- |
 *     |  <--- JobRemoved(job, "done") ------ |
 *     |  Get(ControlGroup) ----------------> |
 *     …
 *     |  StopUnit(unit) -------------------> |   the cgroups are gone with the unit
 *
 * libsystemd is loaded when it is needed: linked, it would cost every other call of vmrt's a
 * millisecond, and hosts without systemd the whole of vmrt. */
#ifndef VMRT_CGROUP_SYSTEMD_H
#define VMRT_CGROUP_SYSTEMD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/cgroup/unit.h"

/* Starts the unit with `pid` in it (not if it is a slice) and waits for the job's end, at most half
 * a minute. A scope lives as long as there is a process in it. `ret_path` (owned by the caller) is
 * the unit's cgroup below the hierarchies' mount points. Fails, saying so, on a host without
 * systemd. 0, 1 if it is a slice that was there already, -EEXIST if it is a scope that was: in both
 * cases it is not the caller's to stop. `ret_was_asked` is false if systemd could not be reached:
 * there is no unit then, whereas other failures may leave one. */
int systemd_unit_start(const struct unit_name *name, const struct unit_properties *properties,
		       pid_t pid, char **ret_path, bool *ret_was_asked,
		       struct err *e) VMRT_MUST_CHECK;
/* Changes properties of a unit that runs, until the host's next start. */
int systemd_unit_set(const char *unit, const struct unit_properties *properties,
		     struct err *e) VMRT_MUST_CHECK;
/* Stops it and waits for that. A unit that is not there any more is fine. */
int systemd_unit_stop(const char *unit, struct err *e) VMRT_MUST_CHECK;

#endif
