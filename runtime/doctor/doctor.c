/* The list of findings. Must not look at the host, but for the name of the distribution. */
#include "runtime/doctor/doctor.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

void doctor_add(struct doctor *d, const char *check, enum finding_level level, const char *fmt, ...)
{
	struct finding *f;
	va_list ap;

	d->at = xreallocarray(d->at, d->count + 1, sizeof(*d->at));
	f = &d->at[d->count++];
	*f = (struct finding){.check = check, .level = level};
	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
}

void doctor_mend(struct doctor *d, const char *fmt, ...)
{
	struct finding *f = &d->at[d->count - 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->mend, sizeof(f->mend), fmt, ap);
	va_end(ap);
}

void doctor_done(struct doctor *d)
{
	free(d->at);
	*d = (struct doctor){0};
}

enum finding_level doctor_worst(const struct doctor *d)
{
	enum finding_level worst = FINDING_OK;

	for (size_t i = 0; i < d->count; i++) {
		if (d->at[i].level > worst)
			worst = d->at[i].level;
	}
	return worst;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_WARN] = "warn",
		[FINDING_FAIL] = "fail",
	};

	static_assert(sizeof(names) / sizeof(*names) == FINDING_LEVEL_COUNT, "a name each");
	return names[level];
}

/* os-release(5): ID=fedora, ID_LIKE="rhel centos fedora". */
static bool doctor_is_like(const char *text, const char *name)
{
	const char *at = text;

	while ((at = strstr(at, "ID"))) {
		size_t size = strcspn(at, "\n");
		const char *hit = memmem(at, size, name, strlen(name));

		if ((at == text || at[-1] == '\n') && hit)
			return true;
		at += 2;
	}
	return false;
}

void doctor_mend_package(struct doctor *d, const char *debian, const char *fedora, const char *arch)
{
	auto_free char *text = NULL;

	if (fd_read_file(AT_FDCWD, "/etc/os-release", 16384, &text, NULL) < 0)
		text = xstrdup("");
	if (doctor_is_like(text, "debian"))
		doctor_mend(d, "apt-get install %s", debian);
	else if (doctor_is_like(text, "fedora") || doctor_is_like(text, "suse"))
		doctor_mend(d, "%s install %s", doctor_is_like(text, "suse") ? "zypper" : "dnf",
			    fedora);
	else if (doctor_is_like(text, "arch"))
		doctor_mend(d, "pacman -S %s", arch);
}

const char *doctor_settings_path(void)
{
	const char *path = getenv("VMRT_CONFIG");

	return path ? path : SETTINGS_PATH;
}

void doctor_mend_settings(struct doctor *d, const char *filter)
{
	const char *path = doctor_settings_path();

	if (access(path, F_OK) == 0)
		doctor_mend(d, "jq '%s' '%s' >'%s.new' && mv '%s.new' '%s'", filter, path, path,
			    path, path);
	else
		doctor_mend(d, "mkdir -p \"$(dirname '%s')\" && jq -n '%s' >'%s'", path, filter,
			    path);
}
