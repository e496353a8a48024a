/* What an image consists of: from `docker save`'s manifest.json or an OCI layout's index.json. */
#ifndef VMRUN_UNPACK_MANIFEST_H
#define VMRUN_UNPACK_MANIFEST_H

#include "lib/err.h"
#include "vmrun/unpack/blobs.h"

#define MANIFEST_LAYERS_MAX 256

struct manifest_layer {
	char *name;    /* of the member */
	char *digest;  /* of its bytes; NULL: not said */
	char *diff_id; /* of what it unpacks to */
};

struct manifest {
	struct manifest_layer *layers;
	size_t count;
	char *config; /* text of the image's configuration */
	size_t config_size;
};

/* Is there an image in the archive at all? */
bool manifest_is_there(const struct blobs *b);
/* All strings are owned; manifest_done() frees them. Digests of what is read here are checked. */
int manifest_read(const struct blobs *b, struct manifest *ret, struct err *e) VMRT_MUST_CHECK;
void manifest_done(struct manifest *m);

#endif
