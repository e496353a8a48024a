/* The command's environment. */
#ifndef VMRUN_ENVIRON_H
#define VMRUN_ENVIRON_H

#include "runtime/proc/strv.h"
#include "vmrun/request.h"
#include "vmrun/user.h"

/* Appends NAME=VALUE texts, each name once: the caller's own (with --env-host all of them, else
 * those that describe terminal, language and search path), the user's, then --env's. */
void environ_make(const struct request *request, const struct user *user, struct strv *ret);

#endif
