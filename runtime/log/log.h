/* Where messages for people go: stderr, the engine's --log file, the container's own log.
 *
 * An engine's `create` hands its stderr to the container: a warning printed there would become
 * output of the user's program. So only errors, after which there is no container, reach stderr of
 * every verb; warnings reach it where a person is looking (log_options.is_stderr_ours). The --log
 * file gets errors only, unless --debug: podman reads it as one single JSON value. */
#ifndef VMRT_LOG_H
#define VMRT_LOG_H

#include <stdbool.h>

#include "lib/err.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT
};

struct log_options {
	const char *path; /* --log; NULL: none */
	bool is_json;	  /* --log-format json */
	bool is_debug;	  /* --debug */
	bool is_stderr_ours;
};

/* Opens the --log file (append, create 0644). A file that cannot be opened is an error. */
int log_open(const struct log_options *options, struct err *e) VMRT_MUST_CHECK;

/* The container's own log, kept in its state directory: everything from INFO on (DEBUG with
 * --debug). The descriptor is not closed by the log. -1: none. */
void log_set_container(int fd);
/* In the monitor: the engine's stderr and log file are the creating command's to write. */
void log_close_engine(void);
/* Takes a standard error up (again), and keeps it when descriptor 2 becomes something else. */
void log_keep_stderr(void);

void log_error(const char *fmt, ...) VMRT_PRINTF(1, 2);
void log_warn(const char *fmt, ...) VMRT_PRINTF(1, 2);
void log_info(const char *fmt, ...) VMRT_PRINTF(1, 2);
void log_debug(const char *fmt, ...) VMRT_PRINTF(1, 2);

#endif
