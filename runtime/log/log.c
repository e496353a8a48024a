/* Messages for people. Must not fail: what cannot be written is dropped. */
#include "runtime/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/fd.h"

#define LOG_LINE_BYTES 4096

static const char *const log_level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
_Static_assert(sizeof(log_level_names) / sizeof(*log_level_names) == LOG_LEVEL_COUNT, "names");

static struct {
	struct log_options options;
	int engine_fd;
	int container_fd;
	int stderr_fd; /* -1: none any more */
	struct timespec begin;
} log_state = {.engine_fd = -1, .container_fd = -1, .stderr_fd = STDERR_FILENO};

int log_open(const struct log_options *options, struct err *e)
{
	log_state.options = *options;
	clock_gettime(CLOCK_MONOTONIC, &log_state.begin);
	if (!options->path)
		return 0;
	log_state.engine_fd =
		open(options->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (log_state.engine_fd < 0)
		return err_sys(e, -errno, "opening the log file '%s'", options->path);
	return 0;
}

void log_set_container(int fd)
{
	log_state.container_fd = fd;
}

void log_close_engine(void)
{
	fd_close(&log_state.engine_fd);
	log_state.stderr_fd = -1;
}

void log_keep_stderr(void)
{
	log_state.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Appends `text` to a JSON string: the quote, the backslash and control characters escaped. */
static size_t log_json_escape(char *to, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text && n + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			to[n++] = '\\';
		if (c < 0x20)
			n += (size_t)snprintf(to + n, room - n, "\\u%04x", c);
		else
			to[n++] = (char)c;
	}
	to[n] = '\0';
	return n;
}

static void log_write(int fd, enum log_level level, const char *text, bool is_json)
{
	char line[2 * LOG_LINE_BYTES];
	char when[64];
	char body[LOG_LINE_BYTES + 256];
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	if (is_json) {
		log_json_escape(body, sizeof(body), text);
		n = snprintf(line, sizeof(line),
			     "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%sZ\"}\n",
			     log_level_names[level], body, when);
	} else {
		n = snprintf(line, sizeof(line), "%s.%03ldZ %s: %s\n", when, now.tv_nsec / 1000000,
			     log_level_names[level], text);
	}
	(void)!fd_write_all(fd, line, (size_t)n);
}

/* For a person. With --debug also how long after the command's begin: where a start's time goes. */
static void log_write_stderr(bool is_error, const char *text)
{
	struct timespec now;

	if (is_error || !log_state.options.is_debug) {
		dprintf(log_state.stderr_fd, "%s%s\n", is_error ? "" : "vmrt: ", text);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(log_state.stderr_fd, "vmrt: [%7.1f ms] %s\n",
		(double)(now.tv_sec - log_state.begin.tv_sec) * 1e3 +
			(double)(now.tv_nsec - log_state.begin.tv_nsec) / 1e6,
		text);
}

static void log_message(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_BYTES];
	bool is_error = level == LOG_LEVEL_ERROR;
	int saved = errno;

	if (level == LOG_LEVEL_DEBUG && !log_state.options.is_debug)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++) {
		if (*p == '\n')
			*p = ' ';
	}
	if (log_state.engine_fd >= 0 && (is_error || log_state.options.is_debug))
		log_write(log_state.engine_fd, level, text, log_state.options.is_json);
	if (log_state.container_fd >= 0)
		log_write(log_state.container_fd, level, text, false);
	if (log_state.stderr_fd >= 0 && (is_error || log_state.options.is_stderr_ours))
		log_write_stderr(is_error, text);
	errno = saved;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_message(level, fmt, ap);                                                       \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
