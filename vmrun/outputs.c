/* Knowing an output file by its argument. Must not make or change files. */
#include "vmrun/outputs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/mem.h"

/* The flags of a Go test program whose value is a path (`go help testflag`). */
static const char *const outputs_flags[] = {
	"blockprofile", "coverprofile", "cpuprofile",  "gocoverdir", "memprofile",
	"mutexprofile", "outputdir",	"testlogfile", "trace",	     NULL,
};

static bool outputs_is_flag(const char *name, size_t size)
{
	for (const char *const *flag = outputs_flags; *flag; flag++) {
		if (strlen(*flag) == size && !strncmp(*flag, name, size))
			return true;
	}
	return false;
}

char *outputs_dir_of(const char *argument)
{
	static const char prefix[] = "-test.";
	const char *value = strchr(argument, '=');
	auto_free char *dir = NULL;
	struct stat st;
	char *slash;

	if (strncmp(argument, prefix, strlen(prefix)) || !value || value[1] != '/' ||
	    !outputs_is_flag(argument + strlen(prefix),
			     (size_t)(value - argument) - strlen(prefix)))
		return NULL;
	dir = xstrdup(value + 1);
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		slash = strrchr(dir, '/');
		*slash = '\0';
	}
	return *dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) ? realpath(dir, NULL) : NULL;
}
