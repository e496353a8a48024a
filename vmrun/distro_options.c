/* Which options go with --image. Must not look at the image. */
#include <errno.h>
#include <string.h>

#include "vmrun/distro.h"

/* Those that say what belongs to an image, without one. */
static int distro_check_absence(const struct request *request, struct err *e)
{
	if (request->boot || request->want_uefi || request->firmware || request->boot_timeout ||
	    request->partition)
		return err_set(
			e, -EINVAL,
			"options --boot, --uefi, --firmware, --boot-timeout and --partition: "
			"only with --image");
	return 0;
}

static int distro_check_boot(const struct request *request, struct err *e)
{
	static const char *const known[] = {"bios", "uefi", "direct"};
	bool is_known = !request->boot;

	for (size_t i = 0; !is_known && i < sizeof(known) / sizeof(*known); i++)
		is_known = !strcmp(request->boot, known[i]);
	if (!is_known)
		return err_set(e, -EINVAL, "option --boot: expected bios, uefi or direct, got '%s'",
			       request->boot);
	if (request->want_uefi && request->boot && strcmp(request->boot, "uefi"))
		return err_set(e, -EINVAL, "options --uefi and --boot %s: only one of them",
			       request->boot);
	if (distro_is_direct(request) && (request->firmware || request->boot_timeout))
		return err_set(e, -EINVAL,
			       "options --firmware and --boot-timeout: not with --boot direct");
	if (request->partition && !distro_is_direct(request))
		return err_set(e, -EINVAL, "option --partition: only with --boot direct");
	return 0;
}

int distro_check(const struct request *request, struct err *e)
{
	bool is_direct = distro_is_direct(request);
	const struct {
		bool is_given;
		const char *name;
	} others[] = {
		{request->root, "--root"},
		{request->is_isolated, "--isolated"},
		{request->is_standalone, "--standalone"},
		{request->is_dry_run, "--dry-run"},
		{!is_direct && request->kernel, "--kernel"},
		{!is_direct && request->modules.count, "--module"},
		{!is_direct && request->qemu, "--qemu"},
		{!is_direct && request->append.count, "--append"},
		{!is_direct && request->disks.count, "--disk"},
		{!is_direct && request->gdb, "--gdb"},
		{!is_direct && request->want_keep, "--keep"},
	};
	int r;

	if (!request->image)
		return distro_check_absence(request, e);
	r = distro_check_boot(request, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].is_given)
			return err_set(e, -EINVAL, "option %s: not with --image%s", others[i].name,
				       is_direct ? "" : ", which boots by itself");
	}
	return 0;
}

bool distro_is_uefi(const struct request *request)
{
	return request->want_uefi || (request->boot && !strcmp(request->boot, "uefi"));
}
