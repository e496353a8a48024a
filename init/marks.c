/* When the phases of the boot ended. Must not be relied upon for anything but to be read. */
#include "init/marks.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "init/machine.h"

#define MARKS_COUNT 24

/* Init and its child have the same image at the same place: a literal's address serves both. */
struct marks_page {
	unsigned int count;
	struct {
		const char *name;
		uint64_t at_us;
	} marks[MARKS_COUNT];
};

static struct marks_page *marks_page;

void marks_init(void)
{
	void *page = mmap(NULL, sizeof(*marks_page), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	marks_page = page == MAP_FAILED ? NULL : page;
}

void marks_add(const char *name)
{
	if (!marks_page || marks_page->count >= MARKS_COUNT)
		return;
	marks_page->marks[marks_page->count].name = name;
	marks_page->marks[marks_page->count++].at_us = machine_now_us();
}

void marks_restart(void)
{
	if (marks_page)
		marks_page->count = 0;
}

void marks_format(char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; marks_page && i < marks_page->count && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%s %llu", i ? ", " : "",
					 marks_page->marks[i].name,
					 (unsigned long long)marks_page->marks[i].at_us);
}
