/* What users who are not root need: their own user namespaces. As root: of the host; as a user: of
 * that user. Must not make a namespace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/doctor/doctor.h"
#include "runtime/userns/enter.h"
#include "runtime/userns/userns.h"

/* The messages of userns/check.c end with the command: "what is wrong: the command". */
static void users_add(struct doctor *d, enum finding_level level, const struct err *e)
{
	const char *mend = strstr(e->text, ": ");

	if (!mend) {
		doctor_add(d, "users", level, "%s", e->text);
		return;
	}
	doctor_add(d, "users", level, "%.*s", (int)(mend - e->text), e->text);
	doctor_mend(d, "%s", mend + 2);
}

bool doctor_look_at_users(struct doctor *d)
{
	struct err e;
	int r;

	if (!userns_is_initial()) {
		doctor_add(d, "users", FINDING_OK, "this is a user namespace already");
		return true;
	}
	r = geteuid() == 0 ? userns_check_host(&e) : userns_check(&e);
	if (r < 0)
		users_add(d, geteuid() == 0 ? FINDING_WARN : FINDING_FAIL, &e);
	else
		doctor_add(d, "users", FINDING_OK,
			   geteuid() == 0 ? "may make user namespaces"
					  : "may make a user namespace with subordinate ids");
	return r == 0;
}
