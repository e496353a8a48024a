/* The tree a VM sees and the monitor's own root, built for real in a namespace of their own. */
#include "runtime/share/share.h"
#include "runtime/proc/spawn.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_flat;

static char base[] = "/tmp/vmrt-share-test-XXXXXX";

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		printf("# cannot write %s: %m\n", path);
	if (fd >= 0)
		close(fd);
}

static int has(const char *path, const char *text)
{
	char *got = NULL;
	int is_same = fd_read_file(AT_FDCWD, path, 4096, &got, NULL) == 0 && !strcmp(got, text);

	free(got);
	return is_same;
}

/* Fails to open for writing with this errno. */
static int refuses(const char *path, int error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == error;
}

static void make_sources(void)
{
	mkdir("root", 0755);
	mkdir("root/etc", 0755);
	put("root/etc/passwd", "root");
	put("root/etc/hosts", "");
	if (symlink("/../../../etc", "root/evil") < 0 || symlink("etc", "root/conf") < 0)
		printf("# symlink: %m\n");
	mkdir("vol", 0755);
	put("vol/file", "vol");
	mkdir("vol/sub", 0755);
	if (mount("t", "vol/sub", "tmpfs", 0, NULL) < 0)
		printf("# mount: %m\n");
	put("vol/sub/inner", "inner");
	put("hosts", "hosts");
	mkdir("state", 0700);
	mkdir("state/share", 0700);
}

static void test_tree(char (*paths)[200])
{
	struct share_bind binds[] = {
		{.source = paths[0], .destination = "/data", .is_recursive = true},
		{.source = paths[1], .destination = "/etc/hosts", .is_readonly = true},
		{.source = paths[0], .destination = "/new/dir", .is_readonly = true},
		{.source = paths[0],
		 .destination = "/conf/ro",
		 .is_recursive = true,
		 .is_readonly_rec = true},
		{.source = "/", .destination = "/host", .is_recursive = true},
		{.source = paths[1], .destination = "/evil/escaped"},
	};
	size_t count = sizeof(binds) / sizeof(*binds);
	size_t skipped = 99;
	struct err e = {{0}};
	char path[400];

	is_int(share_check_binds(binds, count, &e), 0, "good sources are accepted");
	is_int(share_build("state/share", paths[2], false, binds, count, &is_flat, &e), 0,
	       "the tree is built");
	if (e.text[0])
		printf("# %s\n", e.text);
	ok(has("state/share/rootfs/etc/passwd", "root"), "the root is in it");
	ok(has("state/share/mounts/0/file", "vol") &&
		   has("state/share/mounts/0/sub/inner", "inner"),
	   "a recursive bind with what is mounted below");
	ok(!has("state/share/mounts/2/sub/inner", "inner"), "a plain one without");
	ok(has("state/share/mounts/1", "hosts") && binds[1].ret_is_file, "a single file");
	ok(refuses("state/share/mounts/1", EROFS) && refuses("state/share/mounts/2/x", EROFS),
	   "read-only where asked");
	ok(!refuses("state/share/mounts/0/x", EROFS), "and nowhere else");
	ok(refuses("state/share/mounts/3/sub/x", EROFS), "rro means the submounts too");
	ok(refuses("state/share/x", EROFS) && refuses("state/share/mounts/9", EROFS),
	   "the tree itself takes nothing");
	snprintf(path, sizeof(path), "state/share/mounts/4%s/state/share/rootfs/etc", base);
	ok(access(path, F_OK) < 0 && errno == ENOENT, "a bind of '/' does not contain the tree");

	is_int(share_enter_root("state/share", binds, count, &skipped, &e), 0,
	       "the container's root is entered");
	is_int((long long)skipped, 0, "no mount was left out");
	ok(has("/etc/passwd", "root") && has("/data/sub/inner", "inner") &&
		   has("/etc/hosts", "hosts"),
	   "root and binds are where the container has them");
	ok(has("/new/dir/file", "vol"), "a missing destination was made");
	ok(has("/etc/ro/file", "vol") && has("/etc/escaped", "hosts"),
	   "links of the image lead into the image");
	ok(refuses("/new/dir/x", EROFS), "read-only here as well");
	ok(access("/proc/1/status", F_OK) == 0 && access("/proc/2", F_OK) < 0,
	   "/proc shows this pid namespace");
	ok(access(base, F_OK) < 0, "the host's root is gone");
}

static int test_inside(void *arg)
{
	char paths[3][200];

	(void)arg;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || chdir(base) < 0 ||
	    mount("t", base, "tmpfs", 0, NULL) < 0 || chdir(base) < 0)
		return 1;
	make_sources();
	snprintf(paths[0], sizeof(paths[0]), "%s/vol", base);
	snprintf(paths[1], sizeof(paths[1]), "%s/hosts", base);
	snprintf(paths[2], sizeof(paths[2]), "%s/root", base);
	test_tree(paths);
	/* the numbering goes on in the parent: the count travels as the exit status */
	fflush(stdout);
	return tap_failed ? 255 : tap_count;
}

static void test_refusals(void)
{
	struct share_bind b = {.source = "/nonexistent/dir", .destination = "/mnt"};
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	struct err e = {{0}};
	char path[100];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	is_int(share_check_binds(&b, 1, &e), -ENOENT, "a missing source is refused");
	is_str(e.text,
	       "error mounting \"/nonexistent/dir\" to rootfs at \"/mnt\": stat /nonexistent/dir: "
	       "no such file or directory",
	       "in runc's words");
	snprintf(path, sizeof(path), "%s/sock", base);
	snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
	ok(bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0, "there is a socket");
	b.source = path;
	ok(share_check_binds(&b, 1, &e) == 0 && b.ret_is_file && b.ret_is_socket,
	   "it is there to be relayed");
	unlink(path);
	close(fd);
	ok(mkfifo(path, 0600) == 0 && share_check_binds(&b, 1, &e) == -EOPNOTSUPP, "so is a FIFO");
	unlink(path);
	b.source = "/dev/null";
	ok(share_check_binds(&b, 1, &e) == 0 && b.ret_is_file, "/dev/null is the guest's own");
	b.source = "/dev/ptmx";
	is_int(share_check_binds(&b, 1, &e), -EOPNOTSUPP, "another device is refused");
}

static int build_in_shared(void *arg)
{
	struct err e = {{0}};

	(void)arg;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("t", base, "tmpfs", 0, NULL) < 0 || mount(NULL, base, NULL, MS_SHARED, NULL) < 0)
		return 1;
	if (share_build(base, "/", false, NULL, 0, &is_flat, &e) != -EXDEV)
		return 2;
	return strstr(e.text, "is not in a private mount namespace") ? 0 : 3;
}

static int run_in_namespace(int (*run)(void *))
{
	struct err e = {{0}};
	int status = -1;
	int pidfd = -1;
	pid_t pid;

	if (spawn_monitor(CLONE_NEWNS | CLONE_NEWPID, run, NULL, &pid, &pidfd, &e) < 0 ||
	    spawn_wait(pidfd, 20000, &status) < 0)
		return -1;
	close(pidfd);
	return status;
}

int main(void)
{
	int status;

	if (!mkdtemp(base))
		return 1;
	test_refusals();
	if (geteuid() != 0) {
		ok(1, "building the tree # SKIP needs root");
		rmdir(base);
		return done_testing();
	}
	status = run_in_namespace(test_inside);
	if (WIFEXITED(status) && WEXITSTATUS(status) > tap_count)
		tap_count = WEXITSTATUS(status) == 255 ? tap_count : WEXITSTATUS(status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) > 10 && WEXITSTATUS(status) < 255,
	   "the child's tests are good");
	is_int(run_in_namespace(build_in_shared), 0, "a mount that others would see is refused");
	rmdir(base);
	return done_testing();
}
