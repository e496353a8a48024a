/* What the caller asked for: filled by the option parser, read by everybody, changed by nobody. */
#ifndef VMRUN_REQUEST_H
#define VMRUN_REQUEST_H

#include <stdbool.h>

#include "runtime/cmd/options.h"
#include "runtime/proc/strv.h"

/* Exit statuses that are not the command's. */
enum request_exit {
	REQUEST_EXIT_TIMEOUT = 124,
	REQUEST_EXIT_OWN = 125, /* vmrun or the VM could not be started */
	REQUEST_EXIT_NOT_EXECUTABLE = 126,
	REQUEST_EXIT_NOT_FOUND = 127,
	REQUEST_EXIT_LOST = 255, /* the guest's kernel panicked, or the VM died */
};

struct request {
	const char *kernel; /* NULL: vmrt's own */
	const char *image;  /* a disk of a whole distribution; NULL: none */
	bool is_image_qcow2;
	const char *boot;	/* how: "bios", "uefi", "direct"; NULL: by BIOS */
	unsigned int partition; /* of the root, for "direct"; 0: to be looked for */
	bool want_uefi;
	const char *firmware;	   /* NULL: QEMU's BIOS, or OVMF */
	unsigned int boot_timeout; /* s; 0: the default */
	struct option_list append;
	const char *memory;	     /* "2G", "512M", "512"; NULL: vmrt's default */
	unsigned int cpus;	     /* 0: vmrt's default */
	const char *qemu;	     /* a program; NULL: vmrt's */
	const char *root;	     /* a directory, a bundle, an archive; NULL: "/" */
	const struct strv *root_env; /* what that says of the environment; NULL: nothing */
	bool is_root_writable;
	bool is_isolated;	    /* no file of the host's but the program and what it needs */
	bool is_standalone;	    /* the same in an initramfs, the program being PID 1 */
	struct option_list files;   /* that an isolated program gets as well */
	struct option_list volumes; /* HOST[:GUEST[:ro|rw|cow]] */
	struct option_list env;	    /* NAME=VALUE, or NAME for the caller's value */
	bool want_host_env;
	const char *workdir; /* NULL: the caller's */
	const char *user;    /* UID, NAME, with :GID or :GROUP; NULL: the caller */
	bool want_tty;
	bool want_input;
	const char *net;	    /* "none", "user"; NULL: none */
	struct option_list publish; /* [ADDRESS:]HOST:GUEST[/udp] */
	const char *timeout;
	const char *file; /* of targets; NULL: one command */
	const char *filter;
	const char *junit;
	unsigned int jobs;
	const char *console; /* a file; NULL: nobody reads the kernel's messages */
	struct option_list modules;
	struct option_list disks; /* FILE[:ro] */
	struct option_list qemu_args;
	const char *gdb; /* socket to be made; NULL: none */
	bool want_keep;
	bool is_dry_run;
	bool is_quiet;
	bool is_verbose;
	bool want_help;
	bool want_completion;
	bool want_version;
	char *const *args; /* the command, NULL-terminated; empty: a shell */
	int arg_count;
};

#endif
