/* A container's unit of systemd's: name, properties, values of annotations. */
#include "runtime/cgroup/unit.h"

#include <inttypes.h>

#include "lib/mem.h"
#include "tests/unit/tap.h"

static const struct cgroup_overhead overhead = {
	.memory_bytes = 1000, .cpu_percent = 100, .pids = 500};

static const struct {
	const char *path, *slice, *unit; /* slice NULL: refused */
} names[] = {
	{NULL, "system.slice", "vmrt-web1.scope"},
	{"", "system.slice", "vmrt-web1.scope"},
	{"system.slice:docker:1234", "system.slice", "docker-1234.scope"},
	{":docker:1234", "system.slice", "docker-1234.scope"},
	{"a-b.slice:libpod:x.y", "a-b.slice", "libpod-x.y.scope"},
	{"-.slice:p:n", "-.slice", "p-n.scope"},
	{"a.slice:p:n.slice", "a.slice", "n.slice"},
	{"/docker/1234", NULL, NULL},
	{"a.slice:docker", NULL, NULL},
	{"a.slice:docker:", NULL, NULL},
	{"a.slice:b:c:d", NULL, NULL},
	{"a:docker:1234", NULL, NULL},
	{"x/a.slice:docker:1234", NULL, NULL},
};

static void test_name(size_t i)
{
	struct unit_name n;
	struct err e = {""};
	int r = unit_name_parse(names[i].path, "web1", &n, &e);
	const char *path = names[i].path ? names[i].path : "no path";

	if (!names[i].slice) {
		ok(r < 0 && strstr(e.text, "linux.cgroupsPath"), "'%s' is refused: %s", path,
		   e.text);
		return;
	}
	is_str(n.slice, names[i].slice, path);
	is_str(n.unit, names[i].unit, "  the unit");
	unit_name_done(&n);
}

static char *render(const struct unit_properties *p)
{
	char *all = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&all, &size);

	for (size_t i = 0; i < p->count; i++) {
		const struct unit_property *one = &p->at[i];

		fprintf(f, "%s%s=%s", i ? ", " : "", one->name, one->type);
		for (size_t k = 0; k < one->text_count; k++)
			fprintf(f, " '%s'", one->texts[k]);
		for (size_t k = 0; k < one->byte_count; k++)
			fprintf(f, " %02x", one->bytes[k]);
		if (!one->text_count && !one->byte_count && strcmp(one->type, "as") != 0)
			fprintf(f, " %" PRId64, (int64_t)one->number);
	}
	fclose(f);
	return all;
}

static const struct {
	const char *resources, *v1, *v2;
} limits[] = {
	{"{}", "", ""},
	{"{\"memory\": {\"limit\": 5000, \"swap\": 9000, \"reservation\": 4000}}",
	 "MemoryLimit=t 6000", "MemoryMax=t 6000, MemorySwapMax=t 4000, MemoryLow=t 5000"},
	{"{\"cpu\": {\"shares\": 1024, \"quota\": 25000, \"period\": 50000}}",
	 "CPUShares=t 1024, CPUQuotaPeriodUSec=t 50000, CPUQuotaPerSecUSec=t 1500000",
	 "CPUWeight=t 39, CPUQuotaPeriodUSec=t 50000, CPUQuotaPerSecUSec=t 1500000"},
	{"{\"cpu\": {\"quota\": 33333}}",
	 "CPUQuotaPeriodUSec=t 100000, CPUQuotaPerSecUSec=t 1340000",
	 "CPUQuotaPeriodUSec=t 100000, CPUQuotaPerSecUSec=t 1340000"},
	{"{\"cpu\": {\"cpus\": \"0-1,9\", \"mems\": \"0\"}}", "",
	 "AllowedCPUs=ay 03 02, AllowedMemoryNodes=ay 01"},
	{"{\"pids\": {\"limit\": 10}, \"blockIO\": {\"weight\": 500}}",
	 "TasksMax=t 510, BlockIOWeight=t 500", "TasksMax=t 510, IOWeight=t 4950"},
	/* -1 is what systemd calls infinity: all bits. */
	{"{\"pids\": {\"limit\": -1}}", "TasksMax=t -1", "TasksMax=t -1"},
	{"{\"cpu\": {\"quota\": -1, \"period\": 50000}}", "CPUQuotaPerSecUSec=t -1",
	 "CPUQuotaPeriodUSec=t 50000, CPUQuotaPerSecUSec=t -1"},
	{"{\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"minor\": 0, \"weight\": 500}]}}", "",
	 ""},
};

static void test_limits(size_t i)
{
	struct oci_resources *r = NULL;
	struct err e = {""};

	if (oci_resources_parse(limits[i].resources, strlen(limits[i].resources), "row", &r, &e) <
	    0) {
		ok(0, "%s: %s", limits[i].resources, e.text);
		return;
	}
	for (int is_v2 = 0; is_v2 < 2; is_v2++) {
		struct unit_properties p = {0};

		unit_properties_of_limits(r, &overhead, is_v2, &p);
		auto_free char *got = render(&p);

		is_str(got, is_v2 ? limits[i].v2 : limits[i].v1, limits[i].resources);
		unit_properties_done(&p);
	}
	oci_resources_free(r);
}

static const struct {
	const char *key, *value, *property; /* NULL: refused */
} annotations[] = {
	{"org.systemd.property.SendSIGHUP", "true", "SendSIGHUP=b 1"},
	{"org.systemd.property.KillSignal", "15", "KillSignal=i 15"},
	{"org.systemd.property.Nice", "-5", "Nice=i -5"},
	{"org.systemd.property.TimeoutStopUSec", "uint64 7000000", "TimeoutStopUSec=t 7000000"},
	{"org.systemd.property.TimeoutStopSec", "7", "TimeoutStopUSec=t 7000000"},
	{"org.systemd.property.CollectMode", "'inactive-or-failed'",
	 "CollectMode=s 'inactive-or-failed'"},
	{"org.systemd.property.CollectMode", "\"inactive\"", "CollectMode=s 'inactive'"},
	{"org.systemd.property.After", "['a.service', \"b.service\"]",
	 "After=as 'a.service' 'b.service'"},
	{"org.systemd.property.After", "[]", "After=as"},
	{"io.other", "uint64 x", ""},
	{"org.systemd.property.Nice", "5000000000", NULL},
	{"org.systemd.property.Nice", "uint32 -1", NULL},
	{"org.systemd.property.Nice", "byte 256", NULL},
	{"org.systemd.property.Nice", "", NULL},
	{"org.systemd.property.Nice", "5x", NULL},
	{"org.systemd.property.Nice", "(1, 2)", NULL},
	{"org.systemd.property.After", "['a.service'", NULL},
	{"org.systemd.property.After", "['a' 'b']", NULL},
	{"org.systemd.property.After", "['a'] x", NULL},
	{"org.systemd.property.CollectMode", "'it\\'s'", NULL},
	{"org.systemd.property.CollectMode", "'open", NULL},
	{"org.systemd.property.TimeoutStopSec", "'7'", NULL},
	{"org.systemd.property.TimeoutStopSec", "-7", NULL},
	{"org.systemd.property.", "true", NULL},
	{"org.systemd.property.a=b", "true", NULL},
};

static void test_annotation(size_t i)
{
	struct oci_pair pair = {annotations[i].key, annotations[i].value};
	const struct oci_pairs pairs = {.count = 1, .at = &pair};
	struct unit_properties p = {0};
	struct err e = {""};
	int r = unit_properties_of_annotations(&pairs, &p, &e);
	auto_free char *got = render(&p);

	if (annotations[i].property)
		is_str(r < 0 ? e.text : got, annotations[i].property, annotations[i].value);
	else
		ok(r < 0 && strstr(e.text, annotations[i].key), "'%s' is refused: %s",
		   annotations[i].value, e.text);
	unit_properties_done(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		test_name(i);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		test_limits(i);
	for (size_t i = 0; i < sizeof(annotations) / sizeof(*annotations); i++)
		test_annotation(i);
	return done_testing();
}
