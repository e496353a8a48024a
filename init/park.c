/* Parking before anything of a container is known. Must not do what depends on one.
 *
 *   boot ── hello ──▶ saved by the host │ restored ── WAKE ──▶ seed, clock, device ── as any boot
 *
 * The kernel hands words of its command line that it does not know to init as its environment. */
#include "init/park.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "init/control.h"
#include "init/machine.h"
#include "init/marks.h"
#include "lib/fd.h"
#include "lib/guest.h"
#include "lib/proto.h"

#define PARK_DRIVER_DIR "/sys/bus/platform/drivers/virtio-mmio"

/* The kernel has looked at the slot when it booted, and found no device. */
static void park_bind(const char *device)
{
	auto_close int fd = open(PARK_DRIVER_DIR "/bind", O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, device, strlen(device));

	if (r < 0)
		machine_die("the share's device '%s': errno %d", device, -r);
}

bool park_if_asked(void)
{
	const char *device = getenv(PROTO_PARK_VARIABLE);
	struct proto_wake wake;
	int r;

	if (!device)
		return false;
	control_park(&wake);
	marks_restart();
	/* First of all: whatever is random from here on is this machine's alone. */
	r = machine_seed(wake.seed, sizeof(wake.seed));
	if (r < 0)
		machine_die("seeding the random pool: errno %d", -r);
	r = machine_set_clock(wake.clock_realtime_ns);
	if (r < 0)
		machine_die("setting the clock: errno %d", -r);
	marks_add("woken");
	/* The host goes on as well, while the share is being mounted. */
	control_init(machine_now_us());
	marks_add("hello");
	park_bind(device);
	marks_add("share's device");
	return true;
}
