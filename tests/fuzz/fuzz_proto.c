/* Fuzz target: a stream of bytes from a hostile guest, parsed frame by frame as the monitor does.
 *
 *   clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_proto.c
 * lib/{proto,wire,mem,err}.c cc -DFUZZ_REPLAY ...   a program that replays the files it is given */
#include <stdlib.h>
#include <string.h>

#include "lib/proto.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

#ifdef FUZZ_REPLAY
#include <fcntl.h>
#include <stdio.h>

#include "lib/fd.h"

#define FUZZ_FILE_MAX_BYTES (1 << 20)

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: fuzz_proto FILE...\n", stderr);
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		char *text;
		size_t size;
		int r = fd_read_file(AT_FDCWD, argv[i], FUZZ_FILE_MAX_BYTES, &text, &size);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)text, size);
		free(text);
	}
	return 0;
}
#endif
