/* Looking at a kernel and making it ready. Must not start it. */
#include "vmrun/kernel.h"

#include <stdlib.h>

void kernel_done(struct kernel *k)
{
	free(k->image);
	free(k->version);
	free(k->modules_dir);
	free(k->initrd);
	*k = (struct kernel){0};
}
