/* Talking to a guest's qemu-guest-agent: requests as text, replies taken apart. Must not wait: the
 * caller moves the bytes. Source: QEMU's Guest Agent Protocol Reference. */
#ifndef VMRUN_AGENT_H
#define VMRUN_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/proc/strv.h"

#define AGENT_PORT "org.qemu.guest_agent.0"

/* In the order of the requests: so come the replies. */
enum agent_request {
	AGENT_SYNC,   /* answered as soon as there is an agent */
	AGENT_EXEC,   /* of the command */
	AGENT_STATUS, /* of the command */
	AGENT_OTHER,  /* whose reply says nothing */
	AGENT_REQUEST_COUNT
};

struct agent_reply {
	bool is_error;
	char error[256];
	int64_t number;	 /* SYNC: the id; EXEC: the pid in the guest */
	bool has_exited; /* STATUS */
	int exit_status; /* of what has exited: 128+N after signal N */
};

/* Texts of requests, with their newline; owned by the caller. */
char *agent_sync_text(int64_t id);
/* `input` becomes the program's standard input. */
char *agent_exec_text(const char *program, const struct strv *args, const struct strv *env,
		      const char *input);
char *agent_status_text(int64_t pid);
/* Sends a signal in the guest. */
char *agent_kill_text(int64_t pid, int signo);
/* Has the system power off, as a person would. */
char *agent_shutdown_text(void);

/* One line of the agent's. Fails for what is no reply to `request`. */
int agent_parse(enum agent_request request, const char *line, struct agent_reply *ret,
		struct err *e) VMRT_MUST_CHECK;

#endif
