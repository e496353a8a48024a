/* Talking to systemd about one unit. Must not know what the unit is for. */
#include "runtime/cgroup/systemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "lib/mem.h"
#include "runtime/userns/userns.h"

#define SYSTEMD_LIBRARY	   "libsystemd.so.0"
#define SYSTEMD_RUNNING	   "/run/systemd/system" /* sd_booted(3) */
#define SYSTEMD_SERVICE	   "org.freedesktop.systemd1"
#define SYSTEMD_PATH	   "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER	   SYSTEMD_SERVICE ".Manager"
#define SYSTEMD_NO_UNIT	   SYSTEMD_SERVICE ".NoSuchUnit"
#define SYSTEMD_UNIT_THERE SYSTEMD_SERVICE ".UnitExists"
#define SYSTEMD_JOB_MAX	   128 /* of a job's path */
#define SYSTEMD_WAIT_US	   UINT64_C(30000000)

#define SYSTEMD_CALLS(X)                                                                           \
	X(sd_bus_open_system)                                                                      \
	X(sd_bus_open_user)                                                                        \
	X(sd_bus_flush_close_unref)                                                                \
	X(sd_bus_match_signal)                                                                     \
	X(sd_bus_process)                                                                          \
	X(sd_bus_wait)                                                                             \
	X(sd_bus_call)                                                                             \
	X(sd_bus_call_method)                                                                      \
	X(sd_bus_error_free)                                                                       \
	X(sd_bus_error_has_name)                                                                   \
	X(sd_bus_get_property_string)                                                              \
	X(sd_bus_path_encode)                                                                      \
	X(sd_bus_message_new_method_call)                                                          \
	X(sd_bus_message_append)                                                                   \
	X(sd_bus_message_append_array)                                                             \
	X(sd_bus_message_append_strv)                                                              \
	X(sd_bus_message_open_container)                                                           \
	X(sd_bus_message_close_container)                                                          \
	X(sd_bus_message_read)                                                                     \
	X(sd_bus_message_unref)

/* The functions of the library under their own names, with their own types. */
struct systemd_calls {
#define SYSTEMD_DECLARE(name) __typeof__(&name) name;
	SYSTEMD_CALLS(SYSTEMD_DECLARE)
};

struct systemd {
	struct systemd_calls call;
	sd_bus *bus;
	char job[SYSTEMD_JOB_MAX];    /* the one that is waited for; "": not known yet */
	char result[SYSTEMD_JOB_MAX]; /* of that job; "": not ended */
};

static int systemd_load(struct systemd_calls *c, struct err *e)
{
	void *library = dlopen(SYSTEMD_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(e, -ENOENT, "the systemd cgroup driver needs %s: %s",
			       SYSTEMD_LIBRARY, dlerror());
#define SYSTEMD_LOOK_UP(name)                                                                      \
	c->name = (__typeof__(&name))dlsym(library, #name);                                        \
	if (!c->name)                                                                              \
		return err_set(e, -ENOENT, "%s has no %s()", SYSTEMD_LIBRARY, #name);
	SYSTEMD_CALLS(SYSTEMD_LOOK_UP)
	return 0;
}

/* For every job of anybody's: only the one we wait for counts. */
static int systemd_on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
	struct systemd *s = arg;
	const char *job, *unit, *result;
	uint32_t id;

	(void)ret_error;
	if (s->call.sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0 &&
	    !strcmp(job, s->job))
		snprintf(s->result, sizeof(s->result), "%s", result);
	return 0;
}

/* Of the host, or of a machine with a user namespace of its own, whose first process is in that.
 * A user's namespace has none: there the host's is somebody else's. */
static bool systemd_is_systems(void)
{
	struct stat own;
	struct stat first;

	return userns_is_initial() ||
	       (stat("/proc/self/ns/user", &own) == 0 && stat("/proc/1/ns/user", &first) == 0 &&
		own.st_dev == first.st_dev && own.st_ino == first.st_ino);
}

static int systemd_open(struct systemd *s, struct err *e)
{
	bool is_systems = systemd_is_systems();
	int r;

	if (access(SYSTEMD_RUNNING, F_OK) < 0)
		return err_set(e, -ENOTSUP,
			       "systemd not running on this host, cannot use systemd cgroups "
			       "manager");
	r = systemd_load(&s->call, e);
	if (r < 0)
		return r;
	/* A user has a systemd of his own. */
	r = is_systems ? s->call.sd_bus_open_system(&s->bus) : s->call.sd_bus_open_user(&s->bus);
	if (r < 0)
		return err_sys(e, r, "systemd: connecting to the %s bus",
			       is_systems ? "system" : "user's");
	r = s->call.sd_bus_match_signal(s->bus, NULL, SYSTEMD_SERVICE, SYSTEMD_PATH,
					SYSTEMD_MANAGER, "JobRemoved", systemd_on_job_removed, s);
	return r < 0 ? err_sys(e, r, "systemd: watching jobs") : 0;
}

static void systemd_close(struct systemd *s)
{
	if (s->bus)
		s->call.sd_bus_flush_close_unref(s->bus);
	s->bus = NULL;
}

static uint64_t systemd_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Messages that came during the call that made the job are dispatched here too: none is missed. */
static int systemd_await_job(struct systemd *s, const char *what, const char *unit, struct err *e)
{
	uint64_t end_us = systemd_now_us() + SYSTEMD_WAIT_US;
	int r = 0;

	while (r >= 0 && !*s->result) {
		uint64_t now_us = systemd_now_us();

		r = s->call.sd_bus_process(s->bus, NULL);
		if (r == 0 && now_us >= end_us)
			r = -ETIMEDOUT;
		else if (r == 0)
			r = s->call.sd_bus_wait(s->bus, end_us - now_us);
		if (r == -EINTR)
			r = 0;
	}
	if (r < 0)
		return err_sys(e, r, "systemd: waiting for '%s' to %s", unit, what);
	if (strcmp(s->result, "done") != 0)
		return err_set(e, -EIO, "systemd: '%s' did not %s: the job's result is '%s'", unit,
			       what, s->result);
	return 0;
}

static void systemd_reset_failed(struct systemd *s, const char *unit)
{
	(void)s->call.sd_bus_call_method(s->bus, SYSTEMD_SERVICE, SYSTEMD_PATH, SYSTEMD_MANAGER,
					 "ResetFailedUnit", NULL, NULL, "s", unit);
}

static int systemd_append_value(struct systemd *s, sd_bus_message *m, const struct unit_property *p)
{
	int r;

	if (!strcmp(p->type, "as")) {
		auto_free char **list = xcalloc(p->text_count + 1, sizeof(*list));

		for (size_t i = 0; i < p->text_count; i++)
			list[i] = p->texts[i];
		r = s->call.sd_bus_message_open_container(m, 'v', p->type);
		if (r >= 0)
			r = s->call.sd_bus_message_append_strv(m, list);
	} else if (!strcmp(p->type, "ay")) {
		r = s->call.sd_bus_message_open_container(m, 'v', p->type);
		if (r >= 0)
			r = s->call.sd_bus_message_append_array(m, 'y', p->bytes, p->byte_count);
	} else if (*p->type == 's') {
		return s->call.sd_bus_message_append(m, "v", p->type, p->texts[0]);
	} else if (*p->type == 't' || *p->type == 'x') {
		return s->call.sd_bus_message_append(m, "v", p->type, p->number);
	} else {
		return s->call.sd_bus_message_append(m, "v", p->type, (int)p->number);
	}
	return r < 0 ? r : s->call.sd_bus_message_close_container(m);
}

static int systemd_append_property(struct systemd *s, sd_bus_message *m,
				   const struct unit_property *p)
{
	int r = s->call.sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = s->call.sd_bus_message_append(m, "s", p->name);
	if (r >= 0)
		r = systemd_append_value(s, m, p);
	return r < 0 ? r : s->call.sd_bus_message_close_container(m);
}

/* What runc says of every container, before the limits and the annotations. */
static int systemd_append_common(struct systemd *s, sd_bus_message *m, const struct unit_name *n,
				 pid_t pid)
{
	auto_free char *description = xasprintf("vmrt container %s", n->label);
	int r = s->call.sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
					      description, "DefaultDependencies", "b", 0,
					      "MemoryAccounting", "b", 1, "CPUAccounting", "b", 1,
					      "IOAccounting", "b", 1, "TasksAccounting", "b", 1);

	if (r >= 0 && n->is_slice)
		r = s->call.sd_bus_message_append(m, "(sv)", "Wants", "as", 1, n->slice);
	else if (r >= 0)
		r = s->call.sd_bus_message_append(m, "(sv)(sv)(sv)", "Slice", "s", n->slice,
						  "Delegate", "b", 1, "PIDs", "au", 1,
						  (uint32_t)pid);
	return r;
}

static int systemd_new_start(struct systemd *s, const struct unit_name *n,
			     const struct unit_properties *properties, pid_t pid,
			     sd_bus_message **ret)
{
	sd_bus_message *m = NULL;
	int r = s->call.sd_bus_message_new_method_call(s->bus, &m, SYSTEMD_SERVICE, SYSTEMD_PATH,
						       SYSTEMD_MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = s->call.sd_bus_message_append(m, "ss", n->unit, "replace");
	if (r >= 0)
		r = s->call.sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = systemd_append_common(s, m, n, pid);
	for (size_t i = 0; r >= 0 && i < properties->count; i++)
		r = systemd_append_property(s, m, &properties->at[i]);
	if (r >= 0)
		r = s->call.sd_bus_message_close_container(m);
	if (r >= 0)
		r = s->call.sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		s->call.sd_bus_message_unref(m);
	else
		*ret = m;
	return r;
}

/* Takes the job's path out of the reply. */
static int systemd_take_job(struct systemd *s, sd_bus_message *reply)
{
	const char *job;
	int r = s->call.sd_bus_message_read(reply, "o", &job);

	if (r >= 0)
		snprintf(s->job, sizeof(s->job), "%s", job);
	return r;
}

static int systemd_call_start(struct systemd *s, const struct unit_name *n,
			      const struct unit_properties *properties, pid_t pid,
			      sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	sd_bus_message *reply = NULL;
	int r = systemd_new_start(s, n, properties, pid, &m);

	if (r < 0)
		return r;
	r = s->call.sd_bus_call(s->bus, m, SYSTEMD_WAIT_US, error, &reply);
	s->call.sd_bus_message_unref(m);
	if (r >= 0)
		r = systemd_take_job(s, reply);
	s->call.sd_bus_message_unref(reply);
	return r;
}

static int systemd_start(struct systemd *s, const struct unit_name *n,
			 const struct unit_properties *properties, pid_t pid, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = systemd_call_start(s, n, properties, pid, &error);

	/* May be what a container of that name has left when it failed. */
	if (r < 0 && s->call.sd_bus_error_has_name(&error, SYSTEMD_UNIT_THERE)) {
		s->call.sd_bus_error_free(&error);
		systemd_reset_failed(s, n->unit);
		r = systemd_call_start(s, n, properties, pid, &error);
	}
	if (r < 0 && s->call.sd_bus_error_has_name(&error, SYSTEMD_UNIT_THERE))
		r = -EEXIST;
	if (r < 0)
		err_set(e, r, "systemd: starting '%s': %s", n->unit,
			error.message ? error.message : strerror(-r));
	s->call.sd_bus_error_free(&error);
	if (r >= 0)
		r = systemd_await_job(s, "start", n->unit, e);
	return r;
}

static int systemd_get_path(struct systemd *s, const struct unit_name *n, char **ret, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_free char *object = NULL;
	int r = s->call.sd_bus_path_encode(SYSTEMD_PATH "/unit", n->unit, &object);

	if (r >= 0)
		r = s->call.sd_bus_get_property_string(s->bus, SYSTEMD_SERVICE, object,
						       n->is_slice ? SYSTEMD_SERVICE ".Slice"
								   : SYSTEMD_SERVICE ".Scope",
						       "ControlGroup", &error, ret);
	if (r < 0)
		err_set(e, r, "systemd: asking for the cgroup of '%s': %s", n->unit,
			error.message ? error.message : strerror(-r));
	s->call.sd_bus_error_free(&error);
	if (r >= 0 && **ret != '/') {
		free(take_ptr(*ret));
		r = err_set(e, -EIO, "systemd: '%s' has no cgroup", n->unit);
	}
	return r < 0 ? r : 0;
}

int systemd_unit_start(const struct unit_name *name, const struct unit_properties *properties,
		       pid_t pid, char **ret_path, bool *ret_was_asked, struct err *e)
{
	struct systemd s = {0};
	bool is_theirs = false;
	int r = systemd_open(&s, e);

	*ret_was_asked = r >= 0;
	if (r >= 0)
		r = systemd_start(&s, name, properties, pid, e);
	/* A slice can be shared, as runc does. */
	if (r == -EEXIST && name->is_slice) {
		is_theirs = true;
		r = 0;
	}
	if (r >= 0)
		r = systemd_get_path(&s, name, ret_path, e);
	if (r < 0 && s.bus)
		systemd_reset_failed(&s, name->unit);
	systemd_close(&s);
	return r == 0 ? is_theirs : r;
}

static int systemd_call_set(struct systemd *s, const char *unit,
			    const struct unit_properties *properties, sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	int r = s->call.sd_bus_message_new_method_call(s->bus, &m, SYSTEMD_SERVICE, SYSTEMD_PATH,
						       SYSTEMD_MANAGER, "SetUnitProperties");

	if (r >= 0)
		r = s->call.sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = s->call.sd_bus_message_open_container(m, 'a', "(sv)");
	for (size_t i = 0; r >= 0 && i < properties->count; i++)
		r = systemd_append_property(s, m, &properties->at[i]);
	if (r >= 0)
		r = s->call.sd_bus_message_close_container(m);
	if (r >= 0)
		r = s->call.sd_bus_call(s->bus, m, SYSTEMD_WAIT_US, error, NULL);
	s->call.sd_bus_message_unref(m);
	return r;
}

int systemd_unit_set(const char *unit, const struct unit_properties *properties, struct err *e)
{
	struct systemd s = {0};
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = systemd_open(&s, e);

	if (r >= 0) {
		r = systemd_call_set(&s, unit, properties, &error);
		if (r < 0)
			err_set(e, r, "systemd: changing '%s': %s", unit,
				error.message ? error.message : strerror(-r));
		s.call.sd_bus_error_free(&error);
	}
	systemd_close(&s);
	return r < 0 ? r : 0;
}

int systemd_unit_stop(const char *unit, struct err *e)
{
	struct systemd s = {0};
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	bool is_gone;
	int r = systemd_open(&s, e);

	if (r < 0) {
		systemd_close(&s);
		return r;
	}
	r = s.call.sd_bus_call_method(s.bus, SYSTEMD_SERVICE, SYSTEMD_PATH, SYSTEMD_MANAGER,
				      "StopUnit", &error, &reply, "ss", unit, "replace");
	is_gone = r < 0 && s.call.sd_bus_error_has_name(&error, SYSTEMD_NO_UNIT);
	if (r < 0)
		err_set(e, r, "systemd: stopping '%s': %s", unit,
			error.message ? error.message : strerror(-r));
	s.call.sd_bus_error_free(&error);
	if (r >= 0) {
		r = systemd_take_job(&s, reply);
		s.call.sd_bus_message_unref(reply);
		r = r < 0 ? err_sys(e, r, "systemd: stopping '%s'", unit)
			  : systemd_await_job(&s, "stop", unit, e);
	}
	systemd_reset_failed(&s, unit);
	systemd_close(&s);
	return is_gone ? 0 : r;
}
