/* linux.devices against what the guest's kernel has. Must not look at the host's /dev.
 *
 * A node in the guest is a device of the *guest*: the ones in the table below are the same ones by
 * number on every Linux, and our kernel has them (kernel-config/). Any other number is a device of
 * the host, which a VM does not reach: refused by name. A container that may use every device
 * (--privileged) brings the whole of the host's /dev along without having asked for any of it:
 * there the host's are left out, with one warning. */
#include "runtime/plan/plan.h"

#include <errno.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/cgroup/cgroup.h"

#define DEVICES_MODE_DEFAULT 0666
#define DEVICES_MINOR_ANY    (-1)

/* name: for messages only */
static const struct {
	char type;
	int64_t major;
	int64_t minor;
	const char *name;
} devices_of_guest[] = {
	{'c', 1, 3, "null"},
	{'c', 1, 5, "zero"},
	{'c', 1, 7, "full"},
	{'c', 1, 8, "random"},
	{'c', 1, 9, "urandom"},
	{'c', 1, 11, "kmsg"},
	{'c', 5, 0, "tty"},
	{'c', 5, 1, "console"},
	{'c', 5, 2, "ptmx"},
	{'c', 10, 200, "net/tun"},
	{'c', 10, 229, "fuse"},
	{'c', 10, 237, "loop-control"},
	{'b', 7, DEVICES_MINOR_ANY, "loop"},
};

static bool devices_has_guest(const struct oci_device *d)
{
	if (d->type == 'p')
		return true;
	for (size_t i = 0; i < sizeof(devices_of_guest) / sizeof(*devices_of_guest); i++) {
		if (devices_of_guest[i].type == d->type && devices_of_guest[i].major == d->major &&
		    (devices_of_guest[i].minor == DEVICES_MINOR_ANY ||
		     devices_of_guest[i].minor == d->minor))
			return true;
	}
	return false;
}

static struct guest_device devices_convert(const struct oci_device *d)
{
	return (struct guest_device){
		.type = (uint8_t)d->type,
		.path = d->path,
		.major = (uint32_t)d->major,
		.minor = (uint32_t)d->minor,
		.mode = d->file_mode.has ? d->file_mode.value : DEVICES_MODE_DEFAULT,
		.uid = d->uid.has ? d->uid.value : 0,
		.gid = d->gid.has ? d->gid.value : 0,
	};
}

/* /dev/ptmx is a link to the container's own devpts, /dev/console its terminal: init makes both. */
static bool devices_is_inits(const struct oci_device *d)
{
	return !strcmp(d->path, "/dev/ptmx") || !strcmp(d->path, "/dev/console");
}

int plan_devices(struct plan *p, struct err *e)
{
	const struct oci_linux *l = &p->config->linux_;
	struct cgroup_device_filter filter;
	const struct oci_device *first = NULL;
	size_t left_out = 0;
	int r = cgroup_device_filter_build(l->resources, &filter, e);

	if (r < 0)
		return err_prefix(e, r, "config.json");
	p->guest.device_filter =
		(struct guest_device_filter){.count = filter.count, .insns = filter.insns};
	p->guest.devices = xcalloc(l->device_count, sizeof(*p->guest.devices));
	for (size_t i = 0; i < l->device_count; i++) {
		const struct oci_device *d = &l->devices[i];

		if (*d->path != '/')
			return err_set(e, -EINVAL,
				       "config.json: linux.devices[%zu] (%s): path is not absolute",
				       i, d->path);
		if (devices_is_inits(d))
			continue;
		if (devices_has_guest(d)) {
			p->guest.devices[p->guest.device_count++] = devices_convert(d);
		} else if (!filter.is_allow_all) {
			return err_set(
				e, -ENOTSUP,
				"config.json: linux.devices[%zu] (%s, %c %lld:%lld): a device "
				"of the host, which a VM does not have",
				i, d->path, d->type, (long long)d->major, (long long)d->minor);
		} else {
			first = first ? first : d;
			left_out++;
		}
	}
	if (left_out)
		plan_warn(p,
			  "config.json: linux.devices: %zu devices of the host are not in the VM "
			  "(%s and others)",
			  left_out, first->path);
	return 0;
}
