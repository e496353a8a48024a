/* Lines of mountinfo, taken apart. */
#include <string.h>

#include "lib/mem.h"
#include "lib/mountinfo.h"
#include "tests/unit/tap.h"

static const struct {
	const char *line, *point, *type; /* NULL: it is none */
} lines[] = {
	{"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", "/mnt2", "ext3"},
	{"36 35 98:0 / / rw - overlay overlay rw", "/", "overlay"},
	{"36 35 98:0 / /a\\040b\\134c\\011d rw - ext4 /dev/x rw", "/a b\\c\td", "ext4"},
	{"36 35 98:0 / /end\\04 rw - ext4 /dev/x rw", "/end\\04", "ext4"},
	{"36 35 98:0 / /no rw ext4 /dev/x rw", NULL, NULL},
	{"36 35 98:0 / - ext4 /dev/x rw", NULL, NULL},
	{"", NULL, NULL},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		auto_free char *line = xstrdup(lines[i].line);
		struct mountinfo m = {0};
		bool is_one = mountinfo_parse(line, &m);

		ok(is_one == (lines[i].point != NULL), "'%s'", lines[i].line);
		if (!is_one || !lines[i].point)
			continue;
		is_str(m.point, lines[i].point, "  its mount point");
		is_str(m.type, lines[i].type, "  its type");
	}
	return done_testing();
}
