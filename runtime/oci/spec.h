/* The default config.json of `vmrt spec`. */
#ifndef VMRT_OCI_SPEC_H
#define VMRT_OCI_SPEC_H

#include <stdio.h>

/* A bundle's config that runs `sh` on a terminal in ./rootfs. 0 or -errno of the writing. */
int oci_spec_write(FILE *file) __attribute__((warn_unused_result));

#endif
