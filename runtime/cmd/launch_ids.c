/* Leasing QEMU's id and making the share's namespace. Must not start either. */
#include "runtime/cmd/launch_ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
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

int launch_ids_open(const struct ids_range *wanted, const char *caller_ids, struct launch_ids *ret,
		    struct err *e)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct keep_ids own = {0};
	struct ids_range range;
	int r = caller_ids ? launch_ids_parse(caller_ids, &own, e) : 0;

	*ret = LAUNCH_IDS_NONE;
	if (r == 0)
		r = userns_read(ns, e);
	if (r == 0)
		r = userns_choose_ids(ns, wanted, &range, e);
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
