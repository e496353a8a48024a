/* Leasing QEMU's id and making the share's namespace. Must not start either. */
#include "runtime/cmd/launch_ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/userns/enter.h"
#include "runtime/userns/keep.h"
#include "runtime/userns/rundir.h"

#define LAUNCH_IDS_TEXT_MAX 21 /* two numbers of 32 bits */

static int launch_ids_parse(const char *text, struct keep_ids *ret, struct err *e)
{
	int end = 0;

	if (strspn(text, "0123456789:") == strlen(text) && strlen(text) <= LAUNCH_IDS_TEXT_MAX &&
	    sscanf(text, "%" SCNu32 ":%" SCNu32 "%n", &ret->uid, &ret->gid, &end) == 2 &&
	    !text[end])
		return 0;
	return err_set(e, -EINVAL, "option --caller-ids: expected UID:GID, got '%s'", text);
}

static bool launch_ids_are_mapped(const struct oci_id_mappings *m, uint32_t id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (id >= m->at[i].host_id && id - m->at[i].host_id < m->at[i].size)
			return true;
	}
	return false;
}

/* As `runc spec --rootless` has it: root is the caller. */
static void launch_ids_of_config(const struct userns *ns, const struct oci_linux *config,
				 struct keep_ids *ret)
{
	uint32_t uid = userns_outside(&ns->uids, 0, 0);
	uint32_t gid = userns_outside(&ns->gids, 0, 0);

	if (userns_was_entered() && launch_ids_are_mapped(&config->uid_mappings, uid) &&
	    launch_ids_are_mapped(&config->gid_mappings, gid))
		*ret = (struct keep_ids){uid, gid};
}

int launch_ids_open(const struct ids_range *wanted, const char *caller_ids,
		    const struct oci_linux *config, struct launch_ids *ret, struct err *e)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct keep_ids own = {0};
	struct ids_range range;
	int r = caller_ids ? launch_ids_parse(caller_ids, &own, e) : 0;

	*ret = LAUNCH_IDS_NONE;
	if (r == 0)
		r = userns_read(ns, e);
	if (r == 0 && !caller_ids)
		launch_ids_of_config(ns, config, &own);
	if (r == 0)
		/* The number is the administrator's, and another's id in a user's namespace. */
		r = userns_choose_ids(ns, rundir_is_systems() ? wanted : NULL, &range, e);
	if (r < 0)
		return r;
	r = ids_take(rundir_host(), &range, &ret->qemu, e);
	/* On the host itself every file has its own id already. */
	if (r < 0 || (!own.uid && !own.gid) || userns_is_initial())
		return r;
	r = keep_open(ns, &range, &own, e);
	if (r < 0) {
		ids_drop(&ret->qemu);
		return r;
	}
	ret->share_fd = r;
	return 0;
}

void launch_ids_close(struct launch_ids *ids)
{
	ids_drop(&ids->qemu);
	fd_close(&ids->share_fd);
}
