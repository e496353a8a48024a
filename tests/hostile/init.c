/* PID 1 of a guest that means harm: it speaks the protocol wrongly in the way the file /mode names.
 *
 * Built like vmrt-init, with the same lib, put into an initramfs of its own by the test. Whatever
 * it does, the host must stay as it is; tests/integration/hostile.bats says what is expected. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/proto.h"
#include "lib/socket_link.h"
#include "lib/wire.h"

#define PORTS_MAX 32

static int control = -1;

/* The port's device by its name in sysfs; waits until it is there. */
static int open_port(const char *wanted, int flags)
{
	char path[64];
	char name[64];

	for (;;) {
		for (int i = 0; i < PORTS_MAX; i++) {
			char *text = NULL;

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport0p%d/name", i);
			if (fd_read_file(AT_FDCWD, path, sizeof(name), &text, NULL) < 0)
				continue;
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "\n"), text);
			free(text);
			if (strcmp(name, wanted) != 0)
				continue;
			snprintf(path, sizeof(path), "/dev/vport0p%d", i);
			return open(path, flags | O_CLOEXEC);
		}
		usleep(1000);
	}
}

static void send_bytes(const void *data, size_t size)
{
	if (fd_write_all(control, data, size) < 0)
		fprintf(stderr, "hostile: writing: %s\n", strerror(errno));
}

/* A frame with `size` bytes of `payload`, whose header says `announced`. */
static void send_raw(uint32_t announced, unsigned int type, uint16_t session, const void *payload,
		     size_t size)
{
	struct wire_out o = {0};

	wire_put_u32(&o, announced);
	wire_put_u16(&o, (uint16_t)type);
	wire_put_u16(&o, session);
	wire_put_bytes(&o, payload, size);
	send_bytes(o.data, o.size);
	wire_out_done(&o);
}

static void send_frame(unsigned int type, uint16_t session, const void *payload, size_t size)
{
	send_raw((uint32_t)size, type, session, payload, size);
}

static void send_hello_of(uint32_t magic, uint16_t version, size_t extra)
{
	struct wire_out o = {0};

	wire_put_u32(&o, magic);
	wire_put_u16(&o, version);
	wire_put_u64(&o, 1);
	wire_put_str(&o, "hostile");
	for (size_t i = 0; i < extra; i++)
		wire_put_u8(&o, 0);
	send_frame(PROTO_GUEST_HELLO, 0, o.data, o.size);
	wire_out_done(&o);
}

static void send_mark(unsigned int type, uint16_t session)
{
	const uint64_t at_us = 0;

	send_frame(type, session, &at_us, sizeof(at_us));
}

static void send_stream_end(unsigned int stream, uint64_t total)
{
	struct wire_out o = {0};

	wire_put_u8(&o, (uint8_t)stream);
	wire_put_u64(&o, total);
	send_frame(PROTO_GUEST_STREAM_END, 0, o.data, o.size);
	wire_out_done(&o);
}

static void send_exited(uint16_t session)
{
	struct wire_out o = {0};

	wire_put_u8(&o, PROTO_EXIT_CODE);
	wire_put_u8(&o, 0);
	wire_put_u64(&o, UINT64_MAX);
	wire_put_u64(&o, UINT64_MAX);
	send_frame(PROTO_GUEST_EXITED, session, o.data, o.size);
	wire_out_done(&o);
}

/* Takes frames off the link until one of that type. */
static void await(unsigned int wanted)
{
	uint8_t header[PROTO_HEADER_BYTES];
	uint32_t size;
	uint16_t type = 0;
	uint16_t session;
	char rest[4096];

	while (type != wanted) {
		if (fd_read_all(control, header, sizeof(header)) != sizeof(header) ||
		    !proto_header_parse(header, sizeof(header), &size, &type, &session))
			return;
		while (size) {
			size_t part = size < sizeof(rest) ? size : sizeof(rest);

			if (fd_read_all(control, rest, part) != (ssize_t)part)
				return;
			size -= (uint32_t)part;
		}
	}
}

static void be_created(void)
{
	send_hello_of(PROTO_MAGIC, PROTO_VERSION, 0);
	await(PROTO_HOST_CONTAINER);
	send_mark(PROTO_GUEST_CREATED, 0);
}

static void be_started(void)
{
	be_created();
	await(PROTO_HOST_START);
	send_mark(PROTO_GUEST_STARTED, 0);
}

/* Before hello. */

static void do_length(void)
{
	send_raw(UINT32_MAX, PROTO_GUEST_HELLO, 0, "", 0);
}

static void do_long(void)
{
	static const char zeros[PROTO_GUEST_MAX_BYTES + 1];

	send_frame(PROTO_GUEST_LOG, 0, zeros, sizeof(zeros));
}

static void do_garbage(void)
{
	char junk[65536];

	memset(junk, 0xa5, sizeof(junk));
	for (;;)
		send_bytes(junk, sizeof(junk));
}

static void do_type(void)
{
	send_frame(999, 0, "", 0);
}

static void do_host_type(void)
{
	send_frame(PROTO_HOST_START, 0, "", 0);
}

static void do_trailing(void)
{
	send_hello_of(PROTO_MAGIC, PROTO_VERSION, 1);
}

static void do_short(void)
{
	send_frame(PROTO_GUEST_HELLO, 0, "VMRT", 4);
}

static void do_magic(void)
{
	send_hello_of(0x12345678, PROTO_VERSION, 0);
}

static void do_version(void)
{
	send_hello_of(PROTO_MAGIC, 999, 0);
}

static void do_half(void)
{
	send_raw(1000, PROTO_GUEST_HELLO, 0, "VMRT", 4);
}

static void do_order(void)
{
	send_mark(PROTO_GUEST_STARTED, 0);
}

/* Before start. */

static void do_twice(void)
{
	send_hello_of(PROTO_MAGIC, PROTO_VERSION, 0);
	send_hello_of(PROTO_MAGIC, PROTO_VERSION, 0);
}

static void do_resolve_early(void)
{
	const uint8_t query[] = {1, 0, 0, 0, 0, 1, 0, 'x'};

	be_created();
	send_frame(PROTO_GUEST_RESOLVE, 0, query, sizeof(query));
}

/* After start. */

static void do_session(void)
{
	be_started();
	send_exited(7);
}

static void do_exit_early(void)
{
	be_started();
	send_exited(0);
}

static void do_end_twice(void)
{
	be_started();
	send_stream_end(PROTO_STDOUT, 0);
	send_stream_end(PROTO_STDOUT, 0);
}

static void do_end_stdin(void)
{
	be_started();
	send_stream_end(PROTO_STDIN, 0);
}

static void do_less(void)
{
	char text[20000];
	int fd = open_port(PROTO_PORT_STDOUT, O_WRONLY);

	be_started();
	memset(text, 'x', sizeof(text));
	(void)fd_write_all(fd, text, sizeof(text));
	send_stream_end(PROTO_STDOUT, 10);
}

static void do_close(void)
{
	be_started();
	fd_close(&control);
}

/* These the host cannot tell from a container that is merely slow: it must endure them. */

static void do_more(void)
{
	be_started();
	send_stream_end(PROTO_STDOUT, UINT64_MAX);
	send_stream_end(PROTO_STDERR, 1);
	send_exited(0);
}

/* Frames of every kind that may come at any time; answers are never read. */
static void flood_frames(void)
{
	const uint8_t query[] = {1, 0, 0, 0, 0, 1, 0, 'x'};
	const uint32_t signalled[2] = {77, 0};
	const uint64_t count = UINT64_MAX;
	struct wire_out o = {0};
	char text[PROTO_TEXT_MAX_BYTES];

	memset(text, 'l', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wire_put_u8(&o, PROTO_LOG_ERROR);
	wire_put_str(&o, text);
	for (;;) {
		send_frame(PROTO_GUEST_LOG, 0, o.data, o.size);
		send_frame(PROTO_GUEST_RESOLVE, 0, query, sizeof(query));
		send_frame(PROTO_GUEST_SIGNALLED, 0, signalled, sizeof(signalled));
		send_frame(PROTO_GUEST_OOM, 0, &count, sizeof(count));
		send_frame(PROTO_GUEST_STDIN_CLOSED, 0, "", 0);
	}
}

/* Messages of no text, which are lines in the host's log none the less. */
static void do_empty(void)
{
	struct wire_out o = {0};
	struct wire_out many = {0};

	be_started();
	wire_put_u8(&o, PROTO_LOG_ERROR);
	wire_put_str(&o, "");
	for (int i = 0; i < 1000; i++) {
		wire_put_u32(&many, (uint32_t)o.size);
		wire_put_u16(&many, PROTO_GUEST_LOG);
		wire_put_u16(&many, 0);
		wire_put_bytes(&many, o.data, o.size);
	}
	for (;;)
		send_bytes(many.data, many.size);
}

/* Every port: bytes where nobody wants any, opened and closed over and over. */
static void flood_ports(void)
{
	static const char *const names[] = {PROTO_PORT_STDIN, PROTO_PORT_STDOUT, PROTO_PORT_STDERR};
	char junk[65536];

	memset(junk, 'p', sizeof(junk));
	for (;;) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			int fd = open_port(names[i], O_RDWR | O_NONBLOCK);

			for (int n = 0; fd >= 0 && n < 64 && write(fd, junk, sizeof(junk)) > 0; n++)
				;
			fd_close(&fd);
		}
	}
}

static void flood_console(void)
{
	char junk[4096];

	memset(junk, 'c', sizeof(junk));
	for (;;)
		(void)!write(STDERR_FILENO, junk, sizeof(junk));
}

static void do_flood(void)
{
	be_started();
	if (fork() == 0)
		flood_ports();
	if (fork() == 0)
		flood_console();
	flood_frames();
}

/* Relayed sockets. */

static void put_open(struct wire_out *o, uint16_t connection)
{
	socket_link_put(o, &(struct socket_frame){.type = SOCKET_OPEN, .connection = connection});
}

static void put_data(struct wire_out *o, uint16_t connection, uint32_t size)
{
	static uint8_t bytes[SOCKET_DATA_MAX_BYTES];

	socket_link_put(o, &(struct socket_frame){.type = SOCKET_DATA,
						  .connection = connection,
						  .data = {bytes, size}});
}

static void do_sockets_window(void)
{
	int fd = open_port(SOCKET_LINK_PORT, O_RDWR);
	struct wire_out o = {0};

	be_started();
	put_open(&o, 0);
	for (int i = 0; i < 100; i++)
		put_data(&o, 0, SOCKET_DATA_MAX_BYTES);
	(void)fd_write_all(fd, o.data, o.size);
}

static void do_sockets_none(void)
{
	int fd = open_port(SOCKET_LINK_PORT, O_RDWR);
	struct wire_out o = {0};

	be_started();
	put_data(&o, 9, 1);
	(void)fd_write_all(fd, o.data, o.size);
}

/* As many as there may be, a byte a frame, and what comes back is not read. */
static void do_sockets_flood(void)
{
	int fd = open_port(SOCKET_LINK_PORT, O_WRONLY);

	be_started();
	for (uint16_t c = 0; c < SOCKET_CONNECTION_MAX; c++) {
		struct wire_out o = {0};

		put_open(&o, c);
		put_data(&o, c, SOCKET_DATA_MAX_BYTES);
		for (int i = 0; i < 2000; i++)
			put_data(&o, c, 1);
		(void)fd_write_all(fd, o.data, o.size);
		wire_out_done(&o);
	}
	send_stream_end(PROTO_STDOUT, 0);
}

static void report(const char *what, int number)
{
	struct wire_out o = {0};
	char text[200];

	snprintf(text, sizeof(text), "escape: %s (%d)", what, number);
	wire_put_u8(&o, PROTO_LOG_WARN);
	wire_put_str(&o, text);
	send_frame(PROTO_GUEST_LOG, 0, o.data, o.size);
	wire_out_done(&o);
}

static void try_to_write(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd >= 0 && write(fd, "escaped", 7) == 7)
		report(name, fd);
}

/* Handles of FUSE: the number of a node at virtiofsd, which anybody can make up, and its parent's.
 */
static int open_by_number(int share, uint64_t number)
{
	struct {
		unsigned int size;
		int type;
		uint32_t words[6];
	} handle = {.size = 12, .type = 0x81};

	handle.words[0] = (uint32_t)(number >> 32);
	handle.words[1] = (uint32_t)number;
	return (int)syscall(SYS_open_by_handle_at, share, &handle, O_RDONLY | O_DIRECTORY);
}

/* Every process that has a number, but for ourselves: those of the host have none here. */
static void try_to_signal(void)
{
	int found = 0;

	for (pid_t pid = 2; pid < 1 << 16; pid++)
		found += kill(pid, SIGKILL) == 0;
	report("signalled", found);
}

/* Everything root can do to leave the share: write where it is read-only, upwards by handles,
 * through links and device nodes. Every file that comes to be is called escape-SOMETHING. */
static void do_escape(void)
{
	int found = 0;
	int share;

	be_created();
	try_to_signal();
	mkdir("/share", 0700);
	if (mount(PROTO_SHARE_TAG, "/share", "virtiofs", 0, NULL) < 0)
		report("mounting the share", errno);
	share = open("/share", O_RDONLY | O_DIRECTORY);
	if (mount(NULL, "/share", NULL, MS_REMOUNT, NULL) < 0)
		report("remounting the share", errno);
	try_to_write(share, "escape-top");
	try_to_write(share, "mounts/escape-mounts");
	try_to_write(share, "../escape-dots");
	if (link("/share/rootfs/etc/notes", "/share/escape-link") == 0 ||
	    rename("/share/rootfs/etc/notes", "/share/escape-rename") == 0)
		report("link or rename", 0);
	(void)!symlink("/", "/share/rootfs/upwards");
	try_to_write(share, "rootfs/upwards/share/escape-symlink");
	for (uint64_t number = 0; number < 4096; number++) {
		int dir = open_by_number(share, number);
		char name[40];

		if (dir < 0)
			continue;
		found++;
		for (int up = 0; up < 8; up++) {
			int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			snprintf(name, sizeof(name), "escape-%d-%d", (int)number, up);
			try_to_write(dir, name);
			close(dir);
			dir = parent;
		}
		fd_close(&dir);
	}
	/* Its own file system, to be sure that writing works at all. */
	try_to_write(share, "rootfs/escape-inside");
	report("done, directories by number", found);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"length", do_length},
	{"long", do_long},
	{"garbage", do_garbage},
	{"type", do_type},
	{"host-type", do_host_type},
	{"trailing", do_trailing},
	{"short", do_short},
	{"magic", do_magic},
	{"version", do_version},
	{"half", do_half},
	{"order", do_order},
	{"twice", do_twice},
	{"resolve-early", do_resolve_early},
	{"session", do_session},
	{"exit-early", do_exit_early},
	{"end-twice", do_end_twice},
	{"end-stdin", do_end_stdin},
	{"less", do_less},
	{"close", do_close},
	{"more", do_more},
	{"flood", do_flood},
	{"empty", do_empty},
	{"sockets-window", do_sockets_window},
	{"sockets-none", do_sockets_none},
	{"sockets-flood", do_sockets_flood},
	{"escape", do_escape},
};

/* The kernel found none in the initramfs. */
static void take_console(void)
{
	int fd = open("/dev/hvc0", O_RDWR);

	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
}

int main(void)
{
	char *mode = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0 ||
	    mount("sys", "/sys", "sysfs", 0, NULL) < 0 ||
	    fd_read_file(AT_FDCWD, "/mode", 64, &mode, NULL) < 0)
		fprintf(stderr, "hostile: setting up: %s\n", strerror(errno));
	take_console();
	mode[strcspn(mode, "\n")] = '\0';
	control = open_port(PROTO_PORT_CONTROL, O_RDWR);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (!strcmp(mode, modes[i].name))
			modes[i].run();
	}
	/* PID 1 must not end: that would be another story. */
	for (;;)
		pause();
}
