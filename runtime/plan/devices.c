/* linux.devices against what the guest's kernel has. Must not look at the host's /dev.
 *
 * A node in the guest is a device of the *guest*: the ones in the table below are the same ones by
 * number on every Linux, and our kernel has them (kernel-config/). A block device of the host
 * becomes a disk of the VM, whose number only the guest knows. Any other number is a device which a
 * VM does not reach: refused by name. A container that may use every device (--privileged) brings
 * the whole of the host's /dev along without having asked for any of it: there the host's are left
 * out, with one warning. */
#include "runtime/plan/plan.h"

#include <errno.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/cgroup/cgroup.h"

#define DEVICES_MODE_DEFAULT 0666
#define DEVICES_PLACES	     5u /* of QEMU's microvm for NICs and disks */

/* name: for messages only */
static const struct {
	char type;
	int64_t major;
	int64_t minor;
	const char *name;
} devices_of_guest[] = {
	{'c', 1, 3, "null"},	   {'c', 1, 5, "zero"},	   {'c', 1, 7, "full"},
	{'c', 1, 8, "random"},	   {'c', 1, 9, "urandom"}, {'c', 1, 11, "kmsg"},
	{'c', 5, 0, "tty"},	   {'c', 5, 1, "console"}, {'c', 5, 2, "ptmx"},
	{'c', 10, 200, "net/tun"}, {'c', 10, 229, "fuse"}, {'c', 10, 237, "loop-control"},
};

static bool devices_has_guest(const struct oci_device *d)
{
	if (d->type == 'p')
		return true;
	for (size_t i = 0; i < sizeof(devices_of_guest) / sizeof(*devices_of_guest); i++) {
		if (devices_of_guest[i].type == d->type && devices_of_guest[i].major == d->major &&
		    devices_of_guest[i].minor == d->minor)
			return true;
	}
	return false;
}

/* Of io.vmrt.disks; `ret_is_readonly` is set for a file only. */
static const char *devices_find_file(struct plan *p, const struct oci_device *d,
				     bool *ret_is_readonly)
{
	const char *line = p->disk_files;
	struct plan_disk_file f;

	while (plan_next_disk_file(&line, &f) > 0) {
		if (f.major != d->major || f.minor != d->minor)
			continue;
		*ret_is_readonly = f.is_readonly;
		return plan_own(p, xstrndup(f.path, f.path_size));
	}
	return NULL;
}

/* The number, from 1, of the VM's disk; 0: there is no room for another one. */
static uint32_t devices_add_disk(struct plan *p, const struct oci_device *d)
{
	uint32_t access =
		cgroup_device_access(p->config->linux_.resources, 'b', d->major, d->minor);

	bool is_readonly = false;

	for (size_t i = 0; i < p->disk_count; i++) {
		if (p->disks[i].major == d->major && p->disks[i].minor == d->minor)
			return (uint32_t)i + 1;
	}
	if (p->disk_count == GUEST_DISK_MAX)
		return 0;
	p->disks[p->disk_count++] = (struct disk){
		.path = d->path,
		.file = devices_find_file(p, d, &is_readonly),
		.major = (uint32_t)d->major,
		.minor = (uint32_t)d->minor,
		.is_writable = access & OCI_DEVICE_WRITE,
	};
	if (is_readonly)
		p->disks[p->disk_count - 1].is_writable = false;
	return (uint32_t)p->disk_count;
}

static struct guest_device devices_convert(const struct oci_device *d, uint32_t disk)
{
	return (struct guest_device){
		.type = (uint8_t)d->type,
		.path = d->path,
		.major = (uint32_t)d->major,
		.minor = (uint32_t)d->minor,
		.mode = d->file_mode.has ? d->file_mode.value : DEVICES_MODE_DEFAULT,
		.uid = d->uid.has ? d->uid.value : 0,
		.gid = d->gid.has ? d->gid.value : 0,
		.disk = disk,
	};
}

/* /dev/ptmx is a link to the container's own devpts, /dev/console its terminal: init makes both. */
static bool devices_is_inits(const struct oci_device *d)
{
	return !strcmp(d->path, "/dev/ptmx") || !strcmp(d->path, "/dev/console");
}

static bool devices_may_use_all(const struct oci_resources *r)
{
	const uint32_t all = OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD;
	const struct oci_device_rule *last =
		r && r->device_count ? &r->devices[r->device_count - 1] : NULL;

	return last && last->allow && last->type == 'a' && last->access == all;
}

static int devices_refuse(const struct oci_device *d, size_t i, const char *why, struct err *e)
{
	return err_set(e, -ENOTSUP, "config.json: linux.devices[%zu] (%s, %c %lld:%lld): %s", i,
		       d->path, d->type, (long long)d->major, (long long)d->minor, why);
}

/* ret_is_hosts: it is one of the host's that is left out. */
static int devices_add(struct plan *p, const struct oci_device *d, size_t i, bool may_use_all,
		       bool *ret_is_hosts, struct err *e)
{
	bool is_guests = devices_has_guest(d);
	uint32_t disk = 0;

	*ret_is_hosts = false;
	if (*d->path != '/')
		return devices_refuse(d, i, "path is not absolute", e);
	if (devices_is_inits(d))
		return 0;
	if (!is_guests && may_use_all && d->major == DISK_MAJOR_LOOP && d->type == 'b')
		is_guests = true;
	if (!is_guests && may_use_all) {
		*ret_is_hosts = true;
		return 0;
	}
	if (!is_guests && d->type != 'b')
		return devices_refuse(d, i, "a device of the host, which a VM does not have", e);
	if (!is_guests) {
		disk = devices_add_disk(p, d);
		if (!disk)
			return devices_refuse(d, i, "a VM has room for four disks of the host", e);
	}
	p->guest.devices[p->guest.device_count++] = devices_convert(d, disk);
	return 0;
}

static int devices_build_filter(struct plan *p, struct err *e)
{
	struct cgroup_disk disks[GUEST_DISK_MAX];
	struct cgroup_device_filter filter;
	struct guest_device_filter *to = &p->guest.device_filter;
	int r;

	for (size_t i = 0; i < p->disk_count; i++)
		disks[i] = (struct cgroup_disk){p->disks[i].major, p->disks[i].minor};
	r = cgroup_device_filter_build(p->config->linux_.resources, disks, p->disk_count, &filter,
				       e);
	if (r < 0)
		return err_prefix(e, r, "config.json");
	*to = (struct guest_device_filter){.count = filter.count, .insns = filter.insns};
	memcpy(to->disk_insns, filter.disk_insns, sizeof(to->disk_insns));
	return 0;
}

int plan_devices(struct plan *p, struct err *e)
{
	const struct oci_linux *l = &p->config->linux_;
	bool may_use_all = devices_may_use_all(l->resources);
	const struct oci_device *first = NULL;
	size_t left_out = 0;
	int r = 0;

	p->guest.devices = xcalloc(l->device_count, sizeof(*p->guest.devices));
	for (size_t i = 0; !r && i < l->device_count; i++) {
		bool is_hosts;

		r = devices_add(p, &l->devices[i], i, may_use_all, &is_hosts, e);
		if (r < 0 || !is_hosts)
			continue;
		first = first ? first : &l->devices[i];
		left_out++;
	}
	if (r < 0)
		return r;
	if (left_out)
		plan_warn(p,
			  "config.json: linux.devices: %zu devices of the host are not in the VM "
			  "(%s and others)",
			  left_out, first->path);
	/* The machine has eight places; three are taken by the ports, the share and the balloon. */
	if (p->nic_count > DEVICES_PLACES - p->disk_count)
		p->nic_count = DEVICES_PLACES - p->disk_count;
	return devices_build_filter(p, e);
}

void plan_set_disks(struct plan *p)
{
	for (uint32_t i = 0; i < p->guest.device_count; i++) {
		struct guest_device *d = &p->guest.devices[i];

		if (d->disk && p->disks[d->disk - 1].is_guests)
			d->disk = 0;
	}
}
