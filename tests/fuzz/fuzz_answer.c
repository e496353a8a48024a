/* Fuzz target: what a guest's init answers: its processes, its usage. */
#include "lib/mem.h"
#include "runtime/cmd/ps_files.h"
#include "runtime/cmd/stats.h"
#include "tests/fuzz/fuzz.h"

static void show_stats(const char *answer, size_t size)
{
	struct json_out *out;
	struct stats s;
	struct err e;

	if (stats_init(&s, answer, size, &e) < 0) {
		fuzz_check_line(&e);
		return;
	}
	out = json_out_new(NULL);
	json_out_object(out, NULL);
	stats_put(&s, out);
	json_out_end(out);
	if (!json_out_text(out, &size))
		abort();
	json_out_free(out);
}

static void check_file(const struct guest_file *f)
{
	char line[PS_FILES_LINE_BYTES];
	const char *leaf = ps_files_leaf(f->name);

	if (leaf && ps_files_is_right(f, leaf) && strstr(f->name, ".."))
		abort(); /* a path below /proc, whatever it is */
	if (!leaf && ps_files_machine(f, line) && line[strlen(line) - 1] != '\n')
		abort(); /* cut */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly that size: nothing may need a NUL behind it. */
	auto_free char *answer = xmemdup(data, size);
	struct guest_file f;
	struct wire_in in;

	wire_in_init(&in, answer, size);
	while (guest_query_next(&in, &f))
		check_file(&f);
	show_stats(answer, size);
	return 0;
}
