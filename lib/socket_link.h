/* What travels over the link of relayed sockets: Unix stream sockets of the host that are mounted
 * into the container. A port of its own ("vmrt.sockets"), so that nobody's data delays the control
 * link.
 *
 *   process        guest (init)                              host (monitor)          server
 *      |  connect       |                                          |                    |
 *      |  ------------> |  --- OPEN(c) socket, uid, gid ---------> |  connect --------> |
 *      |                |  ======== DATA(c) bytes, both ways ====> |                    |
 *      |                |  <======= CREDIT(c) n: passed on ======= |                    |
 *      |  shutdown      |  --- END(c) ---------------------------> |  shutdown -------> |
 *      |                |  <-- CLOSE(c) errno -------------------- |  it is gone        |
 *      |  close         |  --- CLOSE(c) 0 -----------------------> |                    |
 *
 * All but OPEN go both ways. Each side may send SOCKET_WINDOW_BYTES more than it was given CREDIT
 * for. CLOSE means: nothing more will come, and nothing is taken any more. When both have said it
 * the number is free; until then what comes for it is thrown away.
 *
 * A frame is as on the control link: u32 payload bytes, u16 type, u16 connection, payload.
 *
 * What the guest sends is hostile: socket_link_parse() is the only reader of it, and what may come
 * when is socket_flow_take()'s matter (lib/socket_flow.h). */
#ifndef VMRT_LIB_SOCKET_LINK_H
#define VMRT_LIB_SOCKET_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/wire.h"

#define SOCKET_LINK_PORT       "vmrt.sockets"
#define SOCKET_CONNECTION_MAX  256
#define SOCKET_DATA_MAX_BYTES  16384 /* of one frame */
#define SOCKET_WINDOW_BYTES    65536
#define SOCKET_LINK_FRAME_ROOM (SOCKET_DATA_MAX_BYTES + 8)

enum socket_frame_type {
	SOCKET_OPEN = 1,
	SOCKET_DATA,
	SOCKET_CREDIT,
	SOCKET_END,
	SOCKET_CLOSE,
};

struct socket_frame {
	enum socket_frame_type type;
	uint16_t connection; /* below SOCKET_CONNECTION_MAX */
	union {
		struct {
			uint32_t socket; /* of the container's description */
			uint32_t uid;	 /* who connects, of the machine's root */
			uint32_t gid;
		} open;
		struct {
			const uint8_t *at; /* in the caller's buffer */
			uint32_t size;	   /* 1 to SOCKET_DATA_MAX_BYTES */
		} data;
		uint32_t credit; /* 1 to SOCKET_WINDOW_BYTES */
		uint32_t error;	 /* CLOSE: errno of connecting, or 0 */
	};
};

/* Takes the first frame off `data`. Returns the bytes it used, 0 when it is not complete yet, or
 * -EPROTO with a line that begins with who has sent it. */
int socket_link_parse(const uint8_t *data, size_t size, struct socket_frame *ret,
		      struct err *e) VMRT_MUST_CHECK;

/* Appends a frame. */
void socket_link_put(struct wire_out *o, const struct socket_frame *f);

#endif
