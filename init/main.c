/* vmrt-init: PID 1 of a container's virtual machine. This file is the order of its boot; see
 * lib/proto.h for what it says to the host. Must not grow anything else.
 *
 * It never exits (the kernel would panic), takes no configuration from the command line, and is
 * not there for the container: its files leave the container's view, its signals are blocked. */
#include <unistd.h>

#include "init/cgroup.h"
#include "init/control.h"
#include "init/loop.h"
#include "init/machine.h"
#include "init/marks.h"
#include "init/modules.h"
#include "init/park.h"
#include "init/ports.h"
#include "init/reaper.h"
#include "init/session.h"
#include "init/standalone.h"

int main(void)
{
	uint64_t boot_us = machine_now_us();
	bool has_said_hello;
	struct err e;
	int r;

	/* Executed by somebody inside a container: there is nothing here for them. */
	if (getpid() != 1)
		return 1;
	standalone_become();
	marks_init();
	machine_boot();
	cgroup_begin();
	marks_add("init's mounts");
	modules_load();
	loop_init();
	session_init();
	reaper_init();
	ports_init();
	has_said_hello = park_if_asked();
	/* While the control port gets its name. */
	r = machine_mount_share(&e);
	marks_add("share");
	if (!has_said_hello) {
		control_init(boot_us);
		marks_add("hello");
	}
	if (r < 0)
		machine_die("%s", e.text);
	machine_pin_share("rootfs");
	control_start();
	loop_run();
}
