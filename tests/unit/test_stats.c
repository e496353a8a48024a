/* cgroup v2 files of a guest as runc's events. */
#include "runtime/cmd/stats.h"
#include "tests/unit/tap.h"

#include "lib/mem.h"
#include "lib/wire.h"

static void put(struct wire_out *o, const char *name, const char *text)
{
	wire_put_str(o, name);
	wire_put_u32(o, (uint32_t)strlen(text));
	wire_put_bytes(o, text, strlen(text));
}

static char *print(const struct wire_out *o)
{
	struct json_out *out = json_out_new(NULL);
	struct stats s;
	struct err e;
	size_t size;
	char *text;

	if (stats_init(&s, (const char *)o->data, o->size, &e) < 0) {
		json_out_free(out);
		return xstrdup(e.text);
	}
	json_out_object(out, NULL);
	stats_put(&s, out);
	json_out_end(out);
	text = xstrdup(json_out_text(out, &size));
	json_out_free(out);
	return text;
}

static void check(struct wire_out *o, const char *want, const char *name)
{
	char *got = print(o);

	is_str(got, want, name);
	free(got);
	wire_out_done(o);
}

static void test_all(void)
{
	struct wire_out o = {0};

	put(&o, "cpu.stat",
	    "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled "
	    "2\nthrottled_usec 7\n");
	put(&o, "cpuset.cpus.effective", "0-1,3\n");
	put(&o, "cpuset.mems.effective", "0\n");
	put(&o, "memory.current", "1000\n");
	put(&o, "memory.peak", "1500\n");
	put(&o, "memory.max", "67108864\n");
	put(&o, "memory.swap.current", "24\n");
	put(&o, "memory.swap.max", "100\n");
	put(&o, "memory.events", "low 0\nhigh 0\nmax 5\noom 1\n");
	put(&o, "memory.stat", "anon 600\nfile 300\n");
	put(&o, "pids.current", "3\n");
	put(&o, "pids.max", "50\n");
	put(&o, "io.stat", "8:16 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
	put(&o, "hugetlb.2MB.current", "2097152\n");
	put(&o, "hugetlb.2MB.events", "max 9\n");
	check(&o,
	      "{\"data\":{\"cpu\":{\"usage\":{\"total\":30000,\"kernel\":10000,\"user\":20000},"
	      "\"throttling\":{\"periods\":4,\"throttledPeriods\":2,\"throttledTime\":7000}},"
	      "\"cpuset\":{\"cpus\":[0,1,3],\"cpu_exclusive\":0,\"mems\":[0],\"mem_hardwall\":0,"
	      "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
	      "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
	      "\"sched_relax_domain_level\":0},"
	      "\"memory\":{\"cache\":300,"
	      "\"usage\":{\"limit\":67108864,\"usage\":1000,\"max\":1500,\"failcnt\":5},"
	      "\"swap\":{\"limit\":67108964,\"usage\":1024,\"failcnt\":0},"
	      "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},"
	      "\"raw\":{\"anon\":600,\"file\":300}},"
	      "\"pids\":{\"current\":3,\"limit\":50},"
	      "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\","
	      "\"value\":4096},{\"major\":8,\"minor\":16,\"op\":\"Write\"},"
	      "{\"major\":8,\"minor\":16,\"op\":\"Discard\"}],"
	      "\"ioServicedRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":1},"
	      "{\"major\":8,\"minor\":16,\"op\":\"Write\"},"
	      "{\"major\":8,\"minor\":16,\"op\":\"Discard\"}]},"
	      "\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"failcnt\":9}},\"intel_rdt\":{},"
	      "\"network_interfaces\":null}}",
	      "every number has its place");
}

static void test_hostile(void)
{
	static const char none[] =
		"{\"data\":{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0},\"throttling\":{}},"
		"\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
		"\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
		"\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
		"\"memory\":{\"usage\":{\"limit\":18446744073709551615,\"failcnt\":0},"
		"\"swap\":{\"limit\":18446744073709551615,\"failcnt\":0},"
		"\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},"
		"\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{},"
		"\"network_interfaces\":null}}";
	struct wire_out o = {0};

	check(&o, none, "nothing is no number");
	put(&o, "cpu.stat", "usage_usec -x\nuser_usec\n");
	put(&o, "memory.max", "max");
	put(&o, "pids.max", "max\n");
	put(&o, "cpuset.cpus.effective", "\n");
	put(&o, "io.stat", "nonsense rbytes=3\n");
	put(&o, "hugetlb..current", "3");
	put(&o, "../../etc/passwd", "root");
	check(&o, none, "what is no number is none");
	put(&o, "cpuset.cpus.effective", "5-18446744073709551615");
	{
		char *got = print(&o);

		ok(strlen(got) < 8192, "a list has an end");
		free(got);
		wire_out_done(&o);
	}
	wire_put_str(&o, "memory.max");
	wire_put_u32(&o, 100);
	wire_put_u8(&o, '1');
	check(&o, "guest: malformed usage numbers", "a file that is cut is refused");
}

int main(void)
{
	test_all();
	test_hostile();
	return done_testing();
}
