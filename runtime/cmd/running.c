/* Commands on a running container: pause, resume, checkpoint. */
#include "runtime/cmd/cmd.h"

#include <errno.h>

#include "runtime/cmd/container.h"

static int running_ask(struct cmd *c, enum ctl_verb verb, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const struct ctl_message request = {.verb = verb};
	int r = container_open(c, c->argv[0], &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED)
		return err_set(e, -EINVAL,
			       verb == CTL_PAUSE ? "container not running"
						 : "container not paused");
	return container_ask(&k, &request, 0, e);
}

int cmd_pause(struct cmd *c, struct err *e)
{
	return running_ask(c, CTL_PAUSE, e);
}

int cmd_resume(struct cmd *c, struct err *e)
{
	return running_ask(c, CTL_RESUME, e);
}

int cmd_checkpoint(struct cmd *c, struct err *e)
{
	(void)c;
	return err_set(e, -ENOTSUP,
		       "checkpoint and restore are not supported: a container here is a VM");
}
