/* The virtual machine around the container. Must not know the container's description. */
#include "init/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init/control.h"
#include "init/rootdisk.h"
#include "lib/fd.h"
#include "lib/proto.h"

#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO('R', 0x07)
#endif

static void machine_mount(const char *type, const char *to, unsigned long flags)
{
	/* EBUSY: a kernel with CONFIG_DEVTMPFS_MOUNT was faster. */
	if (mount(type, to, type, flags, NULL) < 0 && errno != EBUSY)
		machine_die("mounting %s: errno %d", type, errno);
}

static void machine_protect_self(void)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, "-1000", 5) < 0)
		machine_die("oom_score_adj: errno %d", errno);
	/* Inherited by the container's process until its execve: nothing may ptrace it before. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* The kernel starts init without descriptors when there is no console: nothing that is opened
 * later may become 0, 1 or 2. */
static void machine_fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		machine_die("/dev/null: errno %d", errno);
	close(fd);
}

void machine_boot(void)
{
	umask(0);
	machine_mount("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC);
	machine_fill_stdio();
	machine_mount("proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV);
	machine_mount("sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV);
	machine_protect_self();
}

int machine_mount_share(struct err *e)
{
	if (mount(PROTO_SHARE_TAG, MACHINE_SHARE_DIR, "virtiofs", 0, NULL) < 0)
		return err_sys(e, -errno, "guest: mounting the share '%s'", PROTO_SHARE_TAG);
	return 0;
}

/* A directory that is a mount of the host's becomes a mount of the guest's by being walked into. */
void machine_pin_share(const char *inside)
{
	char path[sizeof(MACHINE_SHARE_DIR) + 256];

	snprintf(path, sizeof(path), MACHINE_SHARE_DIR "/%s/.", inside);
	/* A file is no mount point, and what is missing is the container's matter to report. */
	(void)!access(path, F_OK);
}

int machine_loopback_up(void)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	return 0;
}

int machine_seed(const uint8_t *seed, size_t size)
{
	auto_close int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	union {
		struct rand_pool_info info;
		uint8_t room[sizeof(struct rand_pool_info) + 64];
	} pool = {.info = {.entropy_count = (int)size * 8, .buf_size = (int)size}};

	if (size > sizeof(pool.room) - sizeof(pool.info))
		return -EINVAL;
	memcpy(pool.room + sizeof(pool.info), seed, size);
	/* A machine restored from a template has a ready pool that all its siblings share: adding
	 * is not enough, the generator has to take the new bytes in now. */
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		return -errno;
	return 0;
}

int machine_set_clock(int64_t realtime_ns)
{
	struct timespec ts = {
		.tv_sec = realtime_ns / 1000000000,
		.tv_nsec = realtime_ns % 1000000000,
	};

	return clock_settime(CLOCK_REALTIME, &ts) < 0 ? -errno : 0;
}

uint64_t machine_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void machine_sync_to_host(void)
{
	auto_close int fd = open("/sys/module/fuse/parameters/syncfs", O_WRONLY | O_CLOEXEC);

	/* Another kernel: slower, not wrong. */
	if (fd >= 0)
		(void)!write(fd, "0", 1);
	sync();
}

void machine_off(void)
{
	rootdisk_release();
	sync();
	for (;;)
		reboot(RB_AUTOBOOT);
}

void machine_die(const char *fmt, ...)
{
	char text[256];
	int kmsg;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The link may be what is broken: the console too, whose last lines the host keeps. */
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg >= 0)
		dprintf(kmsg, "<2>vmrt-init: %s\n", text);
	control_send_last_log(text);
	machine_off();
}
