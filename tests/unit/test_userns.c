/* Maps of user namespaces, and what is chosen out of them. */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/userns/keep.h"
#include "runtime/userns/subids.h"
#include "runtime/userns/userns.h"
#include "tests/unit/tap.h"

static const struct {
	const char *name, *uids, *gids;
	unsigned int first, count; /* of QEMU's; 0: there is none */
} choices[] = {
	{"the host's own", "0 0 4294967295\n", "0 0 4294967295\n", 1879048192, 65536},
	{"podman's", "0 1000 1\n1 100000 65536\n", "0 1000 1\n1 100000 65536\n", 64510, 1024},
	{"a container manager's", "0 100000 65536", "0 100000 65536", 64510, 1024},
	{"above nobody", "0 1 1\n65534 7 100\n", "0 1 1\n65534 7 100\n", 65585, 49},
	{"few ids", "0 1000 1\n1 100000 3\n", "0 1000 1\n1 100000 3\n", 3, 1},
	{"fewer groups", "0 1000 1\n1 100000 65536\n", "0 1000 1\n1 100000 9\n", 6, 4},
	{"root alone", "0 1000 1\n", "0 1000 1\n", 0, 0},
	{"no common one", "0 1 1\n5 100 1\n", "0 1 1\n6 100 1\n", 0, 0},
};

static void test_choices(void)
{
	const struct ids_range wanted = {IDS_FIRST_DEFAULT, IDS_COUNT_DEFAULT};
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));

	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		struct ids_range range = {0};
		struct err e;
		int r;

		userns_parse_map(choices[i].uids, &ns->uids);
		userns_parse_map(choices[i].gids, &ns->gids);
		r = userns_choose_ids(ns, &wanted, &range, &e);
		if (!choices[i].count) {
			ok(r < 0 && strstr(e.text, "QEMU"), "%s: refused", choices[i].name);
			continue;
		}
		is_int(r, 0, choices[i].name);
		is_int(range.first, choices[i].first, "  first");
		is_int(range.count, choices[i].count, "  count");
		ok(userns_has(ns, range.first, range.count), "  all of them mapped");
	}
	{
		struct ids_range range = {0};
		struct err e;

		userns_parse_map("0 1000 1\n1 100000 65536\n", &ns->uids);
		userns_parse_map("0 1000 1\n1 100000 65536\n", &ns->gids);
		is_int(userns_choose_ids(ns, NULL, &range, &e), 0, "without a wish");
		is_int(range.first, 64510, "  the topmost");
	}
	userns_parse_map("0 1000 1\n1 100000 10\n", &ns->uids);
	is_int(userns_outside(&ns->uids, 0, 99), 1000, "root is the user outside");
	is_int(userns_outside(&ns->uids, 3, 99), 100002, "another is a subordinate one");
	is_int(userns_outside(&ns->uids, 11, 99), 99, "an unmapped one is not");
}

static void is_map(const struct userns_map *map, const char *want, const char *name)
{
	char text[256] = "";

	for (size_t i = 0; i < map->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u %u %u;",
			 map->at[i].inside, map->at[i].outside, map->at[i].count);
	is_str(text, want, name);
}

static void test_keep(void)
{
	auto_free struct userns_map *now = xcalloc(1, sizeof(*now));
	auto_free struct userns_map *map = xcalloc(1, sizeof(*map));

	userns_parse_map("0 1000 1\n1 100000 65536\n", now);
	keep_map(now, 64510, 1000, map);
	is_map(map, "0 1 1000;1000 0 1;1001 1001 63509;", "the user in the middle");
	keep_map(now, 64510, 0, map);
	is_map(map, "0 0 1;1 1 64509;", "root");
	keep_map(now, 64510, 70000, map);
	is_map(map, "0 1 64509;70000 0 1;", "above all");
	keep_map(now, 64510, 64509, map);
	is_map(map, "0 1 64509;64509 0 1;", "at the end");
}

static void test_subids(void)
{
	static const char text[] =
		"# none\nroot:1:2\nann:100000:65536\n1001:200000:10\nanna:300000:5\n"
		"ann:400000:7\nbad:x:1\nann:5\nhuge:4294967295:2\n";
	auto_free struct subids *ids = xcalloc(1, sizeof(*ids));

	is_int(subids_parse(text, "ann", 1000, ids), 400007, "the first that is nobody's");
	is_int(ids->count, 2, "two ranges of ann's");
	ok(ids->at[0].first == 100000 && ids->at[0].count == 65536 && ids->at[1].first == 400000,
	   "those");
	subids_parse(text, NULL, 1001, ids);
	ok(ids->count == 1 && ids->at[0].first == 200000, "by number");
	is_int(subids_parse("", "ann", 1000, ids), 100000, "of an empty file");
	is_int(ids->count, 0, "nothing");
}

int main(void)
{
	test_choices();
	test_keep();
	test_subids();
	return done_testing();
}
