/* The spelling of sysctl names. Must not know which ones a container may set. */
#include "runtime/oci/sysctl_key.h"

#include <string.h>

static bool part_is_good(const char *part, size_t size)
{
	if (!size)
		return false;
	return !(part[0] == '.' && (size == 1 || (size == 2 && part[1] == '.')));
}

bool sysctl_key_path(const char *key, char ret[SYSCTL_PATH_BYTES])
{
	size_t size = strlen(key), first = strcspn(key, "./"), start = 0;

	if (size >= SYSCTL_PATH_BYTES)
		return false;
	memcpy(ret, key, size + 1);
	for (size_t i = 0; key[first] == '.' && i < size; i++)
		ret[i] = key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];
	for (size_t i = 0; i <= size; i++) {
		if (ret[i] && ret[i] != '/')
			continue;
		if (!part_is_good(ret + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}
