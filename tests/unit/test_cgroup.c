/* Resources as cgroup files, of the guest and of the host. */
#include "runtime/cgroup/host.h"
#include "tests/unit/tap.h"

#include "lib/mem.h"

static const struct cgroup_overhead overhead = {
	.memory_bytes = 1000, .cpu_percent = 100, .pids = 500};

static char *join(const struct guest_pairs *p)
{
	char *text = xstrdup("");

	for (uint32_t i = 0; i < p->count; i++) {
		char *more =
			xasprintf("%s%s%s=%s", text, i ? ", " : "", p->at[i].name, p->at[i].value);

		free(text);
		text = more;
	}
	return text;
}

static const struct {
	const char *resources, *guest, *v1, *v2;
} rows[] = {
	{"{}", "", "", ""},
	{"{\"memory\": {\"limit\": 5000}}", "memory.max=5000", "memory.limit_in_bytes=6000",
	 "memory.max=6000"},
	{"{\"memory\": {\"limit\": 5000, \"swap\": 9000, \"reservation\": 4000}}",
	 "memory.swap.max=4000, memory.max=5000, memory.low=4000",
	 "memory.limit_in_bytes=6000, memory.memsw.limit_in_bytes=10000, "
	 "memory.soft_limit_in_bytes=5000",
	 "memory.max=6000, memory.swap.max=4000, memory.low=5000"},
	{"{\"memory\": {\"limit\": -1}}", "memory.swap.max=max, memory.max=max", "", ""},
	{"{\"memory\": {\"limit\": 0, \"swap\": 0, \"reservation\": 0}}", "", "", ""},
	{"{\"memory\": {\"swappiness\": 18446744073709551615}}", "", "", ""},
	{"{\"memory\": {\"swappiness\": 60}}", "", "memory.swappiness=60", ""},
	{"{\"cpu\": {\"shares\": 1024, \"quota\": 25000, \"period\": 50000, \"burst\": 7}}",
	 "cpu.weight=39, cpu.max=25000 50000, cpu.max.burst=7",
	 "cpu.shares=1024, cpu.cfs_period_us=50000, cpu.cfs_quota_us=75000",
	 "cpu.weight=39, cpu.max=75000 50000"},
	{"{\"cpu\": {\"shares\": 0, \"quota\": 0, \"period\": 0}}", "", "", ""},
	{"{\"cpu\": {\"quota\": -1}}", "cpu.max=max 100000", "cpu.cfs_quota_us=-1",
	 "cpu.max=max 100000"},
	{"{\"cpu\": {\"cpus\": \"0-1\", \"mems\": \"0\"}}", "", "cpuset.cpus=0-1, cpuset.mems=0",
	 "cpuset.cpus=0-1, cpuset.mems=0"},
	{"{\"pids\": {\"limit\": 10}}", "pids.max=10", "pids.max=510", "pids.max=510"},
	{"{\"pids\": {\"limit\": -1}}", "pids.max=max", "pids.max=max", "pids.max=max"},
	{"{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4}]}",
	 "hugetlb.2MB.max=4, hugetlb.2MB.rsvd.max=4", "", ""},
	{"{\"blockIO\": {\"weight\": 500, \"throttleReadBpsDevice\": "
	 "[{\"major\": 8, \"minor\": 1, \"rate\": 99}]}}",
	 "", "blkio.weight=500, blkio.throttle.read_bps_device=8:1 99",
	 "io.weight=4950, io.max=8:1 rbps=99"},
	{"{\"blockIO\": {\"weight\": 0}}", "", "", ""},
	{"{\"unified\": {\"memory.high\": \"1\", \"io.max\": \"8:0 rbps=1\", \"cpuset.cpus\": "
	 "\"1\"}}",
	 "memory.high=1", "", "io.max=8:0 rbps=1, cpuset.cpus=1"},
};

static void test_row(size_t i)
{
	struct oci_resources *r = NULL;
	struct guest_pairs guest = {0};
	struct guest_pairs v1, v2;
	struct err e = {""};

	if (oci_resources_parse(rows[i].resources, strlen(rows[i].resources), "row", &r, &e) < 0 ||
	    cgroup_limits_of_guest(r, &guest, &e) < 0) {
		ok(0, "%s: %s", rows[i].resources, e.text);
		return;
	}
	cgroup_limits_of_host(r, &overhead, false, &v1);
	cgroup_limits_of_host(r, &overhead, true, &v2);
	{
		auto_free char *in_guest = join(&guest);
		auto_free char *on_v1 = join(&v1);
		auto_free char *on_v2 = join(&v2);

		is_str(in_guest, rows[i].guest, rows[i].resources);
		is_str(on_v1, rows[i].v1, "  on a v1 host");
		is_str(on_v2, rows[i].v2, "  on a v2 host");
	}
	cgroup_pairs_done(&guest);
	cgroup_pairs_done(&v1);
	cgroup_pairs_done(&v2);
	oci_resources_free(r);
}

static void test_refusals(void)
{
	static const char *const bad[] = {
		"{\"memory\": {\"swap\": 5}}",
		"{\"memory\": {\"limit\": 10, \"swap\": 5}}",
		"{\"unified\": {\"../x\": \"1\"}}",
		"{\"unified\": {\"memory\": \"1\"}}",
		"{\"unified\": {\"cgroup.procs\": \"1\"}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct oci_resources *r = NULL;
		struct guest_pairs p = {0};
		struct err e = {""};

		if (oci_resources_parse(bad[i], strlen(bad[i]), "row", &r, &e) < 0)
			printf("# %s\n", e.text);
		ok(cgroup_limits_of_guest(r, &p, &e) < 0 && !p.at, "%s is refused: %s", bad[i],
		   e.text);
		oci_resources_free(r);
	}
}

static void test_cpu_lists(void)
{
	is_int(cgroup_cpu_count("0"), 1, "one CPU");
	is_int(cgroup_cpu_count("0-3,7,9-10"), 7, "ranges");
	is_int(cgroup_cpu_count(""), 0, "an empty list");
	is_int(cgroup_cpu_count(NULL), 0, "no list");
	is_int(cgroup_cpu_count("3-1"), 0, "a range that goes down");
	is_int(cgroup_cpu_count("x"), 0, "no number");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		test_row(i);
	test_refusals();
	test_cpu_lists();
	return done_testing();
}
