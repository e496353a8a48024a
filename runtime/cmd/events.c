/* events: usage numbers, once or again and again, and OOM kills. Must not map numbers: stats.c. */
#include "runtime/cmd/cmd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cmd/guest_query.h"
#include "runtime/cmd/stats.h"
#include "runtime/log/log.h"

#define EVENTS_INTERVAL_DEFAULT "5s"

/* Go's durations: "1.5s", "1m30s", "500ms". False for what is none. */
static bool events_parse_interval(const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double total = 0;

	if (!strcmp(text, "0"))
		text = "0s";
	while (*text >= '0' && *text <= '9') {
		char *end;
		double number = strtod(text, &end);
		size_t size = strcspn(end, "0123456789.");
		double unit = -1;

		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
			if (strlen(units[i].name) == size && !strncmp(end, units[i].name, size))
				unit = units[i].ns;
		}
		if (unit < 0)
			return false;
		total += number * unit;
		text = end + size;
		if (!*text) {
			*ret_ns = total < 1e18 ? (int64_t)total : INT64_MAX;
			return true;
		}
	}
	return false;
}

static int events_no_container(const struct container *k, struct err *e)
{
	return err_set(e, -ESRCH, "container with id %s is not running", k->state.id);
}

static int events_print(struct json_out *out, struct err *e)
{
	int r;

	json_out_end(out);
	r = json_out_print(out, stdout);
	json_out_free(out);
	return r < 0 ? err_sys(e, r, "writing an event") : 0;
}

static struct json_out *events_begin(const struct container *k, const char *type)
{
	struct json_out *out = json_out_new(NULL);

	json_out_object(out, NULL);
	json_out_string(out, "type", type);
	json_out_string(out, "id", k->state.id);
	return out;
}

static int events_print_stats(const struct container *k, struct err *e)
{
	auto_free char *answer = NULL;
	struct json_out *out;
	struct stats s;
	size_t size;
	int r = guest_query(k, GUEST_BUILTIN_STATS, NULL, &answer, &size, e);

	if (r == 0)
		r = stats_init(&s, answer, size, e);
	if (r < 0)
		return r;
	out = events_begin(k, "stats");
	stats_put(&s, out);
	return events_print(out, e);
}

/* The monitor tells of OOM kills on a connection that lasts as long as it does. */
static int events_open_watch(const struct container *k, struct err *e)
{
	const struct ctl_message request = {.verb = CTL_WATCH};
	auto_close int fd = ctl_connect(k->dirfd);
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message reply;

	if (fd < 0 || ctl_send(fd, &request) < 0 || ctl_receive(fd, &reply, buffer) < 0)
		return events_no_container(k, e);
	if (reply.error)
		return err_set(e, -reply.error, "%s", reply.text);
	return take_fd(fd);
}

static int events_open_timer(int64_t interval_ns, struct err *e)
{
	const struct timespec step = {.tv_sec = interval_ns / 1000000000,
				      .tv_nsec = interval_ns % 1000000000};
	const struct itimerspec when = {.it_interval = step, .it_value = step};
	auto_close int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0)
		return err_sys(e, -errno, "making a timer");
	return take_fd(fd);
}

/* As runc: numbers that cannot be had are worth a line, and the next may be there again. */
static int events_tick(const struct cmd *c, const char *id, int timer_fd, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	uint64_t ticks;
	int r;

	if (read(timer_fd, &ticks, sizeof(ticks)) < 0 && errno != EINTR)
		return err_sys(e, -errno, "reading a timer");
	r = container_open(c, id, &k, e);
	if (r == 0)
		r = events_print_stats(&k, e);
	if (r < 0 && !ferror(stdout)) {
		log_error("%s", e->text);
		r = 0;
	}
	return r;
}

/* One line per kill until the container ends, which is the end. */
static int events_stream(const struct cmd *c, const struct container *k, int64_t interval_ns,
			 struct err *e)
{
	auto_close int watch_fd = events_open_watch(k, e);
	auto_close int timer_fd = watch_fd < 0 ? -1 : events_open_timer(interval_ns, e);
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message m;
	int r = watch_fd < 0 ? watch_fd : timer_fd < 0 ? timer_fd : 0;

	while (r == 0) {
		struct pollfd p[2] = {{.fd = watch_fd, .events = POLLIN},
				      {.fd = timer_fd, .events = POLLIN}};

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) {
			if (ctl_receive(watch_fd, &m, buffer) < 0)
				return 0;
			if (m.verb == CTL_OOM)
				r = events_print(events_begin(k, "oom"), e);
		} else if (p[1].revents) {
			r = events_tick(c, k->state.id, timer_fd, e);
		}
	}
	return r;
}

int cmd_events(struct cmd *c, struct err *e)
{
	const char *interval = c->values.interval ? c->values.interval : EVENTS_INTERVAL_DEFAULT;
	auto_container struct container k = CONTAINER_NONE;
	int64_t interval_ns;
	int r;

	if (!events_parse_interval(interval, &interval_ns))
		return err_set(e, -EINVAL,
			       "option --interval: expected a duration like 5s, got '%s'",
			       interval);
	if (!interval_ns)
		return err_set(e, -EINVAL, "duration interval must be greater than 0");
	r = container_open(c, c->argv[0], &k, e);
	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED)
		return events_no_container(&k, e);
	if (!c->values.want_stats)
		return events_stream(c, &k, interval_ns, e);
	r = events_print_stats(&k, e);
	return r == -ESRCH ? events_no_container(&k, e) : r;
}
