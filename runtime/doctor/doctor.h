/* What vmrt needs of this host: looked at, one finding each, with the command that mends it.
 *
 *   cmd/doctor.c ──> doctor_look_at_host, doctor_look_at_engines ──> list of findings ──> text or
 * JSON
 *
 * Must not change anything (but the cache of host facts) and must not print. */
#ifndef VMRT_DOCTOR_H
#define VMRT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "runtime/plan/settings.h"

enum finding_level {
	FINDING_OK,
	FINDING_WARN, /* containers run, with less than they could have */
	FINDING_FAIL, /* no container runs, or not under that engine */
	FINDING_LEVEL_COUNT
};

#define FINDING_TEXT_BYTES ERR_TEXT_BYTES

struct finding {
	const char *check; /* what was looked at: "qemu", "kvm", ... */
	enum finding_level level;
	char found[FINDING_TEXT_BYTES];
	char mend[FINDING_TEXT_BYTES]; /* a command; "": there is none, or nothing to mend */
};

struct doctor {
	size_t count;
	struct finding *at; /* owned */
};

/* Adds one; the text is a format's. The finding that mend is said of is the last one. */
void doctor_add(struct doctor *d, const char *check, enum finding_level level, const char *fmt, ...)
	VMRT_PRINTF(4, 5);
void doctor_mend(struct doctor *d, const char *fmt, ...) VMRT_PRINTF(2, 3);
void doctor_done(struct doctor *d);
enum finding_level doctor_worst(const struct doctor *d);
const char *finding_level_name(enum finding_level level);

/* The command that installs a package which Debian, Fedora and Arch know by these names. */
void doctor_mend_package(struct doctor *d, const char *debian, const char *fedora,
			 const char *arch);

/* The settings' file, whether it is there or not. */
const char *doctor_settings_path(void);
/* A command that changes it with this filter of jq's. */
void doctor_mend_settings(struct doctor *d, const char *filter);

/* host.c: settings, QEMU, virtiofsd, kernel, KVM, tun, cgroups, privileges, uids. */
void doctor_look_at_host(struct doctor *d);
/* users.c: what those need who are not root. Does the caller have it, as far as it is one? */
bool doctor_look_at_users(struct doctor *d);
/* ids.c: the range of uids. */
void doctor_look_at_ids(struct doctor *d, const struct ids_range *wanted);
/* engines.c: are docker and podman here, and do they know this binary? */
void doctor_look_at_engines(struct doctor *d);

#endif
