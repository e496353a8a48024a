/* Fuzz target: the files that vmrun is pointed at. The first byte says which:
 *
 *   i   a kernel's image; of what it tells, its configuration and version
 *   j   a file of targets, vmrun.json
 *   t   the same as vmtest.toml; replayed only: toml++ 3.3 has an unreachable() that characters
 *       outside of ASCII do reach, which ends every run of the fuzzer in a second */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/fuzz/fuzz.h"
#include "vmrun/kernel_image.h"
#include "vmrun/kernel_needs.h"
#include "vmrun/targets.h"

#ifdef FUZZ_REPLAY
#define FUZZ_IS_REPLAY true
#else
#define FUZZ_IS_REPLAY false
#endif

static void look_at_image(const char *path)
{
	struct kernel_facts facts = {0};
	struct strv modules = {0};
	struct strv missing = {0};
	struct kernel_image image;
	struct err e;

	if (kernel_image_read(path, &image, &e) < 0) {
		fuzz_check_line(&e);
		return;
	}
	facts.config = image.config;
	kernel_needs_list(&facts, UINT_MAX, &modules, &missing);
	(void)kernel_needs_bus(&facts, KERNEL_NEED_MMIO);
	strv_done(&modules);
	strv_done(&missing);
	kernel_image_done(&image);
}

static void look_at_targets(const char *path)
{
	struct targets t = {0};
	struct err e;

	if (targets_load(path, &t, &e) < 0)
		fuzz_check_line(&e);
	else
		targets_done(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = -1;
	char path[64];

	if (!size)
		return 0;
	/* What is TOML is told by the name. */
	snprintf(path, sizeof(path), "/tmp/vmrun-fuzz-%d.%s", getpid(),
		 data[0] == 't' ? "toml" : "json");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, data + 1, size - 1) < 0)
		abort();
	if (data[0] == 'i')
		look_at_image(path);
	else if (data[0] == 'j' || (data[0] == 't' && FUZZ_IS_REPLAY))
		look_at_targets(path);
	unlink(path);
	return 0;
}
