/* Closing inherited descriptors. Must not know what they are. */
#include "runtime/proc/keep_fds.h"

#include <unistd.h>

void keep_fds(const int *keep, size_t count)
{
	int next = 0;

	for (;;) {
		int lowest = -1;

		for (size_t i = 0; i < count; i++) {
			if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
				lowest = keep[i];
		}
		if (lowest < 0)
			break;
		if (lowest > next)
			close_range((unsigned int)next, (unsigned int)lowest - 1, 0);
		next = lowest + 1;
	}
	close_range((unsigned int)next, ~0u, 0);
}
