/* Fuzz target: lines of a QEMU that the guest has taken over. */
#include "runtime/monitor/qmp.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly that size: nothing may need a NUL behind the line. */
	auto_free char *line = xmemdup(data, size);
	struct err e = {""};
	enum qmp_kind kind = qmp_parse_line(line, size, &e);

	if (kind < 0 || kind > QMP_GARBAGE)
		abort();
	if (!memchr(e.text, '\0', sizeof(e.text)) || strpbrk(e.text, "\n\r\x1b"))
		abort();
	return 0;
}
