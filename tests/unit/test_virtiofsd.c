/* virtiofsd's two flavours: told apart, called right, found or missed with one clear line. */
#include "runtime/vm/virtiofsd.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/vmrt-virtiofsd-test-XXXXXX";

static void is_golden(const struct strv *v, const char *name)
{
	char path[200];
	char got[16384] = "";
	char *want = NULL;
	size_t at = 0;

	for (size_t i = 0; i < v->count; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s\n", v->at[i]);
	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (fd_read_file(AT_FDCWD, path, sizeof(got), &want, NULL) < 0)
		want = NULL;
	is_str(got, want, name);
	free(want);
}

static void test_versions(void)
{
	unsigned int version = 0;

	is_int(virtiofsd_parse_version("virtiofsd version 7.2.22 (Debian 1:7.2)\nCopyright",
				       &version),
	       VIRTIOFSD_C, "the C flavour is known by its text");
	is_int(version, 7002, "with its version");
	is_int(virtiofsd_parse_version("virtiofsd 1.13.2\n", &version), VIRTIOFSD_RUST,
	       "and the Rust one");
	is_int(version, 1013, "with its version");
	is_int(virtiofsd_parse_version("", &version), VIRTIOFSD_NONE, "nothing is neither");
	is_int(virtiofsd_parse_version("virtiofsd version x", &version), VIRTIOFSD_NONE,
	       "no number is neither");
	is_int(virtiofsd_parse_version("qemu 7.2", &version), VIRTIOFSD_NONE,
	       "another program is neither");
}

static void test_arguments(void)
{
	struct virtiofsd_binary b = {.kind = VIRTIOFSD_C, .path = "/usr/lib/qemu/virtiofsd"};
	struct virtiofsd_plan p = {
		.binary = &b, .share_dir = "/run/vmrt/c1/share", .listen_fd = 3, .nofile = 20000};
	struct strv v = {0};
	struct strv env = {0};
	struct err e = {{0}};

	is_int(virtiofsd_argv(&p, &v, &e), 0, "arguments of the C flavour");
	is_golden(&v, "virtiofsd-c.txt");
	strv_done(&v);
	p.is_flat = true;
	is_int(virtiofsd_argv(&p, &v, &e), 0, "for a share of one file system");
	is_golden(&v, "virtiofsd-c-flat.txt");
	strv_done(&v);
	p.is_flat = false;
	virtiofsd_env(&p, &env);
	is_str(env.at ? env.at[0] : NULL, "MALLOC_ARENA_MAX=4",
	       "it is kept from the malloc arena its seccomp filter dies of");
	strv_done(&env);
	p.share_dir = "/run/a,source=b";
	is_int(virtiofsd_argv(&p, &v, &e), -EINVAL, "it takes no path that would become options");

	b.kind = VIRTIOFSD_RUST;
	snprintf(b.path, sizeof(b.path), "/usr/libexec/virtiofsd");
	is_int(virtiofsd_argv(&p, &v, &e), 0, "the Rust flavour does");
	strv_done(&v);
	p.share_dir = "/run/vmrt/c1/share";
	is_int(virtiofsd_argv(&p, &v, &e), 0, "arguments of the Rust flavour");
	is_golden(&v, "virtiofsd-rust.txt");
	strv_done(&v);
	p.is_flat = true;
	is_int(virtiofsd_argv(&p, &v, &e), 0, "for a share of one file system");
	is_golden(&v, "virtiofsd-rust-flat.txt");
	strv_done(&v);
	p.is_flat = false;
	virtiofsd_env(&p, &env);
	is_int((long long)env.count, 0, "with an empty environment");
	p.share_dir = "share";
	is_int(virtiofsd_argv(&p, &v, &e), -EINVAL, "a relative share is refused");
	b.kind = VIRTIOFSD_NONE;
	p.share_dir = "/share";
	is_int(virtiofsd_argv(&p, &v, &e), -EINVAL, "so is an unknown flavour");
}

static void write_program(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		exit(1);
	close(fd);
}

static void test_finding(void)
{
	struct virtiofsd_binary b;
	struct err e = {{0}};
	char path[200];

	is_int(virtiofsd_find("/nonexistent/virtiofsd", &b, &e), -ENOENT,
	       "a missing one is missed");
	is_str(e.text, "virtiofsd: '/nonexistent/virtiofsd': not found",
	       "in words that engines do not take for the user's program");
	is_int(virtiofsd_find("/etc/passwd", &b, &e), -EACCES, "a file is no program");
	is_str(e.text, "virtiofsd: '/etc/passwd' is not a program", "and is called so");
	snprintf(path, sizeof(path), "%s/virtiofsd", dir);
	write_program(path, "#!/bin/sh\necho virtiofsd 9.8.7\n");
	is_int(virtiofsd_find(path, &b, &e), 0, "a configured one is taken");
	is_int(virtiofsd_detect(&b, &e), 0, "its --version is read");
	ok(b.kind == VIRTIOFSD_RUST && b.version == 9008, "and understood");
	write_program(path, "#!/bin/sh\necho hello\n");
	is_int(virtiofsd_detect(&b, &e), -EINVAL, "a program that says something else is refused");
	unlink(path);
}

static void test_socket(void)
{
	struct err e = {{0}};
	char long_dir[400];
	int listener = -1;
	int connected = -1;
	char c = 0;
	int fd;

	snprintf(long_dir, sizeof(long_dir), "%s/%0150d", dir, 1);
	mkdir(long_dir, 0700);
	is_int(virtiofsd_socket(long_dir, &listener, &connected, &e), 0,
	       "a socket is made in a directory whose path is longer than a socket's may be");
	fd = accept(listener, NULL, NULL);
	ok(fd >= 0 && write(fd, "x", 1) == 1 && read(connected, &c, 1) == 1 && c == 'x',
	   "the connection waits in its backlog");
	ok(rmdir(long_dir) == 0, "no name is left");
	close(fd);
	close(listener);
	close(connected);
	is_int(virtiofsd_socket("/nonexistent", &listener, &connected, &e), -ENOENT,
	       "a missing directory is an error");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_versions();
	test_arguments();
	test_finding();
	test_socket();
	ok(virtiofsd_nofile() >= 256 && virtiofsd_nofile() <= 1000000,
	   "the limit on open files is the host's, capped");
	rmdir(dir);
	return done_testing();
}
