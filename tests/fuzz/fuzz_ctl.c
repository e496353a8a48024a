/* Fuzz target: packets to ctl.sock, and the process that an EXEC brings along. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/guest.h"
#include "runtime/ctl/ctl.h"
#include "tests/fuzz/fuzz.h"

/* The text ends inside of the packet. */
static void fuzz_packet(const uint8_t *data, size_t size)
{
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message m = {0};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return;
	if (send(fds[0], data, size, MSG_DONTWAIT) == (ssize_t)size && size &&
	    ctl_receive(fds[1], &m, buffer) == 0 &&
	    ((const uint8_t *)m.text < buffer || !memchr(m.text, '\0', CTL_PACKET_MAX)))
		abort();
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

static void fuzz_process(const uint8_t *data, size_t size)
{
	struct guest_process p;
	struct wire_in in;

	wire_in_init(&in, data, size);
	if (guest_process_decode(&in, &p) == 0) {
		struct wire_out o = {0};

		guest_process_encode(&o, &p);
		wire_out_done(&o);
		guest_process_done(&p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] & 1)
		fuzz_packet(data + 1, size - 1);
	else
		fuzz_process(data + 1, size - 1);
	return 0;
}
