/* The host's own part: programs, kernel, devices, privileges. Must not start a VM; KVM's probe is a
 * throw-away one of its own. */
#include "runtime/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/userns/rundir.h"
#include "runtime/vm/facts.h"
#include "runtime/vm/vm.h"

/* What `create` and the monitor's set-up cannot do without. */
static const cap_value_t host_caps[] = {
	CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_MKNOD,
	CAP_CHOWN,     CAP_FOWNER,    CAP_FSETID, CAP_KILL,   CAP_SETFCAP, CAP_DAC_OVERRIDE,
};

/* A program that the administrator has named is not mended by installing another. */
static void host_mend_program(struct doctor *d, const char *configured, const char *name,
			      const char *debian, const char *fedora, const char *arch)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "del(.%s)", name);
	if (configured)
		doctor_mend_settings(d, filter);
	else
		doctor_mend_package(d, debian, fedora, arch);
}

static void host_check_files(struct doctor *d, const struct settings *s)
{
	struct err e;

	if (settings_check_files(s, &e) < 0) {
		doctor_add(d, "kernel", FINDING_FAIL, "%s", e.text);
		doctor_mend(d,
			    strstr(e.text, "chmod") ? "chmod a+r '%s' '%s'"
						    : "make install # makes '%s' and '%s'",
			    s->kernel, s->initramfs);
		return;
	}
	doctor_add(d, "kernel", FINDING_OK, "%s, %s", s->kernel, s->initramfs);
}

static void host_check_qemu(struct doctor *d, const struct settings *s)
{
	static const struct {
		const char *suffix;
		const char *debian;
		const char *fedora;
		const char *arch;
	} packages[] = {
		{"-x86_64", "qemu-system-x86", "qemu-system-x86-core", "qemu-system-x86"},
		{"-aarch64", "qemu-system-arm", "qemu-system-aarch64-core", "qemu-system-aarch64"},
		{"-arm", "qemu-system-arm", "qemu-system-arm-core", "qemu-system-arm"},
		{"-riscv64", "qemu-system-misc", "qemu-system-riscv-core", "qemu-system-riscv"},
		{"-s390x", "qemu-system-misc", "qemu-system-s390x-core", "qemu-system-s390x"},
		{"-ppc64", "qemu-system-ppc", "qemu-system-ppc-core", "qemu-system-ppc"},
	};
	const struct vm_arch *arch = vm_arch_find(vm_arch_host(), NULL);
	char path[PATH_MAX];
	struct err e;

	if (!arch) {
		doctor_add(d, "qemu", FINDING_FAIL, "vmrt knows no machine for this architecture");
	} else if (vm_qemu_find(arch, s->qemu, path, &e) < 0) {
		doctor_add(d, "qemu", FINDING_FAIL, "%s", e.text);
		for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++) {
			if (strstr(arch->qemu, packages[i].suffix))
				host_mend_program(d, s->qemu, "qemu", packages[i].debian,
						  packages[i].fedora, packages[i].arch);
		}
	} else {
		doctor_add(d, "qemu", FINDING_OK, "%s", path);
	}
}

static void host_add_kvm(struct doctor *d, const struct settings *s, const struct host_facts *facts)
{
	bool is_needed = s->accel == ACCEL_WISH_KVM;

	if (s->accel == ACCEL_WISH_TCG) {
		doctor_add(d, "kvm", FINDING_OK, "not used: the settings say accel \"tcg\"");
		return;
	}
	if (facts->is_kvm_good) {
		doctor_add(d, "kvm", FINDING_OK, "/dev/kvm runs an ordinary kernel");
		return;
	}
	doctor_add(d, "kvm", is_needed ? FINDING_FAIL : FINDING_WARN, "%s%s", facts->kvm_reason,
		   is_needed ? "" : "; VMs are emulated (TCG), which is slow");
	if (access("/dev/kvm", F_OK) < 0)
		doctor_mend(d, "modprobe kvm_intel || modprobe kvm_amd");
	else if (is_needed)
		doctor_mend_settings(d, "del(.accel)");
}

static void host_check_facts(struct doctor *d, const struct settings *s)
{
	unsigned int needs = s->accel == ACCEL_WISH_TCG ? 0 : FACTS_NEED_KVM;
	struct host_facts facts;
	struct err e;

	if (host_facts_get(rundir_host(), FACTS_NEED_VIRTIOFSD, s->virtiofsd, &facts, &e) < 0) {
		doctor_add(d, "virtiofsd", FINDING_FAIL, "%s", e.text);
		host_mend_program(d, s->virtiofsd, "virtiofsd",
				  "virtiofsd || apt-get install qemu-system-common", "virtiofsd",
				  "virtiofsd");
	} else {
		doctor_add(d, "virtiofsd", FINDING_OK, "%s, version %u.%u (%s)",
			   facts.virtiofsd.path, facts.virtiofsd.version / 1000,
			   facts.virtiofsd.version % 1000,
			   virtiofsd_kind_name(facts.virtiofsd.kind));
	}
	if (host_facts_get(rundir_host(), needs, s->virtiofsd, &facts, &e) == 0)
		host_add_kvm(d, s, &facts);
}

static void host_check_tun(struct doctor *d)
{
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		doctor_add(d, "tun", FINDING_OK, "/dev/net/tun opens");
		return;
	}
	doctor_add(d, "tun", FINDING_FAIL, "/dev/net/tun: %s: containers have no network",
		   strerror(errno));
	doctor_mend(d,
		    errno == EPERM || errno == EACCES
			    ? "docker run --device /dev/net/tun ... # the container that vmrt is in"
			    : "modprobe tun");
}

/* mount_setattr (5.12) is the youngest call that vmrt cannot do without. */
static void host_check_kernel_calls(struct doctor *d)
{
	struct utsname host;

	uname(&host);
	if (syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0) < 0 && errno == ENOSYS) {
		doctor_add(d, "host kernel", FINDING_FAIL,
			   "%s: has no mount_setattr: 5.12 or later is needed", host.release);
		doctor_mend_package(d, "linux-image-$(dpkg --print-architecture)", "kernel",
				    "linux");
	} else {
		doctor_add(d, "host kernel", FINDING_OK, "%s", host.release);
	}
}

static void host_check_cgroups(struct doctor *d)
{
	static const char *const wanted[] = {"memory", "cpu", "pids", "devices"};
	auto_free char *text = NULL;
	char missing[64] = "";

	if (fd_read_file(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &text, NULL) == 0) {
		doctor_add(d, "cgroups", FINDING_OK, "version 2: %.*s", (int)strcspn(text, "\n"),
			   text);
		return;
	}
	if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &text, NULL) < 0 ||
	    !strstr(text, " - cgroup ")) {
		doctor_add(d, "cgroups", FINDING_FAIL, "no control groups are mounted");
		doctor_mend(d, "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", wanted[i]);
		if (access(path, F_OK) < 0)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 " %s", wanted[i]);
	}
	doctor_add(d, "cgroups", *missing ? FINDING_WARN : FINDING_OK, "version 1%s%s",
		   *missing ? ", without:" : "", missing);
	if (*missing)
		doctor_mend(d,
			    "for c in%s; do mkdir -p /sys/fs/cgroup/$c && mount -t cgroup -o $c $c "
			    "/sys/fs/cgroup/$c; done",
			    missing);
}

/* `is_user_able`: a user who is not root becomes that in a namespace. */
static void host_check_rights(struct doctor *d, bool is_user_able)
{
	cap_t caps = cap_get_proc();
	char missing[256] = "";

	for (size_t i = 0; caps && i < sizeof(host_caps) / sizeof(*host_caps); i++) {
		cap_flag_value_t has = CAP_CLEAR;
		char *name = cap_to_name(host_caps[i]);

		if (cap_get_flag(caps, host_caps[i], CAP_PERMITTED, &has) == 0 && has != CAP_SET)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 " %s", name ? name : "?");
		cap_free(name);
	}
	cap_free(caps);
	if (geteuid() != 0 && is_user_able) {
		doctor_add(d, "privileges", FINDING_OK, "uid %u, root of user namespaces",
			   geteuid());
		return;
	}
	if (geteuid() != 0 || *missing) {
		doctor_add(d, "privileges", FINDING_FAIL, "uid %u%s%s", geteuid(),
			   *missing ? ", without" : "", missing);
		doctor_mend(
			d, geteuid()
				   ? "sudo vmrt doctor"
				   : "docker run --privileged ... # the container that vmrt is in");
		return;
	}
	doctor_add(d, "privileges", FINDING_OK, "root, with what is needed");
}

void doctor_look_at_host(struct doctor *d)
{
	struct settings s;
	struct err e;

	if (settings_load(&s, &e) < 0) {
		doctor_add(d, "settings", FINDING_FAIL, "%s", e.text);
		doctor_mend(d, "${EDITOR:-vi} %s", doctor_settings_path());
		return;
	}
	doctor_add(d, "settings", FINDING_OK, "%s",
		   access(doctor_settings_path(), F_OK) < 0 ? "defaults (there is no " SETTINGS_PATH
							      ")"
							    : doctor_settings_path());
	host_check_rights(d, doctor_look_at_users(d));
	host_check_kernel_calls(d);
	host_check_files(d, &s);
	host_check_qemu(d, &s);
	host_check_facts(d, &s);
	host_check_tun(d);
	host_check_cgroups(d);
	doctor_look_at_ids(d, &s.ids);
	settings_done(&s);
}
