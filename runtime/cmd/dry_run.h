/* `run --dry-run`: a container's VM as commands for a person's shell. */
#ifndef VMRT_CMD_DRY_RUN_H
#define VMRT_CMD_DRY_RUN_H

#include "runtime/oci/config.h"
#include "runtime/plan/plan.h"
#include "runtime/vm/facts.h"

/* Names in its directory. */
#define DRY_RUN_REQUEST "request"	/* frames of lib/proto.h: CONTAINER, NETWORK */
#define DRY_RUN_CONTROL "control.sock"	/* where `vmrt instruct` listens */
#define DRY_RUN_SHARE	"virtiofs.sock" /* where virtiofsd does */
#define DRY_RUN_TREE	"share"
#define DRY_RUN_LOG	"virtiofsd.log"

struct dry_run {
	struct plan *plan; /* is changed: no input, QEMU's own network */
	const struct settings *settings;
	const struct host_facts *facts;
	enum vm_accel accel;
	const char *qemu;
	const char *id;
	const char *dir; /* absolute */
	const char *initramfs;
	const char *console_log; /* NULL: standard error */
	const char *gdb;	 /* NULL: none */
};

/* Refuses, naming it, what such commands have no place for; passt is not part of them. */
int dry_run_check(const struct oci_config *config, struct settings *settings,
		  struct err *e) VMRT_MUST_CHECK;
/* Writes the request and the mount points into `dir` and the commands to standard output. */
int dry_run_print(struct dry_run *d, struct err *e) VMRT_MUST_CHECK;

#endif
