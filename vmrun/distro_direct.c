/* --boot direct: what a bundle needs to know of an image. Must not look behind its first bytes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/distro.h"

#define DIRECT_QCOW2_MAGIC "QFI\xfb"

bool distro_is_direct(const struct request *request)
{
	return request->boot && !strcmp(request->boot, "direct");
}

int distro_open_direct(const char *root, struct request *request, char **ret_path, struct err *e)
{
	auto_close int fd = open(request->image, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[4] = "";

	*ret_path = realpath(request->image, NULL);
	if (fd < 0 || !*ret_path)
		return err_set(e, -errno, "'%s': %s", request->image, strerror(errno));
	if (mkdir(root, 0755) < 0 || chmod(root, 0755) < 0)
		return err_sys(e, -errno, "making '%s'", root);
	request->is_image_qcow2 = pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
				  !memcmp(magic, DIRECT_QCOW2_MAGIC, sizeof(magic));
	request->image = *ret_path;
	request->root = root;
	return 0;
}
