/* Which options go with --image. Must not look at the image. */
#include <errno.h>
#include <string.h>

#include "vmrun/distro.h"

/* Those that say what belongs to an image, without one. */
static int distro_check_absence(const struct request *request, struct err *e)
{
	if (request->boot || request->want_uefi || request->firmware || request->boot_timeout)
		return err_set(e, -EINVAL,
			       "options --boot, --uefi, --firmware and --boot-timeout: only with "
			       "--image");
	return 0;
}

int distro_check(const struct request *request, struct err *e)
{
	const struct {
		bool is_given;
		const char *name;
	} others[] = {
		{request->root, "--root"},
		{request->is_isolated, "--isolated"},
		{request->is_standalone, "--standalone"},
		{request->is_dry_run, "--dry-run"},
		{request->kernel, "--kernel"},
		{request->modules.count, "--module"},
		{request->qemu, "--qemu"},
		{request->append.count, "--append"},
		{request->disks.count, "--disk"},
		{request->gdb, "--gdb"},
		{request->want_keep, "--keep"},
	};

	if (!request->image)
		return distro_check_absence(request, e);
	if (request->boot && strcmp(request->boot, "bios") && strcmp(request->boot, "uefi"))
		return err_set(e, -EINVAL, "option --boot: expected bios or uefi, got '%s'",
			       request->boot);
	if (request->want_uefi && request->boot && strcmp(request->boot, "uefi"))
		return err_set(e, -EINVAL, "options --uefi and --boot %s: only one of them",
			       request->boot);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].is_given)
			return err_set(e, -EINVAL,
				       "option %s: not with --image, which boots by itself",
				       others[i].name);
	}
	return 0;
}

bool distro_is_uefi(const struct request *request)
{
	return request->want_uefi || (request->boot && !strcmp(request->boot, "uefi"));
}
