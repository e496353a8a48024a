/*
 * features.c: asks the running kernel for each thing containers expect, so that a symbol that is
 * set but does not work is noticed. It must not test how well they work: one call each.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define IPT_SO_GET_INFO 64
#define DRIVERS		"/sys/bus/virtio/drivers/"

static bool file_has_word(const char *path, const char *word)
{
	char line[512], *rest;
	FILE *file = fopen(path, "r");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		for (char *w = strtok_r(line, " \t\n", &rest); w;
		     w = strtok_r(NULL, " \t\n", &rest))
			found |= strcmp(w, word) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

static void expect_words(const char *path, const char *const *words)
{
	for (; *words; words++)
		tap_result(file_has_word(path, *words), "%s has %s", path, *words);
}

static void expect_paths(const char *const *paths)
{
	for (; *paths; paths++)
		tap_result(access(*paths, F_OK) == 0, "%s exists", *paths);
}

/* In a child: some of these cannot be undone. Returns whether ACT succeeded. */
static bool succeeds_in_child(bool (*act)(void))
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act() ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool unshare_all(void)
{
	return unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET |
		       CLONE_NEWCGROUP | CLONE_NEWUSER | 0x80 /* CLONE_NEWTIME */) == 0;
}

static bool set_seccomp_filter(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

static bool mount_overlay(void)
{
	mkdir("/tmp/l", 0755);
	mkdir("/tmp/u", 0755);
	mkdir("/tmp/w", 0755);
	mkdir("/tmp/m", 0755);
	return mount("overlay", "/tmp/m", "overlay", 0,
		     "lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w") == 0;
}

static bool set_trusted_xattr(void)
{
	int fd = open("/tmp/x", O_CREAT | O_RDWR, 0644);

	return fd >= 0 && fsetxattr(fd, "trusted.x", "1", 1, 0) == 0;
}

/* An empty POSIX ACL (version 2): the call is refused with EOPNOTSUPP where ACLs are not built in.
 */
static bool set_posix_acl(void)
{
	static const unsigned char acl[] = {
		2, 0, 0,   0,	1,   0,	  6,  0, 255, 255, 255, 255, 4,	  0,
		4, 0, 255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255,
	};
	int fd = open("/tmp/a", O_CREAT | O_RDWR, 0644);

	return fd >= 0 && fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0) == 0;
}

static bool call_ia32(void)
{
#ifdef __x86_64__
	long ret = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(ret) : : "memory", "r8", "r9", "r10", "r11");
	return ret == getpid();
#else
	return true;
#endif
}

static bool open_mqueue(void)
{
	return mq_open("/q", O_CREAT | O_RDWR, 0600, NULL) >= 0;
}

static bool get_shm(void)
{
	return shmget(IPC_PRIVATE, 4096, 0600) >= 0;
}

static bool create_bpf_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) >= 0;
}

static bool setup_io_uring(void)
{
	unsigned char params[120] = {0};

	return syscall(SYS_io_uring_setup, 1, params) >= 0;
}

static bool create_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC) >= 0;
}

static bool create_memfd(void)
{
	return syscall(SYS_memfd_create, "m", 0) >= 0;
}

static bool init_fanotify(void)
{
	return fanotify_init(FAN_CLASS_NOTIF, O_RDONLY) >= 0;
}

static bool init_inotify(void)
{
	return inotify_init1(0) >= 0;
}

static bool set_up_loop(void)
{
	int control = open("/dev/loop-control", O_RDWR);
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	int file = open("/tmp/loop", O_CREAT | O_RDWR, 0600);
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = number < 0 ? -1 : open(path, O_RDWR);
	return fd >= 0 && ftruncate(file, 1 << 20) == 0 && ioctl(fd, LOOP_SET_FD, file) == 0 &&
	       ioctl(fd, LOOP_CLR_FD) == 0;
}

/* tests/kernel/run asks QEMU for two. */
static bool has_two_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 2;
}

static bool ask_kcmp(void)
{
	return syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0) == 0;
}

static bool ask_iptables(void)
{
	char info[84] = "filter";
	socklen_t len = sizeof(info);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	return getsockopt(fd, SOL_IP, IPT_SO_GET_INFO, info, &len) == 0;
}

static bool open_socket_inet6(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0) >= 0;
}

static bool open_socket_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool open_netlink_netfilter(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) >= 0;
}

static bool open_netlink_diag(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) >= 0;
}

static bool open_alg(void)
{
	return socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0) >= 0;
}

static const struct {
	bool (*act)(void);
	const char *sentence;
} calls[] = {
	{unshare_all, "all eight name spaces can be unshared"},
	{set_seccomp_filter, "seccomp takes filters"},
	{mount_overlay, "overlayfs mounts"},
	{set_trusted_xattr, "tmpfs has xattrs"},
	{set_posix_acl, "tmpfs has POSIX ACLs"},
	{call_ia32, "32-bit system calls work"},
	{open_mqueue, "POSIX message queues work"},
	{get_shm, "System V shared memory works"},
	{create_bpf_map, "BPF maps can be created"},
	{setup_io_uring, "io_uring works"},
	{create_userfaultfd, "userfaultfd works"},
	{create_memfd, "memfd works"},
	{init_fanotify, "fanotify works"},
	{init_inotify, "inotify works"},
	{set_up_loop, "loop devices work"},
	{has_two_cpus, "both CPUs are online"},
	{ask_kcmp, "kcmp works"},
	{ask_iptables, "legacy iptables has a filter table"},
	{open_socket_inet6, "IPv6 sockets can be opened"},
	{open_socket_packet, "packet sockets can be opened"},
	{open_netlink_netfilter, "nfnetlink answers"},
	{open_netlink_diag, "sock_diag answers"},
	{open_alg, "AF_ALG sockets can be opened"},
};

void test_features(void)
{
	static const char *const filesystems[] = {
		"virtiofs", "9p",	"overlay", "tmpfs", "ext4",	   "fuse",   "hugetlbfs",
		"mqueue",   "squashfs", "erofs",   "bpf",   "binfmt_misc", "devpts", NULL,
	};
	static const char *const controllers[] = {
		"cpuset", "cpu", "io", "memory", "hugetlb", "pids", NULL,
	};
	static const char *const paths[] = {
		"/proc/config.gz",
		"/proc/pressure/memory",
		"/proc/self/io",
		"/proc/self/timens_offsets",
		"/proc/sys/net/bridge/bridge-nf-call-iptables",
		"/proc/net/nf_conntrack",
		"/proc/net/vlan",
		"/dev/ptmx",
		"/dev/net/tun",
		"/dev/fuse",
		"/dev/loop-control",
		DRIVERS "virtio_net",
		DRIVERS "virtio_blk",
		DRIVERS "virtio_console",
		DRIVERS "virtio_balloon",
		DRIVERS "virtio_rng",
		DRIVERS "virtiofs",
		DRIVERS "9pnet_virtio",
		DRIVERS "vmw_vsock_virtio_transport",
		NULL,
	};

	expect_words("/proc/filesystems", filesystems);
	expect_words("/sys/fs/cgroup/cgroup.controllers", controllers);
	expect_paths(paths);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		tap_result(succeeds_in_child(calls[i].act), "%s", calls[i].sentence);
}

/* Gives the host the configuration that this kernel says it was built with. */
void test_config(void)
{
	static char bytes[256 << 10];
	int from = open("/proc/config.gz", O_RDONLY);
	int to = open(SHARE "/config.gz", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	ssize_t size = read(from, bytes, sizeof(bytes));

	tap_result(size > 0 && size < (ssize_t)sizeof(bytes) &&
			   write(to, bytes, (size_t)size) == size,
		   "the kernel's configuration can be read");
}

/* Panics the kernel; that QEMU was told is for the host to see. */
void test_panic(void)
{
	_exit(1);
}
