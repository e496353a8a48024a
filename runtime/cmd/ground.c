/* Choosing the user namespace. Must not report that a container does not exist: the command does.
 */
#include "runtime/cmd/ground.h"

#include <errno.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/state/state.h"
#include "runtime/userns/enter.h"
#include "runtime/userns/rundir.h"

/* Of a container that has ended there is no namespace, and its files may be of any of the ids. */
static int ground_reach_container(const struct cmd *c, char **argv, struct err *e)
{
	struct err ignored;
	auto_close int root = state_open_root(cmd_root(c), false, &ignored);
	auto_close int dir = -1;
	auto_close int pidfd = -1;
	int r;

	if (root < 0 || state_check_id(c->argv[0], &ignored) < 0)
		return 0;
	dir = state_open(root, c->argv[0], &ignored);
	if (dir < 0)
		return 0;
	pidfd = state_open_monitor(dir, NULL);
	r = pidfd < 0 ? -ESRCH : userns_enter_of(pidfd, argv, e);
	/* A monitor that is being torn down is of no namespace any more. */
	return r == -ESRCH ? userns_enter_new(argv, e) : r;
}

int ground_reach(const struct cmd *c, const struct cmd_verb *verb, char **argv, struct err *e)
{
	int r;

	if (verb->ground == CMD_ANYWHERE)
		return 0;
	if (verb->ground == CMD_STATE)
		return c->global.root ? 0 : rundir_check(e);
	r = rundir_prepare(e);
	if (r < 0 || geteuid() == 0)
		return r;
	return verb->ground == CMD_NEW_CONTAINER ? userns_enter_new(argv, e)
						 : ground_reach_container(c, argv, e);
}
