/* The host's own part: programs, kernel, devices, privileges. Must not start a VM; KVM's probe is a
 * throw-away one of its own. */
#include "runtime/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
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
#include "runtime/userns/userns.h"
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
	if (configured)
		doctor_mend(d, "correct or remove \"%s\" in the settings", name);
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
	const struct vm_arch *arch = vm_arch_find(vm_arch_host(), NULL);
	char path[PATH_MAX];
	struct err e;

	if (!arch) {
		doctor_add(d, "qemu", FINDING_FAIL, "vmrt knows no machine for this architecture");
	} else if (vm_qemu_find(arch, s->qemu, path, &e) < 0) {
		doctor_add(d, "qemu", FINDING_FAIL, "%s", e.text);
		host_mend_program(d, s->qemu, "qemu", "qemu-system-x86", "qemu-system-x86-core",
				  "qemu-system-x86");
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
	doctor_mend(d, errno == EPERM || errno == EACCES
			       ? "allow the device c 10:200 in the control group that vmrt runs in"
			       : "modprobe tun");
}

/* mount_setattr (5.12) is the youngest call that vmrt cannot do without. */
static void host_check_kernel_calls(struct doctor *d)
{
	struct utsname host;

	uname(&host);
	if (syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0) < 0 && errno == ENOSYS)
		doctor_add(d, "host kernel", FINDING_FAIL,
			   "%s: has no mount_setattr: 5.12 or later is needed", host.release);
	else
		doctor_add(d, "host kernel", FINDING_OK, "%s", host.release);
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
		doctor_mend(d, "sudo vmrt doctor");
		return;
	}
	doctor_add(d, "privileges", FINDING_OK, "root, with what is needed");
}

/* A range of /etc/subuid that reaches into ours: "name:first:count". False: none. */
static bool host_find_subuid(const struct ids_range *ids, char *ret, size_t size)
{
	FILE *file = fopen("/etc/subuid", "re");
	char line[512];
	bool is_found = false;

	while (file && !is_found && fgets(line, sizeof(line), file)) {
		unsigned long first;
		unsigned long count;
		char *at = strchr(line, ':');

		if (!at || sscanf(at, ":%lu:%lu", &first, &count) != 2)
			continue;
		is_found = first < (unsigned long)ids->first + ids->count &&
			   ids->first < first + count;
		if (is_found)
			snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	if (file)
		fclose(file);
	return is_found;
}

static void host_check_uids(struct doctor *d, const struct ids_range *wanted)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct ids_range range = *wanted;
	const struct ids_range *ids = &range;
	struct err e;
	bool is_chosen = userns_read(ns, &e) == 0 && userns_choose_ids(ns, wanted, &range, &e) == 0;
	unsigned long last = (unsigned long)ids->first + ids->count - 1;
	const struct passwd *user = NULL;
	char other[256] = "";

	setpwent();
	while (!*other && (user = getpwent())) {
		if (user->pw_uid >= ids->first && user->pw_uid <= last)
			snprintf(other, sizeof(other), "user %s (%u)", user->pw_name, user->pw_uid);
	}
	endpwent();
	if (!is_chosen) {
		doctor_add(d, "uid range", FINDING_FAIL, "%s", e.text);
		doctor_mend(d, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
			       "USER");
	} else if (geteuid() != 0 || !userns_is_initial()) {
		/* Its users and /etc/subuid are others. */
		doctor_add(d, "uid range", FINDING_OK, "the topmost of the user namespace's");
	} else if (*other || host_find_subuid(ids, other, sizeof(other))) {
		doctor_add(d, "uid range", FINDING_WARN, "%u-%lu: belongs to others too: %s",
			   ids->first, last, other);
		doctor_mend(d, "set uid-first and uid-count in " SETTINGS_PATH);
	} else {
		doctor_add(d, "uid range", FINDING_OK, "%u-%lu: nobody else's", ids->first, last);
	}
}

void doctor_look_at_host(struct doctor *d)
{
	struct settings s;
	struct err e;

	if (settings_load(&s, &e) < 0) {
		doctor_add(d, "settings", FINDING_FAIL, "%s", e.text);
		return;
	}
	doctor_add(d, "settings", FINDING_OK, "%s",
		   getenv("VMRT_CONFIG")	     ? getenv("VMRT_CONFIG")
		   : access(SETTINGS_PATH, F_OK) < 0 ? "defaults (there is no " SETTINGS_PATH ")"
						     : SETTINGS_PATH);
	host_check_rights(d, doctor_look_at_users(d));
	host_check_kernel_calls(d);
	host_check_files(d, &s);
	host_check_qemu(d, &s);
	host_check_facts(d, &s);
	host_check_tun(d);
	host_check_cgroups(d);
	host_check_uids(d, &s.ids);
	settings_done(&s);
}
