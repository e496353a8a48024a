/* Fuzz target: the files of a state directory, as a crash may leave them. The first byte says which
 * of them the rest is. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/state/state.h"
#include "tests/fuzz/fuzz.h"

static char fuzz_path[] = "/tmp/vmrt-fuzz-state.XXXXXX";
static int fuzz_dirfd = -1;

static void fuzz_clean_up(void)
{
	unlinkat(fuzz_dirfd, "state.json", 0);
	unlinkat(fuzz_dirfd, "monitor.pid", 0);
	rmdir(fuzz_path);
}

static int fuzz_dir(void)
{
	if (fuzz_dirfd < 0 && mkdtemp(fuzz_path)) {
		fuzz_dirfd = open(fuzz_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(fuzz_clean_up);
	}
	return fuzz_dirfd;
}

static void fuzz_write(const char *name, const void *data, size_t size)
{
	auto_close int fd =
		openat(fuzz_dir(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "{\"id\":\"x\"}";
	struct state_format format = {.want_details = true, .owner = ""};
	struct json_out *out;
	struct state s;
	struct err e = {""};

	if (!size)
		return 0;
	fuzz_write("state.json", data[0] & 1 ? (const void *)(data + 1) : good,
		   data[0] & 1 ? size - 1 : sizeof(good) - 1);
	fuzz_write("monitor.pid", data[0] & 1 ? (const void *)"1 1" : data + 1,
		   data[0] & 1 ? 3 : size - 1);
	if (state_read(fuzz_dir(), &s, &e)) {
		fuzz_check_line(&e);
		return 0;
	}
	if (state_check_id(s.id, &e))
		fuzz_check_line(&e);
	out = json_out_new(NULL);
	state_put(out, &s, &format);
	json_out_free(out);
	state_done(&s);
	return 0;
}
