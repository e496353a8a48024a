/* vmrun: runs one command in a virtual machine, with the caller's files, kernel of choice.
 *
 * This file has the table of options and the order of things. It writes a bundle into a private
 * directory and runs the public `vmrt run`; it must not reach into a running VM itself. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/userns/rundir.h"
#include "vmrun/batch.h"
#include "vmrun/bundle.h"
#include "vmrun/cleaner.h"
#include "vmrun/defaults.h"
#include "vmrun/disks.h"
#include "vmrun/distro.h"
#include "vmrun/image.h"
#include "vmrun/isolated.h"
#include "vmrun/kernel.h"
#include "vmrun/run.h"
#include "vmrun/standalone.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define AT(m)	     offsetof(struct request, m)

#define MAIN_UNSET	   UINT_MAX
#define MAIN_TIMEOUT_S_MAX (7 * 24 * 3600)

static const struct option_spec main_options[] = {
	{"kernel", 'k', OPTION_STRING, AT(kernel), "FILE",
	 "a bzImage or vmlinux (default: vmrt's own)"},
	{"module", 0, OPTION_LIST, AT(modules), "NAME", "one more module of that kernel to load"},
	{"memory", 'm', OPTION_STRING, AT(memory), "SIZE", "memory: 512M, 2G"},
	{"cpus", 'c', OPTION_COUNT, AT(cpus), "N", "number of CPUs"},
	{"root", 'r', OPTION_STRING, AT(root), "DIR|BUNDLE|TAR",
	 "root file system: a directory, a bundle, an image (default: the host's)"},
	{"rw", 0, OPTION_FLAG, AT(is_root_writable), NULL,
	 "changes to the root file system stay (default: they vanish)"},
	{"image", 0, OPTION_STRING, AT(image), "FILE",
	 "run it in this disk image (qcow2 or raw), through its guest agent"},
	{"boot", 0, OPTION_STRING, AT(boot), "bios|uefi|direct",
	 "how the image boots (default: bios); direct: as the root of vmrt's or -k's kernel"},
	{"partition", 0, OPTION_COUNT, AT(partition), "N",
	 "the image's root, for --boot direct (default: it is looked for)"},
	{"uefi", 0, OPTION_FLAG, AT(want_uefi), NULL, "the same as --boot uefi"},
	{"firmware", 0, OPTION_STRING, AT(firmware), "FILE", "another firmware to boot it by"},
	{"boot-timeout", 0, OPTION_COUNT, AT(boot_timeout), "SECONDS",
	 "wait that long for the image's agent (default: 300)"},
	{"isolated", 0, OPTION_FLAG, AT(is_isolated), NULL,
	 "no files but the program, its shared libraries and those of --add"},
	{"standalone", 0, OPTION_FLAG, AT(is_standalone), NULL,
	 "as --isolated, and the program is PID 1; the console is its output"},
	{"add", 0, OPTION_LIST, AT(files), "FILE", "one more file for them, at its own path"},
	{"volume", 'v', OPTION_LIST, AT(volumes), "HOST[:GUEST[:ro|rw|cow]]",
	 "one more directory or file; cow: its changes vanish"},
	{"env", 'e', OPTION_LIST, AT(env), "NAME[=VALUE]",
	 "one more environment variable; without a value the caller's"},
	{"env-host", 0, OPTION_FLAG, AT(want_host_env), NULL, "the caller's whole environment"},
	{"workdir", 'w', OPTION_STRING, AT(workdir), "DIR",
	 "where the command starts (default: the current directory)"},
	{"user", 'u', OPTION_STRING, AT(user), "USER[:GROUP]",
	 "whom it runs as (default: the caller)"},
	{"tty", 't', OPTION_FLAG, AT(want_tty), NULL,
	 "give it a terminal (default: when standard input and output are one)"},
	{"interactive", 'i', OPTION_FLAG, AT(want_input), NULL,
	 "pass standard input (default; -i=false: it is empty)"},
	{"net", 0, OPTION_STRING, AT(net), "none|user", "its network (default: none)"},
	{"publish", 'P', OPTION_LIST, AT(publish), "[ADDRESS:]HOST:GUEST[/udp]",
	 "lead a port of the host's to one of the command's; with --net user"},
	{"timeout", 0, OPTION_STRING, AT(timeout), "SECONDS",
	 "end it by SIGTERM after that time, with exit status 124"},
	{"disk", 'D', OPTION_LIST, AT(disks), "FILE[:ro]",
	 "one more disk: a raw image or a block device; /dev/vda, /dev/vdb"},
	{"append", 0, OPTION_LIST, AT(append), "WORDS", "more for the kernel's command line"},
	{"console", 0, OPTION_STRING, AT(console), "FILE", "append the kernel's messages to FILE"},
	{"gdb", 0, OPTION_STRING, AT(gdb), "SOCKET",
	 "make SOCKET, where gdb finds the kernel: target remote SOCKET"},
	{"qemu", 0, OPTION_STRING, AT(qemu), "FILE", "another QEMU program"},
	{"qemu-arg", 0, OPTION_LIST, AT(qemu_args), "ARG", "one more argument of QEMU's"},
	{"dry-run", 0, OPTION_FLAG, AT(is_dry_run), NULL,
	 "print the commands that would run it by hand, QEMU's among them"},
	{"keep", 0, OPTION_FLAG, AT(want_keep), NULL, "leave bundle and logs behind, say where"},
	{"file", 'f', OPTION_STRING, AT(file), "FILE",
	 "run the targets of a vmrun.json or vmtest.toml"},
	{"filter", 'F', OPTION_STRING, AT(filter), "REGEX", "only targets with such a name"},
	{"jobs", 'j', OPTION_COUNT, AT(jobs), "N", "targets at a time (default: 1)"},
	{"junit", 0, OPTION_STRING, AT(junit), "FILE", "write the targets' results as JUnit XML"},
	{"verbose", 'V', OPTION_FLAG, AT(is_verbose), NULL,
	 "say which kernel, machine and modules; show the output of targets that pass"},
	{"quiet", 'q', OPTION_FLAG, AT(is_quiet), NULL, "do not say what was guessed"},
	{"completion", 0, OPTION_FLAG, AT(want_completion), NULL,
	 "print a completion script for bash"},
	{"help", 'h', OPTION_FLAG, AT(want_help), NULL, "show this help"},
	{"version", 0, OPTION_FLAG, AT(want_version), NULL, "show the version"},
};

static void main_help(FILE *to)
{
	fprintf(to,
		"Usage: vmrun [OPTIONS] [--] [COMMAND [ARGUMENT...]]\n\n"
		"Runs a command, or a shell, in a virtual machine with your files.\n\nOptions:\n");
	options_print_help(to, main_options, COUNT(main_options));
	fprintf(to, "\nThe exit status is the command's, 128+N when signal N ended it, 124 after "
		    "--timeout, 125 when\nvmrun failed, 126 or 127 when the command cannot be "
		    "executed, 255 when the machine was lost.\n");
}

static int main_fail(const struct err *e)
{
	fprintf(stderr, "vmrun: %s\n", e->text);
	return REQUEST_EXIT_OWN;
}

static int main_parse_timeout(const char *text, unsigned int *ret_ms, struct err *e)
{
	double seconds;
	char *end;

	errno = 0;
	seconds = strtod(text, &end);
	if (end == text || *end || errno || !(seconds > 0) || seconds > MAIN_TIMEOUT_S_MAX)
		return err_set(e, -EINVAL, "option --timeout: expected seconds, got '%s'", text);
	*ret_ms = (unsigned int)(seconds * 1000);
	if (!*ret_ms)
		*ret_ms = 1;
	return 0;
}

static int main_check_targets(const struct request *request, struct err *e)
{
	if (!request->file && (request->filter || request->junit || request->jobs))
		return err_set(e, -EINVAL, "options --filter, --jobs and --junit belong to --file");
	return 0;
}

static int main_check(const struct request *request, struct err *e)
{
	int r;

	if (request->net && strcmp(request->net, "none") && strcmp(request->net, "user"))
		return err_set(e, -EINVAL, "option --net: expected none or user, got '%s'",
			       request->net);
	if (request->files.count && !request->is_isolated)
		return err_set(e, -EINVAL, "option --add: only with --isolated");
	if (request->is_isolated && (request->root || request->is_root_writable))
		return err_set(e, -EINVAL, "option --isolated: not with --root or --rw");
	if (request->is_isolated && !request->arg_count)
		return err_set(e, -EINVAL, "option --isolated: needs a command");
	if ((request->is_dry_run || request->want_keep) && image_is_archive(request->root))
		return err_set(e, -EINVAL,
			       "option --root: an archive is unpacked for one run: not with "
			       "--dry-run or --keep");
	if (request->is_dry_run && geteuid() != 0)
		return err_set(e, -EPERM, "option --dry-run: the commands would need root");
	if (request->is_dry_run && request->disks.count)
		return err_set(
			e, -EINVAL,
			"option --dry-run: not with --disk, whose loop device ends with vmrun");
	if (request->publish.count && (!request->net || strcmp(request->net, "user")))
		return err_set(e, -EINVAL, "option --publish: only with --net user");
	if (request->want_tty && !isatty(STDIN_FILENO))
		return err_set(e, -ENOTTY, "option --tty: standard input is no terminal");
	r = distro_check(request, e);
	if (r < 0)
		return r;
	r = standalone_check(request, e);
	return r < 0 ? r : main_check_targets(request, e);
}

static void main_leave(const struct request *request, const char *dir, bool has_failed)
{
	int r;

	if (request->is_dry_run && !has_failed)
		fprintf(stderr, "vmrun: what these need is in %s\n", dir);
	else if (request->want_keep)
		fprintf(stderr,
			"vmrun: kept %s; 'vmrt --root %s/state delete %s' comes before "
			"removing it\n",
			dir, dir, strrchr(dir, '/') + 1);
	else if ((r = cleaner_remove(dir)) < 0)
		fprintf(stderr, "vmrun: removing %s: %s\n", dir, strerror(-r));
}

/* A request of its own for what has a root of its own. */
struct main_isolation {
	struct request request;
	struct image image;
	char *disk; /* --image's, for the bundle */
	char *root;
	char *program;
	char **args;
};

/* Without a command it is the image's, as the image starts it. */
static int main_open_root(const struct request *asked, const char *dir, struct main_isolation *ret,
			  struct err *e)
{
	struct request *request = &ret->request;
	const struct image *image = &ret->image;
	int r = image_open(asked->root, dir, &ret->image, e);

	if (r < 0)
		return r;
	request->root = image->root;
	request->root_env = &image->env;
	if (asked->arg_count || !image->args.count)
		return 0;
	request->args = image->args.at;
	request->arg_count = (int)image->args.count;
	if (!asked->workdir)
		request->workdir = image->workdir;
	if (!asked->user)
		request->user = image->user;
	return 0;
}

static int main_isolate(const struct request *asked, const char *dir, struct main_isolation *ret,
			struct err *e)
{
	struct request *request = &ret->request;
	int r;

	*request = *asked;
	if (asked->root)
		return main_open_root(asked, dir, ret, e);
	ret->root = xasprintf("%s/root", dir);
	if (asked->image)
		return distro_open_direct(ret->root, request, &ret->disk, e);
	if (!asked->is_isolated)
		return 0;
	r = isolated_make(ret->root, asked->args[0], &asked->files, &ret->program, e);
	if (r < 0)
		return r;
	ret->args = xmemdup(asked->args, ((size_t)asked->arg_count + 1) * sizeof(*ret->args));
	ret->args[0] = ret->program;
	request->root = ret->root;
	request->args = ret->args;
	if (!request->workdir)
		request->workdir = "/";
	return 0;
}

static int main_run_command(const struct request *asked, unsigned int timeout_ms, const char *dir,
			    struct err *e)
{
	struct main_isolation isolation = {0};
	const struct request *request = &isolation.request;
	struct kernel kernel = {0};
	struct disks disks = {0};
	struct bundle_ids ids = {0};
	int r = main_isolate(asked, dir, &isolation, e);

	if (r == 0)
		r = kernel_prepare(request, dir, &kernel, e);
	if (r == 0 && request->is_standalone)
		r = standalone_pack(request, isolation.root, isolation.program, dir, &kernel, e);
	if (r == 0)
		r = disks_open(&request->disks, &disks, e);
	if (r == 0)
		r = bundle_write(request, &kernel, &disks, dir, &ids, e);
	if (r == 0)
		r = run_bundle(request, dir, &ids, timeout_ms, e);
	disks_done(&disks);
	kernel_done(&kernel);
	image_done(&isolation.image);
	free(isolation.disk);
	free(isolation.root);
	free(isolation.program);
	free(isolation.args);
	return r;
}

static int main_run_targets(const struct request *request, const char *dir, struct err *e)
{
	const struct batch_options options = {
		.filter = request->filter,
		.junit = request->junit,
		.jobs = request->jobs,
		.is_verbose = request->is_verbose,
	};
	struct targets targets = {0};
	int r = targets_load(request->file, &targets, e);

	if (r == 0)
		r = batch_run(&targets, &options, dir, e);
	targets_done(&targets);
	return r;
}

/* Targets run in another directory, where a relative path would be another place. */
static int main_make_absolute(const char *variable, bool is_program, struct err *e)
{
	const char *value = getenv(variable);
	auto_free char *real = NULL;

	if (!value || !*value || *value == '/' || (is_program && !strchr(value, '/')))
		return 0;
	real = realpath(value, NULL);
	if (!real)
		return err_set(e, -errno, "$%s: '%s': %s", variable, value, strerror(errno));
	return setenv(variable, real, 1) < 0 ? err_sys(e, -errno, "$%s", variable) : 0;
}

/* The exit status, or -errno. */
static int main_run(const struct request *request, struct err *e)
{
	auto_free char *vmrt = NULL;
	auto_free char *dir = NULL;
	unsigned int timeout_ms = 0;
	const char *parent;
	struct cleaner cleaner = {.fd = -1};
	int r = main_check(request, e);

	if (r == 0)
		r = main_make_absolute("VMRUN_DIR", false, e);
	if (r == 0)
		r = main_make_absolute("VMRT", true, e);
	vmrt = run_find_vmrt();
	parent = getenv("VMRUN_DIR");
	dir = xasprintf("%s/vmrun-XXXXXX", parent && *parent ? parent : rundir_base());
	if (r == 0 && !(parent && *parent))
		r = rundir_prepare(e);
	if (r == 0 && request->timeout)
		r = main_parse_timeout(request->timeout, &timeout_ms, e);
	if (r < 0)
		return r;
	if (request->image && !distro_is_direct(request))
		return distro_run(request, timeout_ms, e);
	if (!mkdtemp(dir))
		return err_sys(e, -errno, "making '%s'", dir);
	if (!request->want_keep)
		cleaner_start(&cleaner, dir, vmrt);
	r = request->file ? main_run_targets(request, dir, e)
			  : main_run_command(request, timeout_ms, dir, e);
	main_leave(request, dir, r != 0);
	cleaner_stop(&cleaner);
	return r;
}

/* .vmrun-args and $VMRUN_ARGS. --file in them would call itself for each target. */
static int main_parse_defaults(struct strv *words, struct request *request, struct err *e)
{
	auto_free char **copy = NULL;
	int rest = 0;
	int r = defaults_read(words, e);

	if (r < 0 || !words->count)
		return r;
	copy = xmemdup(words->at, words->count * sizeof(*copy)); /* the parser sorts */
	r = options_parse(main_options, COUNT(main_options), request, (int)words->count, copy,
			  false, &rest, e);
	if (r == 0 && rest)
		r = err_set(e, -EINVAL, "'%s' is no option", copy[0]);
	if (r == 0 && request->file)
		r = err_set(e, -EINVAL, "option --file belongs on the command line");
	return r < 0 ? err_prefix(e, r, DEFAULTS_FILE " and $" DEFAULTS_VARIABLE) : 0;
}

/* Options of a single command that --file would ignore. */
static bool main_has_options_beside(const struct request *request, const struct request *before)
{
	struct request rest = *request;

	rest.file = before->file;
	rest.filter = before->filter;
	rest.junit = before->junit;
	rest.jobs = before->jobs;
	rest.is_verbose = before->is_verbose;
	rest.want_completion = before->want_completion;
	rest.want_help = before->want_help;
	rest.want_version = before->want_version;
	return memcmp(&rest, before, sizeof(rest)) != 0;
}

/* What is said on the command line comes last, and wins. */
static int main_parse(int argc, char **argv, struct strv *words, struct request *request,
		      struct err *e)
{
	struct request before;
	int r = main_parse_defaults(words, request, e);

	if (r < 0)
		return r;
	memcpy(&before, request, sizeof(before));
	r = options_parse(main_options, COUNT(main_options), request, argc - 1, argv + 1, false,
			  &request->arg_count, e);
	if (r == 0 && request->file && request->arg_count)
		return err_set(e, -EINVAL, "option --file: the commands are in the file, not '%s'",
			       argv[1]);
	if (r == 0 && request->file && main_has_options_beside(request, &before))
		return err_set(e, -EINVAL,
			       "option --file: options of a command belong into the file");
	request->args = argv + 1;
	argv[1 + request->arg_count] = NULL;
	return r;
}

/* 0 stands for what was not said from here on: nobody may have said it. */
static int main_settle_numbers(struct request *request, struct err *e)
{
	if (!request->cpus || !request->jobs)
		return err_set(e, -EINVAL, "option --%s: expected a number from 1 on, got '0'",
			       request->cpus ? "jobs" : "cpus");
	request->cpus = request->cpus == MAIN_UNSET ? 0 : request->cpus;
	request->jobs = request->jobs == MAIN_UNSET ? 0 : request->jobs;
	return 0;
}

/* What needs no machine. False: none of it was asked for. */
static bool main_answer(const struct request *request)
{
	if (request->want_help)
		main_help(stdout);
	else if (request->want_completion)
		options_print_completion(stdout, "vmrun", main_options, COUNT(main_options));
	else if (request->want_version)
		printf("vmrun %s (%s)\n", VMRT_VERSION, VMRT_COMMIT);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct request request = {
		/* A terminal has one stream for both: not when errors go elsewhere. */
		.want_tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO),
		.want_input = true,
		.cpus = MAIN_UNSET,
		.jobs = MAIN_UNSET,
	};
	auto_strv struct strv words = {0};
	struct err e;
	int r;

	/* Inherited as ignored, it would let nobody know how a child has ended. */
	signal(SIGCHLD, SIG_DFL);
	batch_join_parent();
	r = main_parse(argc, argv, &words, &request, &e);
	if (r == 0)
		r = main_settle_numbers(&request, &e);

	request.is_isolated |= request.is_standalone;
	if (!request.want_input || request.is_standalone || request.is_dry_run)
		request.want_tty = false;
	if (r == 0 && !main_answer(&request))
		r = main_run(&request, &e);
	options_done(main_options, COUNT(main_options), &request);
	return r < 0 ? main_fail(&e) : r;
}
