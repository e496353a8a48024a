/* Arguments and environment of the command in an image. Must not start anything.
 *
 * All that the guest needs is a POSIX shell, mount(8) and what it sets up by itself: devtmpfs and
 * sysfs. The command is a vector from here to execve(): its words are the shell's parameters. */
#include "vmrun/distro_guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/oci/json_write.h"
#include "vmrun/bundle.h"
#include "vmrun/environ.h"

#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* mmap: a writable mapping of a file, as git and sqlite make, needs it. */
#define GUEST_9P_OPTIONS "trans=virtio,version=9p2000.L,msize=512000,cache=mmap"

/* Parameters: user, group, directory, umask, "input" or "", number of shares; tag, place, options
 * of each; the command.
 *
 * The second shell has the command's pid and becomes the command. It is no background job, which
 * would be deaf to SIGINT. The first one keeps its own standard error: shells print there how a
 * command was killed. What was mapped and changed in a share is written back by sync. */
static const char guest_script[] =
	"exec 9<&0 </dev/null\n"
	"for p in /sys/class/virtio-ports/*; do\n"
	"	[ -r \"$p/name\" ] && read -r n <\"$p/name\" || continue\n"
	"	case $n in\n"
	"	" DISTRO_PORT_IN ") in=/dev/${p##*/} ;;\n"
	"	" DISTRO_PORT_OUT ") out=/dev/${p##*/} ;;\n"
	"	" DISTRO_PORT_ERR ") err=/dev/${p##*/} ;;\n"
	"	" DISTRO_PORT_CONTROL ") control=/dev/${p##*/} ;;\n"
	"	esac\n"
	"done\n"
	"exec 3>\"$control\" 4>\"$out\" 5>\"$err\"\n"
	"fail() { printf 'fail %s\\n' \"$*\" >&3; exit 125; }\n"
	"user=$1 group=$2 dir=$3\n"
	"umask \"$4\"\n"
	"[ -n \"$5\" ] || in=/dev/null\n"
	"count=$6\n"
	"shift 6\n"
	"while [ \"$count\" -gt 0 ]; do\n"
	"	why=$(mkdir -p -- \"$2\" 2>&1) || fail \"making '$2': $why\"\n"
	"	why=$(mount -t 9p -o \"$3\" \"$1\" \"$2\" 2>&1) || fail \"sharing '$2': $why\"\n"
	"	shift 3\n"
	"	count=$((count - 1))\n"
	"done\n"
	"cd -- \"$dir\" 2>/dev/null || fail \"'$dir' is no directory of the image's\"\n"
	"if [ -n \"$user\" ]; then\n"
	"	command -v setpriv >/dev/null || fail 'option --user: the image has no setpriv'\n"
	"	groups=--init-groups\n"
	"	if ! id=$(id -g -- \"$user\" 2>/dev/null); then\n"
	"		case $user in *[!0-9]*) fail \"option --user: the image has no user "
	"'$user'\" ;; esac\n"
	"		id=0 groups=--clear-groups\n"
	"	fi\n"
	"	HOME=$(getent passwd \"$user\" | cut -d: -f6) USER=$user LOGNAME=$user\n"
	"	export HOME=\"${HOME:-/}\" USER LOGNAME\n"
	"	set -- setpriv --reuid \"$user\" --regid \"${group:-$id}\" $groups -- \"$@\"\n"
	"fi\n"
	"/bin/sh -c 'echo \"pid $$\" >&3; exec \"$@\" <&6 >&4 2>&5 3>&- 4>&- 5>&- 6<&-' vmrun \\\n"
	"	\"$@\" 6<\"$in\" 9<&-\n"
	"status=$?\n"
	"while read -r _ p type _; do\n"
	"	[ \"$type\" != 9p ] || sync -f \"$(printf %b \"$p\")\" || sync\n"
	"done </proc/mounts\n"
	"read -r mark <&9\n"
	"printf %s \"$mark\" >&4\n"
	"printf %s \"$mark\" >&5\n"
	"echo end >&3\n"
	"exit $status\n";

static void guest_push_user(const struct request *request, struct strv *args)
{
	auto_free char *user = xstrdup(request->user ? request->user : "");
	char *group = strchr(user, ':');

	if (group)
		*group++ = '\0';
	strv_push(args, user);
	strv_push(args, group ? group : "");
}

static void guest_push_shares(const struct mounts *shares, struct strv *args)
{
	strv_pushf(args, "%zu", shares->count);
	for (size_t i = 0; i < shares->count; i++) {
		strv_pushf(args, DISTRO_TAG, i);
		strv_push(args, shares->at[i].guest);
		strv_pushf(args, GUEST_9P_OPTIONS "%s",
			   shares->at[i].mode == MOUNTS_RO ? ",ro" : "");
	}
}

/* The caller's search path says nothing about another distribution. */
static bool guest_is_path_asked(const struct request *request)
{
	for (size_t i = 0; i < request->env.count; i++) {
		if (!strncmp(request->env.at[i], "PATH", 4) &&
		    (!request->env.at[i][4] || request->env.at[i][4] == '='))
			return true;
	}
	return request->want_host_env;
}

static void guest_make_env(const struct request *request, struct strv *ret)
{
	const struct user root = {
		.name = (char *)"root", .home = (char *)"/root", .shell = (char *)"/bin/sh"};
	auto_strv struct strv all = {0};

	environ_make(request, &root, &all);
	for (size_t i = 0; i < all.count; i++) {
		if (!strncmp(all.at[i], "PATH=", 5) && !guest_is_path_asked(request))
			strv_push(ret, "PATH=" GUEST_PATH);
		else
			strv_push(ret, all.at[i]);
	}
}

static bool guest_are_texts(const struct strv *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!json_out_is_text(list->at[i]))
			return false;
	}
	return true;
}

int distro_guest_make(const struct request *request, const struct mounts *shares, const char *cwd,
		      struct strv *ret_args, struct strv *ret_env, struct err *e)
{
	mode_t mask = umask(0);
	int r = bundle_check_texts(request, e);

	umask(mask);
	strv_push(ret_args, "-c");
	strv_push(ret_args, guest_script);
	strv_push(ret_args, "vmrun");
	guest_push_user(request, ret_args);
	strv_push(ret_args, request->workdir ? request->workdir : cwd);
	strv_pushf(ret_args, "%03o", (unsigned int)mask);
	strv_push(ret_args, request->want_input ? "input" : "");
	guest_push_shares(shares, ret_args);
	for (int i = 0; i < request->arg_count; i++)
		strv_push(ret_args, request->args[i]);
	if (!request->arg_count) {
		strv_push(ret_args, "/bin/sh");
		if (isatty(STDIN_FILENO))
			strv_push(ret_args, "-i");
	}
	guest_make_env(request, ret_env);
	if (r == 0 && (!guest_are_texts(ret_args) || !guest_are_texts(ret_env)))
		r = err_set(e, -EILSEQ, "a path or an environment variable is no UTF-8 text");
	return r;
}
