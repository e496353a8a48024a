/* Service notifications (sd_notify(3)) from the container to who listens on the host. Must not pass
 * on what would give the guest a say about processes and descriptors of the host. */
#include "runtime/monitor/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void notify_relay(struct monitor *m, const char *line)
{
	static const char *const allowed[] = {
		"READY=",	   "RELOADING=", "STOPPING=",  "STATUS=",
		"ERRNO=",	   "BUSERROR=",	 "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=",
		"MONOTONIC_USEC=",
	};
	char text[PROTO_TEXT_MAX_BYTES + 2];
	int size = snprintf(text, sizeof(text), "%s\n", line);

	if (m->start->notify_fd < 0)
		return;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		/* A listener that does not read misses some, as it would of any datagram. */
		if (!strncmp(line, allowed[i], strlen(allowed[i])))
			(void)send(m->start->notify_fd, text, (size_t)size,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}
