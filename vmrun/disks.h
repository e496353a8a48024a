/* The disks of the VM: block devices of the host, or files behind loop devices. Who may not make
 * those has vmrt open the file itself, and a number that no device has. */
#ifndef VMRUN_DISKS_H
#define VMRUN_DISKS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "runtime/cmd/options.h"
#include "runtime/oci/json_write.h"

#define DISKS_MAX 4

struct disks {
	size_t count;
	struct disks_one {
		int fd;	    /* holds the loop device, which goes when nobody has it open; -1 */
		char *file; /* owned; NULL: there is a device */
		bool is_readonly;
		unsigned int major;
		unsigned int minor;
	} at[DISKS_MAX];
};

/* --disk's FILE[:ro]. Close with disks_done() when vmrt is through; also after a failure. */
int disks_open(const struct option_list *wanted, struct disks *ret, struct err *e) VMRT_MUST_CHECK;
void disks_done(struct disks *d);

/* The annotation that names the files, if there are any. Inside `annotations`. */
void disks_put_files(struct json_out *out, const struct disks *d);

/* The member linux.devices: /dev/vda and so on. */
void disks_put_devices(struct json_out *out, const struct disks *d);
/* A rule for each, behind the one that allows everything: by that alone vmrt would take them for
 * what --privileged has brought along. Inside the list linux.resources.devices. */
void disks_put_rules(struct json_out *out, const struct disks *d);

#endif
