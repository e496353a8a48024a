/* The commands create, run, start, kill, delete: from words to launch.h. */
#include "runtime/cmd/launch.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "runtime/cmd/foreground.h"
#include "runtime/cmd/preserve.h"
#include "runtime/log/log.h"

int cmd_create(struct cmd *c, struct err *e)
{
	const struct launch launch = {
		.id = c->argv[0],
		.bundle = c->values.bundle,
		.pid_file = c->values.pid_file,
		.console_socket = c->values.console_socket,
		.console_log = c->values.console_log,
		.gdb = c->values.gdb,
		.caller_ids = c->values.caller_ids,
		.is_bundle_trusted = c->values.is_bundle_trusted,
	};
	struct stdio_plan io = STDIO_NONE;
	auto_close int pidfd = -1;
	int r = preserve_check(c->values.preserve_fds, e);

	if (r == 0)
		r = launch_create(c, &launch, &io, &pidfd, e);
	stdio_done(&io);
	return r;
}

int cmd_start(struct cmd *c, struct err *e)
{
	return launch_start(c, c->argv[0], e);
}

int cmd_delete(struct cmd *c, struct err *e)
{
	return launch_delete(c, c->argv[0], c->values.is_force, e);
}

/* "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3", "RTMAX-1". */
static int lifecycle_parse_signal(const char *text)
{
	const char *name = text;
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number >= 0 && number <= SIGRTMAX ? (int)number : -EINVAL;
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	if (!strncasecmp(name, "RTMIN", 5) || !strncasecmp(name, "RTMAX", 5)) {
		int base = toupper((unsigned char)name[3]) == 'I' ? SIGRTMIN : SIGRTMAX;

		number = name[5] ? strtol(name + 5, &end, 10) : 0;
		if ((name[5] && *end) || base + number < SIGRTMIN || base + number > SIGRTMAX)
			return -EINVAL;
		return base + (int)number;
	}
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *abbreviation = sigabbrev_np(i);

		if (abbreviation && !strcasecmp(abbreviation, name))
			return i;
	}
	return -EINVAL;
}

int cmd_kill(struct cmd *c, struct err *e)
{
	const char *name = c->argc > 1 ? c->argv[1] : "SIGTERM";
	int signo = lifecycle_parse_signal(name);

	if (signo < 0)
		return err_set(e, -EINVAL, "unknown signal \"%s\"", name);
	return launch_kill(c, c->argv[0], signo, c->values.is_all, e);
}

static int lifecycle_start_or_delete(struct cmd *c, struct err *e)
{
	struct err ignored;
	int r = launch_start(c, c->argv[0], e);

	if (r < 0)
		(void)!launch_delete(c, c->argv[0], true, &ignored);
	return r;
}

static int lifecycle_run_foreground(struct cmd *c, int pidfd, struct stdio_plan *io, struct err *e)
{
	struct err delete_error;
	int r;

	foreground_hold_signals();
	foreground_drop_stdio(io);
	r = lifecycle_start_or_delete(c, e);
	if (r < 0)
		return r;
	r = foreground_wait(pidfd, io, e);
	if (r < 0)
		return r;
	c->exit_status = r;
	if (!c->values.want_keep && launch_delete(c, c->argv[0], true, &delete_error) < 0)
		log_warn("%s", delete_error.text);
	return 0;
}

int cmd_run(struct cmd *c, struct err *e)
{
	const struct launch launch = {
		.id = c->argv[0],
		.bundle = c->values.bundle,
		.pid_file = c->values.pid_file,
		.console_socket = c->values.console_socket,
		.console_log = c->values.console_log,
		.gdb = c->values.gdb,
		.caller_ids = c->values.caller_ids,
		.is_bundle_trusted = c->values.is_bundle_trusted,
		.dry_run = c->values.dry_run,
		.is_foreground = !c->values.is_detached,
	};
	struct stdio_plan io = STDIO_NONE;
	auto_close int pidfd = -1;
	int r = preserve_check(c->values.preserve_fds, e);

	if (r == 0)
		r = launch_create(c, &launch, &io, &pidfd, e);
	if (r == 0 && launch.dry_run)
		r = 0;
	else if (r == 0 && c->values.is_detached)
		r = lifecycle_start_or_delete(c, e);
	else if (r == 0)
		r = lifecycle_run_foreground(c, pidfd, &io, e);
	stdio_done(&io);
	return r;
}
