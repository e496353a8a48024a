/* One layer of an image, or a root file system in a tar, applied to the current root. */
#ifndef VMRUN_UNPACK_LAYER_H
#define VMRUN_UNPACK_LAYER_H

#include <archive.h>
#include <stdbool.h>

#include "lib/err.h"

/* Unpacks the archive that is open as `a` into "/", which has to be a directory of the image's own
 * (chroot). With `is_layer` names that begin with ".wh." remove what is there (OCI image
 * specification, layer.md). Devices and sockets are left out: the machine has its own. */
int layer_apply(struct archive *a, bool is_layer, struct err *e) VMRT_MUST_CHECK;

#endif
