/* vmrt: an OCI runtime that runs every container in a QEMU microvm of its own.
 *
 * This file has the table of commands, reads the words before and after the command, and turns a
 * command's error into stderr, --log and an exit status. It must not do anything itself. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/cmd/cmd.h"
#include "runtime/cmd/ground.h"
#include "runtime/log/log.h"
#include "runtime/proc/title.h"
#include "runtime/userns/rundir.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define GLOBAL(m)    offsetof(struct cmd_global, m)
#define VALUE(m)     offsetof(struct cmd_values, m)

static const struct option_spec main_options[] = {
	{"root", 0, OPTION_STRING, GLOBAL(root), "DIR",
	 "where the state of containers is kept (default: /run/vmrt, a user's "
	 "$XDG_RUNTIME_DIR/vmrt)"},
	{"log", 0, OPTION_STRING, GLOBAL(log), "FILE", "append errors to FILE as well"},
	{"log-format", 0, OPTION_STRING, GLOBAL(log_format), "FORMAT",
	 "of that file: text (default) or json"},
	{"debug", 0, OPTION_FLAG, GLOBAL(is_debug), NULL,
	 "say what happens when, also in --log's file"},
	{"systemd-cgroup", 0, OPTION_FLAG, GLOBAL(want_systemd_cgroup), NULL,
	 "cgroupsPath is slice:prefix:name"},
	{"rootless", 0, OPTION_COMPAT_STRING, 0, "auto|true|false",
	 "accepted for compatibility: vmrt sees for itself whether it is root"},
	{"criu", 0, OPTION_COMPAT_STRING, 0, "PATH",
	 "accepted for compatibility: VMs are not checkpointed"},
	{"cgroup-manager", 0, OPTION_COMPAT_STRING, 0, "NAME",
	 "accepted for compatibility with crun: see --systemd-cgroup"},
	{"help", 'h', OPTION_FLAG, GLOBAL(want_help), NULL, "show this help"},
	{"version", 'v', OPTION_FLAG, GLOBAL(want_version), NULL, "show the version"},
};

#define HELP_OPTION                                                                                \
	{                                                                                          \
		"help", 'h', OPTION_FLAG, VALUE(want_help), NULL, "show this help"                 \
	}
#define CREATE_OPTIONS                                                                              \
	{"bundle",	'b',   OPTION_STRING,                                                       \
	 VALUE(bundle), "DIR", "folder with config.json (default: the current one)"},               \
		{"pid-file",	  0,	  OPTION_STRING,                                            \
		 VALUE(pid_file), "FILE", "write the pid of the container's host process to FILE"}, \
		{"console-socket", 0,                                                               \
		 OPTION_STRING,	   VALUE(console_socket),                                           \
		 "SOCKET",	   "send the terminal's master to this AF_UNIX socket"},            \
		{"console-log",	     0,	     OPTION_STRING,                                         \
		 VALUE(console_log), "FILE", "append what the guest's kernel says to FILE"},        \
		{"gdb",	     0,	       OPTION_STRING,                                               \
		 VALUE(gdb), "SOCKET", "make SOCKET for debuggers of the guest's kernel"},          \
		{"trust-bundle",                                                                    \
		 0,                                                                                 \
		 OPTION_FLAG,                                                                       \
		 VALUE(is_bundle_trusted),                                                          \
		 NULL,                                                                              \
		 "the vm object and annotations may do all, whatever the settings say"},            \
		{"caller-ids",                                                                      \
		 0,                                                                                 \
		 OPTION_STRING,                                                                     \
		 VALUE(caller_ids),                                                                 \
		 "UID:GID",                                                                         \
		 "of a user who is not root: whose files of the VM are the user's (default: "       \
		 "0:0)"},                                                                           \
		{"preserve-fds",      0,   OPTION_COUNT,                                            \
		 VALUE(preserve_fds), "N", "refused: a VM gets no descriptors of the host"},        \
		{"no-pivot",                                                                        \
		 0,                                                                                 \
		 OPTION_COMPAT,                                                                     \
		 0,                                                                                 \
		 NULL,                                                                              \
		 "accepted for compatibility: the guest always has a root of its own"},             \
		{"no-new-keyring",                                                                  \
		 0,                                                                                 \
		 OPTION_COMPAT,                                                                     \
		 0,                                                                                 \
		 NULL,                                                                              \
		 "accepted for compatibility: keyrings are the guest kernel's"},                    \
		HELP_OPTION

static const struct option_spec create_options[] = {CREATE_OPTIONS};
static const struct option_spec run_options[] = {
	{"detach", 'd', OPTION_FLAG, VALUE(is_detached), NULL, "do not wait for the container"},
	{"keep", 0, OPTION_FLAG, VALUE(want_keep), NULL, "do not delete it when it has ended"},
	{"dry-run", 0, OPTION_STRING, VALUE(dry_run), "DIR",
	 "print the commands that would run it by hand, and put what they need into DIR"},
	{"no-subreaper", 0, OPTION_COMPAT, 0, NULL,
	 "accepted for compatibility: vmrt is no subreaper"},
	CREATE_OPTIONS,
};
static const struct option_spec exec_options[] = {
	{"process", 'p', OPTION_STRING, VALUE(process), "FILE",
	 "the process as in config.json; instead of words and options"},
	{"tty", 't', OPTION_FLAG, VALUE(is_tty), NULL, "give it a terminal"},
	{"user", 'u', OPTION_STRING, VALUE(user), "UID[:GID]", "whom it runs as"},
	{"additional-gids", 'g', OPTION_LIST, VALUE(additional_gids), "GID", "one more group"},
	{"env", 'e', OPTION_LIST, VALUE(env), "NAME=VALUE", "one more environment variable"},
	{"cwd", 0, OPTION_STRING, VALUE(cwd), "DIR", "its working directory"},
	{"cap", 'c', OPTION_LIST, VALUE(caps), "CAP_NAME", "one more capability"},
	{"no-new-privs", 0, OPTION_FLAG, VALUE(no_new_privs), NULL,
	 "it cannot gain privileges by executing programs"},
	{"detach", 'd', OPTION_FLAG, VALUE(is_detached), NULL, "do not wait for it"},
	{"pid-file", 0, OPTION_STRING, VALUE(pid_file), "FILE",
	 "write the pid of its host process to FILE"},
	{"console-socket", 0, OPTION_STRING, VALUE(console_socket), "SOCKET",
	 "send the terminal's master to this AF_UNIX socket"},
	{"preserve-fds", 0, OPTION_COUNT, VALUE(preserve_fds), "N",
	 "refused: a VM gets no descriptors of the host"},
	{"ignore-paused", 0, OPTION_FLAG, VALUE(ignore_paused), NULL,
	 "refused for a paused container all the same: its VM stands still"},
	{"process-label", 0, OPTION_STRING, VALUE(process_label), "LABEL",
	 "refused: the guest has no SELinux"},
	{"apparmor", 0, OPTION_STRING, VALUE(apparmor), "PROFILE",
	 "refused: the guest has no AppArmor"},
	{"cgroup", 0, OPTION_LIST, VALUE(cgroups), "PATH",
	 "an existing sub-cgroup of the container's to run in"},
	HELP_OPTION,
};
static const struct option_spec kill_options[] = {
	{"all", 'a', OPTION_FLAG, VALUE(is_all), NULL, "signal every process of the container"},
	HELP_OPTION,
};
/* Whatever an engine passes: the answer is the same. */
static const struct option_spec checkpoint_options[] = {
	{"image-path", 0, OPTION_COMPAT_STRING, 0, "DIR", "accepted for compatibility"},
	{"work-path", 0, OPTION_COMPAT_STRING, 0, "DIR", "accepted for compatibility"},
	{"parent-path", 0, OPTION_COMPAT_STRING, 0, "DIR", "accepted for compatibility"},
	{"page-server", 0, OPTION_COMPAT_STRING, 0, "ADDRESS", "accepted for compatibility"},
	{"status-fd", 0, OPTION_COMPAT_STRING, 0, "FD", "accepted for compatibility"},
	{"manage-cgroups-mode", 0, OPTION_COMPAT_STRING, 0, "MODE", "accepted for compatibility"},
	{"empty-ns", 0, OPTION_COMPAT_STRING, 0, "NAME", "accepted for compatibility"},
	{"lsm-profile", 0, OPTION_COMPAT_STRING, 0, "NAME", "accepted for compatibility"},
	{"lsm-mount-context", 0, OPTION_COMPAT_STRING, 0, "NAME", "accepted for compatibility"},
	{"bundle", 'b', OPTION_COMPAT_STRING, 0, "DIR", "accepted for compatibility"},
	{"pid-file", 0, OPTION_COMPAT_STRING, 0, "FILE", "accepted for compatibility"},
	{"console-socket", 0, OPTION_COMPAT_STRING, 0, "SOCKET", "accepted for compatibility"},
	{"leave-running", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"tcp-established", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"ext-unix-sk", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"shell-job", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"lazy-pages", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"file-locks", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"pre-dump", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"auto-dedup", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"detach", 'd', OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"no-subreaper", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	{"no-pivot", 0, OPTION_COMPAT, 0, NULL, "accepted for compatibility"},
	HELP_OPTION,
};
static const struct option_spec delete_options[] = {
	{"force", 'f', OPTION_FLAG, VALUE(is_force), NULL,
	 "kill it first; succeed when it does not exist"},
	HELP_OPTION,
};
static const struct option_spec list_options[] = {
	{"format", 'f', OPTION_STRING, VALUE(format), "FORMAT", "table (default) or json"},
	{"quiet", 'q', OPTION_FLAG, VALUE(is_quiet), NULL, "only the ids"},
	HELP_OPTION,
};
static const struct option_spec spec_options[] = {
	{"bundle", 'b', OPTION_STRING, VALUE(bundle), "DIR", "where to write config.json"},
	HELP_OPTION,
};
static const struct option_spec ps_options[] = {
	{"format", 'f', OPTION_STRING, VALUE(format), "FORMAT", "table (default) or json"},
	HELP_OPTION,
};
static const struct option_spec events_options[] = {
	{"interval", 0, OPTION_STRING, VALUE(interval), "DURATION",
	 "how often usage numbers are printed (default: 5s)"},
	{"stats", 0, OPTION_FLAG, VALUE(want_stats), NULL, "print usage numbers once"},
	HELP_OPTION,
};
static const struct option_spec update_options[] = {
	{"resources", 'r', OPTION_STRING, VALUE(update.resources), "FILE",
	 "linux.resources as JSON, - for standard input; instead of the other options"},
	{"memory", 0, OPTION_STRING, VALUE(update.memory), "BYTES",
	 "memory limit, at most what the VM was started with"},
	{"memory-swap", 0, OPTION_STRING, VALUE(update.memory_swap), "BYTES",
	 "limit of memory and swap together"},
	{"memory-reservation", 0, OPTION_STRING, VALUE(update.memory_reservation), "BYTES",
	 "memory that is kept for it"},
	{"cpu-share", 0, OPTION_STRING, VALUE(update.cpu_shares), "N", "weight among containers"},
	{"cpu-shares", 0, OPTION_STRING, VALUE(update.cpu_shares), "N", "the same"},
	{"cpu-quota", 0, OPTION_STRING, VALUE(update.cpu_quota), "US",
	 "CPU time in a period, at most what the VM's CPUs can give"},
	{"cpu-period", 0, OPTION_STRING, VALUE(update.cpu_period), "US", "length of a period"},
	{"cpu-rt-runtime", 0, OPTION_STRING, VALUE(update.cpu_rt_runtime), "US",
	 "refused: the guest's cgroup has none"},
	{"cpu-rt-period", 0, OPTION_STRING, VALUE(update.cpu_rt_period), "US", "refused likewise"},
	{"cpuset-cpus", 0, OPTION_STRING, VALUE(update.cpuset_cpus), "LIST",
	 "CPUs of the host that the VM may use"},
	{"cpuset-mems", 0, OPTION_STRING, VALUE(update.cpuset_mems), "LIST",
	 "memory nodes of the host that the VM may use"},
	{"pids-limit", 0, OPTION_STRING, VALUE(update.pids_limit), "N", "number of processes"},
	{"blkio-weight", 0, OPTION_STRING, VALUE(update.blkio_weight), "N",
	 "weight of the VM on the host's disks: 10 to 1000"},
	{"l3-cache-schema", 0, OPTION_STRING, VALUE(update.l3_cache_schema), "TEXT",
	 "refused: the host's hardware is not the VM's"},
	{"mem-bw-schema", 0, OPTION_STRING, VALUE(update.mem_bw_schema), "TEXT",
	 "refused likewise"},
	HELP_OPTION,
};
static const struct option_spec doctor_options[] = {
	{"json", 0, OPTION_FLAG, VALUE(want_json), NULL, "print the findings as JSON"},
	HELP_OPTION,
};
static const struct option_spec boot_options[] = {
	{"uefi", 0, OPTION_FLAG, VALUE(want_uefi), NULL, "boot it by UEFI (OVMF) instead of BIOS"},
	{"firmware", 0, OPTION_STRING, VALUE(firmware), "FILE", "another firmware than these"},
	{"rw", 0, OPTION_FLAG, VALUE(is_writable), NULL,
	 "write into the image (default: what is written vanishes)"},
	{"memory", 'm', OPTION_COUNT, VALUE(memory_mib), "MIB", "memory"},
	{"cpus", 'c', OPTION_COUNT, VALUE(cpus), "N", "number of CPUs"},
	{"share", 0, OPTION_LIST, VALUE(shares), "TAG=DIR[:ro]",
	 "one more directory that the guest can mount (9p)"},
	{"port", 0, OPTION_LIST, VALUE(ports), "NAME=FD",
	 "one more virtio-serial port, which is the socket FD"},
	{"console-fd", 0, OPTION_STRING, VALUE(console_fd), "FD",
	 "the serial line is the socket FD"},
	{"net", 0, OPTION_STRING, VALUE(net), "none|user", "its network (default: none)"},
	{"publish", 0, OPTION_LIST, VALUE(publish), "[ADDRESS:]HOST:GUEST[/udp]",
	 "lead a port of the host's to one of the guest's"},
	{"qemu-arg", 0, OPTION_LIST, VALUE(qemu_args), "ARG", "one more argument of QEMU's"},
	HELP_OPTION,
};
static const struct option_spec plain_options[] = {HELP_OPTION};

#define OPTIONS(table) .options = (table), .option_count = COUNT(table)

const struct cmd_verb cmd_verbs[] = {
	{.name = "create",
	 .arguments = "<container-id>",
	 .summary = "make a container and boot its VM; the process waits for start",
	 OPTIONS(create_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_NEW_CONTAINER,
	 .run = cmd_create},
	{.name = "start",
	 .arguments = "<container-id>",
	 .summary = "run the process of a created container",
	 OPTIONS(plain_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_start},
	{.name = "run",
	 .arguments = "<container-id>",
	 .summary = "create, start and, in the foreground, wait for and delete a container",
	 OPTIONS(run_options),
	 .min_words = 1,
	 .max_words = 1,
	 .is_stderr_ours = true,
	 .ground = CMD_NEW_CONTAINER,
	 .run = cmd_run},
	{.name = "state",
	 .arguments = "<container-id>",
	 .summary = "print a container's state",
	 OPTIONS(plain_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_STATE,
	 .run = cmd_state},
	{.name = "list",
	 .arguments = "",
	 .summary = "list containers",
	 OPTIONS(list_options),
	 .ground = CMD_STATE,
	 .run = cmd_list},
	{.name = "exec",
	 .arguments = "<container-id> [command [arguments]]",
	 .summary = "run one more process in a container",
	 OPTIONS(exec_options),
	 .min_words = 1,
	 .max_words = INT_MAX,
	 .is_stderr_ours = true,
	 .failure_status = 255,
	 .stops_at_word = true,
	 .ground = CMD_CONTAINER,
	 .run = cmd_exec},
	{.name = "kill",
	 .arguments = "<container-id> [signal]",
	 .summary = "send a signal (default: SIGTERM) to a container's process",
	 OPTIONS(kill_options),
	 .min_words = 1,
	 .max_words = 2,
	 .ground = CMD_CONTAINER,
	 .run = cmd_kill},
	{.name = "pause",
	 .arguments = "<container-id>",
	 .summary = "stop a container's VM for a while",
	 OPTIONS(plain_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_pause},
	{.name = "resume",
	 .arguments = "<container-id>",
	 .summary = "let a paused container go on",
	 OPTIONS(plain_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_resume},
	{.name = "checkpoint",
	 .arguments = "<container-id>",
	 .summary = "not possible: the state of a VM is no CRIU image",
	 OPTIONS(checkpoint_options),
	 .min_words = 0,
	 .max_words = INT_MAX,
	 .run = cmd_checkpoint},
	{.name = "restore",
	 .arguments = "<container-id>",
	 .summary = "not possible, see checkpoint",
	 OPTIONS(checkpoint_options),
	 .min_words = 0,
	 .max_words = INT_MAX,
	 .run = cmd_checkpoint},
	{.name = "delete",
	 .arguments = "<container-id>",
	 .summary = "remove what is left of a container",
	 OPTIONS(delete_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_delete},
	{.name = "ps",
	 .arguments = "<container-id> [ps options]",
	 .summary = "list the processes of a container",
	 OPTIONS(ps_options),
	 .min_words = 1,
	 .max_words = INT_MAX,
	 .stops_at_word = true,
	 .ground = CMD_CONTAINER,
	 .run = cmd_ps},
	{.name = "update",
	 .arguments = "<container-id>",
	 .summary = "change the limits of a container that runs",
	 OPTIONS(update_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_update},
	{.name = "events",
	 .arguments = "<container-id>",
	 .summary = "print a container's usage numbers and OOM kills as JSON",
	 OPTIONS(events_options),
	 .min_words = 1,
	 .max_words = 1,
	 .ground = CMD_CONTAINER,
	 .run = cmd_events},
	{.name = "spec",
	 .arguments = "",
	 .summary = "write a config.json to begin with",
	 OPTIONS(spec_options),
	 .run = cmd_spec},
	{.name = "features",
	 .arguments = "",
	 .summary = "print what vmrt honours, as JSON",
	 OPTIONS(plain_options),
	 .run = cmd_features},
	{.name = "instruct",
	 .arguments = "<socket> <file>",
	 .summary = "be the host of a VM that was started by hand, see run --dry-run",
	 OPTIONS(plain_options),
	 .min_words = 2,
	 .max_words = 2,
	 .is_stderr_ours = true,
	 .run = cmd_instruct},
	{.name = "boot",
	 .arguments = "<disk-image>",
	 .summary = "boot a disk image in a confined QEMU until it powers off",
	 OPTIONS(boot_options),
	 .min_words = 1,
	 .max_words = 1,
	 .run = cmd_boot},
	{.name = "doctor",
	 .arguments = "",
	 .summary = "look at what vmrt needs of this host, and say how to mend it",
	 OPTIONS(doctor_options),
	 .run = cmd_doctor},
};
const size_t cmd_verb_count = COUNT(cmd_verbs);

const char *cmd_root(const struct cmd *c)
{
	return c->global.root ? c->global.root : rundir_state();
}

static void main_help(FILE *to)
{
	fprintf(to, "Usage: vmrt [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		    "Runs OCI containers, each in a QEMU microvm of its own.\n\nCommands:\n");
	for (size_t i = 0; i < cmd_verb_count; i++)
		fprintf(to, "  %-10s %s\n", cmd_verbs[i].name, cmd_verbs[i].summary);
	fprintf(to, "\nOptions:\n");
	options_print_help(to, main_options, COUNT(main_options));
	fprintf(to, "\n'vmrt COMMAND --help' shows the options of a command.\n");
}

static void main_verb_help(FILE *to, const struct cmd_verb *verb)
{
	fprintf(to, "Usage: vmrt %s [OPTIONS] %s\n\n%s\n\nOptions:\n", verb->name, verb->arguments,
		verb->summary);
	options_print_help(to, verb->options, verb->option_count);
}

static const struct cmd_verb *main_find_verb(const char *name)
{
	for (size_t i = 0; i < cmd_verb_count; i++) {
		if (!strcmp(cmd_verbs[i].name, name))
			return &cmd_verbs[i];
	}
	return NULL;
}

static int main_parse_verb(struct cmd *c, const struct cmd_verb *verb, int argc, char **argv,
			   struct err *e)
{
	int words = 0;
	int r = options_parse(verb->options, verb->option_count, &c->values, argc, argv,
			      !verb->stops_at_word, &words, e);

	if (r < 0 || c->values.want_help)
		return r;
	if (words < verb->min_words || words > verb->max_words)
		return err_set(e, -EINVAL, "%s: expected %s, got %d argument%s", verb->name,
			       *verb->arguments ? verb->arguments : "no arguments", words,
			       words == 1 ? "" : "s");
	c->argc = words;
	c->argv = argv;
	return 0;
}

static int main_open_log(const struct cmd *c, const struct cmd_verb *verb, struct err *e)
{
	const char *format = c->global.log_format ? c->global.log_format : "text";
	struct log_options options = {
		.path = c->global.log,
		.is_json = !strcmp(format, "json"),
		.is_debug = c->global.is_debug,
		/* Only where a person looks: stderr of a container in the foreground is its own. */
		.is_stderr_ours = verb->is_stderr_ours && !c->global.log &&
				  (c->global.is_debug || isatty(STDERR_FILENO)),
	};

	if (!options.is_json && strcmp(format, "text"))
		return err_set(e, -EINVAL, "option --log-format: expected text or json, got '%s'",
			       format);
	return log_open(&options, e);
}

static int main_fail(const struct cmd_verb *verb, const struct err *e)
{
	log_error("%s", e->text);
	return verb && verb->failure_status ? verb->failure_status : EXIT_FAILURE;
}

/* `words`: all of the command line as it came. */
static int main_run_verb(struct cmd *c, const struct cmd_verb *verb, int argc, char **argv,
			 char **words)
{
	struct err e;
	int r = main_open_log(c, verb, &e);

	if (r == 0)
		r = main_parse_verb(c, verb, argc, argv, &e);
	if (r < 0)
		return main_fail(verb, &e);
	if (c->values.want_help) {
		main_verb_help(stdout, verb);
		return EXIT_SUCCESS;
	}
	r = ground_reach(c, verb, words, &e);
	if (r == 0)
		r = verb->run(c, &e);
	return r < 0 ? main_fail(verb, &e) : c->exit_status;
}

int main(int argc, char **argv)
{
	struct cmd c = {0};
	/* The parser sorts. */
	auto_free char **copy = xmemdup(argv, ((size_t)argc + 1) * sizeof(*copy));
	const struct cmd_verb *verb;
	struct err e;
	int words = argc - 1;
	int r;

	title_init(argc, argv);
	r = options_parse(main_options, COUNT(main_options), &c.global, argc - 1, argv + 1, false,
			  &words, &e);
	signal(SIGPIPE, SIG_IGN); /* an engine that hangs up is an error to report, not our death */
	/* Inherited as ignored, it would let nobody know how a child has ended. */
	signal(SIGCHLD, SIG_DFL);
	if (r < 0)
		return main_fail(NULL, &e);
	if (c.global.want_version) {
		printf("vmrt version %s\ncommit: %s\nspec: 1.2.0\n", VMRT_VERSION, VMRT_COMMIT);
		return EXIT_SUCCESS;
	}
	if (c.global.want_help || !words) {
		main_help(c.global.want_help ? stdout : stderr);
		return c.global.want_help ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	verb = main_find_verb(argv[1]);
	if (!verb) {
		err_set(&e, -EINVAL, "unknown command '%s'; 'vmrt --help' lists them", argv[1]);
		return main_fail(NULL, &e);
	}
	return main_run_verb(&c, verb, words - 1, argv + 2, copy);
}
