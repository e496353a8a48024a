/* Ports of the host that lead into a VM with the user-mode network (io.vmrt.publish). */
#ifndef VMRT_NET_PUBLISH_H
#define VMRT_NET_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define PUBLISH_MAX	   32
#define PUBLISH_ADDRESS	   16 /* bytes of a dotted quad */
#define PUBLISH_QEMU_BYTES (PUBLISH_MAX * 56)

struct publish_port {
	char address[PUBLISH_ADDRESS]; /* of the host, IPv4; "": all */
	uint16_t host;
	uint16_t guest;
	bool is_udp;
};

struct publish {
	size_t count;
	struct publish_port at[PUBLISH_MAX];
};

/* "[ADDRESS:]HOST:GUEST[/tcp|/udp]", several of them with commas between. */
int publish_parse(const char *text, struct publish *ret, struct err *e) VMRT_MUST_CHECK;

/* As what stands behind QEMU's "user,id=...": ",hostfwd=..." for each. */
void publish_write_qemu(const struct publish *p, char ret[PUBLISH_QEMU_BYTES]);

#endif
