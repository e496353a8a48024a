/* The range of uids for QEMUs: is it somebody else's, and which would not be? Must not lease any:
 * sandbox/ids.c does. */
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/doctor/doctor.h"
#include "runtime/userns/rundir.h"
#include "runtime/userns/userns.h"

#define IDS_OTHERS_MAX 256 /* ranges that are tried before none is proposed */

static bool ids_find_user(const struct ids_range *ids, char *ret, size_t size)
{
	unsigned long last = (unsigned long)ids->first + ids->count - 1;
	const struct passwd *user = NULL;
	bool is_found = false;

	setpwent();
	while (!is_found && (user = getpwent())) {
		is_found = user->pw_uid >= ids->first && user->pw_uid <= last;
		if (is_found)
			snprintf(ret, size, "user %s (%u)", user->pw_name, user->pw_uid);
	}
	endpwent();
	return is_found;
}

/* A range of /etc/subuid that reaches into ours: "name:first:count". */
static bool ids_find_subuid(const struct ids_range *ids, char *ret, size_t size)
{
	FILE *file = fopen("/etc/subuid", "re");
	char line[512];
	bool is_found = false;

	while (file && !is_found && fgets(line, sizeof(line), file)) {
		unsigned long first;
		unsigned long count;
		char *at = strchr(line, ':');

		if (!at || sscanf(at, ":%lu:%lu", &first, &count) != 2)
			continue;
		is_found = first < (unsigned long)ids->first + ids->count &&
			   ids->first < first + count;
		if (is_found)
			snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	if (file)
		fclose(file);
	return is_found;
}

static bool ids_find_owner(const struct ids_range *ids, char *ret, size_t size)
{
	return ids_find_user(ids, ret, size) || ids_find_subuid(ids, ret, size);
}

static void ids_mend(struct doctor *d, unsigned int count)
{
	struct ids_range other = {IDS_FIRST_DEFAULT, count};
	char filter[128];
	char owner[256];

	for (int i = 0; i < IDS_OTHERS_MAX; i++, other.first += IDS_COUNT_MAX) {
		if (ids_find_owner(&other, owner, sizeof(owner)))
			continue;
		snprintf(filter, sizeof(filter), ".\"uid-first\" = %u | .\"uid-count\" = %u",
			 other.first, other.count);
		doctor_mend_settings(d, filter);
		return;
	}
}

void doctor_look_at_ids(struct doctor *d, const struct ids_range *wanted)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct ids_range ids = *wanted;
	char owner[256] = "";
	struct err e;

	if (userns_read(ns, &e) < 0 ||
	    userns_choose_ids(ns, rundir_is_systems() ? wanted : NULL, &ids, &e) < 0) {
		doctor_add(d, "uid range", FINDING_FAIL, "%s", e.text);
		doctor_mend(d, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
			       "USER");
	} else if (geteuid() != 0 || !userns_is_initial()) {
		/* Its users and /etc/subuid are others. */
		doctor_add(d, "uid range", FINDING_OK, "the topmost of the user namespace's");
	} else if (ids_find_owner(&ids, owner, sizeof(owner))) {
		doctor_add(d, "uid range", FINDING_WARN, "%u-%u: belongs to others too: %s",
			   ids.first, ids.first + ids.count - 1, owner);
		ids_mend(d, ids.count);
	} else {
		doctor_add(d, "uid range", FINDING_OK, "%u-%u: nobody else's", ids.first,
			   ids.first + ids.count - 1);
	}
}
