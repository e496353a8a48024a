/* The commands of vmrt: what main.c parses and each command gets. */
#ifndef VMRT_CMD_H
#define VMRT_CMD_H

#include <stdbool.h>

#include "lib/err.h"
#include "runtime/cmd/options.h"

struct cmd_global {
	const char *root;
	const char *log;
	const char *log_format;
	bool is_debug;
	bool want_systemd_cgroup;
	bool want_help;
	bool want_version;
};

struct cmd_update {
	const char *resources; /* a file: all others are nothing then */
	const char *memory;
	const char *memory_swap;
	const char *memory_reservation;
	const char *cpu_shares;
	const char *cpu_quota;
	const char *cpu_period;
	const char *cpu_rt_runtime;
	const char *cpu_rt_period;
	const char *cpuset_cpus;
	const char *cpuset_mems;
	const char *pids_limit;
	const char *blkio_weight;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
};

struct cmd_values {
	const char *bundle;
	const char *pid_file;
	const char *console_socket;
	const char *console_log;
	const char *gdb;
	const char *dry_run;
	bool is_bundle_trusted;
	const char *caller_ids;
	unsigned int preserve_fds;
	const char *format;
	bool is_quiet;
	bool want_json;
	bool is_all;
	bool is_force;
	bool is_detached;
	bool want_keep;
	const char *process; /* exec: a file */
	const char *cwd;
	const char *user;
	struct option_list env;
	struct option_list caps;
	struct option_list additional_gids;
	bool is_tty;
	bool no_new_privs;
	bool ignore_paused;
	const char *process_label;
	const char *apparmor;
	struct option_list cgroups;
	const char *interval; /* events */
	bool want_stats;
	bool want_uefi; /* boot */
	const char *firmware;
	bool is_writable;
	unsigned int memory_mib;
	unsigned int cpus;
	struct option_list ports;
	struct option_list shares;
	const char *console_fd;
	const char *net;
	struct option_list publish;
	struct option_list qemu_args;
	struct cmd_update update;
	bool want_help;
};

struct cmd {
	struct cmd_global global;
	struct cmd_values values;
	int argc; /* words after the options */
	char **argv;
	int exit_status; /* of the process: set by a command that ends with the container's status
			  */
};

/* What a verb needs of a user who is not root. */
enum cmd_ground {
	CMD_ANYWHERE,	   /* nothing: it reads */
	CMD_STATE,	   /* nothing, but what it reads has to be the user's */
	CMD_NEW_CONTAINER, /* a user namespace of its own */
	CMD_CONTAINER,	   /* that of the container that its first word names */
	CMD_GROUND_COUNT
};

struct cmd_verb {
	const char *name;
	const char *arguments; /* "<container-id>" */
	const char *summary;
	const struct option_spec *options;
	size_t option_count;
	int min_words;
	int max_words;
	enum cmd_ground ground;
	bool is_stderr_ours; /* warnings may be printed: it is not the container's stderr */
	int failure_status;  /* exit status of a failure: 0 means 1 */
	bool stops_at_word;  /* words after the first belong to the container's command */
	/* 0, or -errno with the text that goes to stderr and to --log */
	int (*run)(struct cmd *c, struct err *e);
};

extern const struct cmd_verb cmd_verbs[];
extern const size_t cmd_verb_count;

int cmd_create(struct cmd *c, struct err *e);
int cmd_run(struct cmd *c, struct err *e);
int cmd_start(struct cmd *c, struct err *e);
int cmd_kill(struct cmd *c, struct err *e);
int cmd_delete(struct cmd *c, struct err *e);
int cmd_exec(struct cmd *c, struct err *e);
int cmd_pause(struct cmd *c, struct err *e);
int cmd_resume(struct cmd *c, struct err *e);
int cmd_checkpoint(struct cmd *c, struct err *e);
int cmd_ps(struct cmd *c, struct err *e);
int cmd_events(struct cmd *c, struct err *e);
int cmd_update(struct cmd *c, struct err *e);
int cmd_state(struct cmd *c, struct err *e);
int cmd_list(struct cmd *c, struct err *e);
int cmd_spec(struct cmd *c, struct err *e);
int cmd_doctor(struct cmd *c, struct err *e);
int cmd_instruct(struct cmd *c, struct err *e);
int cmd_boot(struct cmd *c, struct err *e);
int cmd_features(struct cmd *c, struct err *e);

/* --root, or the default. */
const char *cmd_root(const struct cmd *c);

#endif
