/* Fuzz target: a stream of bytes from a hostile guest, parsed frame by frame as the monitor does.
 */
#include "lib/proto.h"
#include "tests/fuzz/fuzz.h"

/* What must hold of every event that was accepted, whatever the input. */
static void fuzz_check_event(const struct proto_event *ev, int used, size_t size)
{
	if (used < PROTO_HEADER_BYTES || (size_t)used > size)
		abort();
	if (!proto_type_name(ev->type) || (unsigned int)ev->type >= PROTO_HOST_CONTAINER)
		abort();
	if (!memchr(ev->text, '\0', sizeof(ev->text)))
		abort();
	for (const char *p = ev->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			abort();
	}
	if (ev->type == PROTO_GUEST_STREAM_END && ev->stream_end.stream != PROTO_STDOUT &&
	    ev->stream_end.stream != PROTO_STDERR)
		abort();
	if (ev->type == PROTO_GUEST_EXITED && ev->exited.how >= PROTO_EXIT_COUNT)
		abort();
	if (ev->type == PROTO_GUEST_LOG && ev->log.level >= PROTO_LOG_COUNT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_event ev;
	struct err e = {0};

	for (;;) {
		int used = proto_guest_parse(data, size, &ev, &e);

		if (used < 0 && (!e.text[0] || !memchr(e.text, '\0', sizeof(e.text))))
			abort();
		if (used <= 0)
			return 0;
		fuzz_check_event(&ev, used, size);
		data += used;
		size -= (size_t)used;
	}
}
