/* Lines of the annotation io.vmrt.disks. */
#include <errno.h>

#include "runtime/plan/plan.h"
#include "tests/unit/tap.h"

static void test_good(void)
{
	const char *at = "7:1=/a b\n4294967295:0:ro=/c:=d\n";
	struct plan_disk_file f = {0};

	is_int(plan_next_disk_file(&at, &f), 1, "a line");
	ok(f.major == 7 && f.minor == 1 && !f.is_readonly, "its numbers");
	ok(f.path_size == 4 && !memcmp(f.path, "/a b", 4), "its file");
	is_int(plan_next_disk_file(&at, &f), 1, "another line");
	ok(f.major == 4294967295 && f.minor == 0 && f.is_readonly, "its numbers, read-only");
	ok(f.path_size == 5 && !memcmp(f.path, "/c:=d", 5), "its file");
	is_int(plan_next_disk_file(&at, &f), 0, "the end");
}

int main(void)
{
	static const char *const bad[] = {
		"\n7:1=/a",	    "\n",      " 7:1=/a", "7: 1=/a",  "7:\n1=/a",
		"-7:1=/a",	    "7:+1=/a", "7:1",	  "7:1=",     "7:1=a",
		"7:1:rw=/a",	    "7:1:ro=", "7=/a",	  ":1=/a",    "4294967296:1=/a",
		"7:99999999999=/a", "7:1 =/a", "x",	  "7:1=\n/a",
	};

	test_good();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct plan_disk_file f = {0};
		const char *at = bad[i];

		ok(plan_next_disk_file(&at, &f) == -EINVAL, "wrong line %zu is refused", i);
		ok(at == bad[i], "and still there to be told");
	}
	return done_testing();
}
