/* Which of a guest's files about its processes may be shown to ps. Pure. */
#include "runtime/cmd/ps_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"

#define PS_FILES_STAT_BYTES 1024u
#define PS_FILES_COMM_BYTES 64u

static bool ps_files_has_only(const char *data, size_t size, const char *allowed)
{
	for (size_t i = 0; i < size; i++) {
		if (!data[i] || !strchr(allowed, data[i]))
			return false;
	}
	return size;
}

/* "12 (a name) S 1 2 -3 …": a name may contain anything but ends with the last parenthesis. */
static bool ps_files_is_stat(const struct guest_file *f)
{
	const char *open = memchr(f->data, '(', f->size);
	const char *end = f->data + f->size;
	const char *close = memrchr(f->data, ')', f->size);

	return f->size <= PS_FILES_STAT_BYTES && open && close > open && end - close > 4 &&
	       (size_t)(close - open) <= PS_FILES_COMM_BYTES + 1 &&
	       !memchr(open, '\0', (size_t)(close - open)) &&
	       ps_files_has_only(f->data, (size_t)(open - f->data), "0123456789 ") &&
	       close[1] == ' ' && isalpha((unsigned char)close[2]) &&
	       ps_files_has_only(close + 3, (size_t)(end - close - 3), "0123456789 -\n");
}

static bool ps_files_is_status(const struct guest_file *f)
{
	for (size_t i = 0; i < f->size; i++) {
		unsigned char c = (unsigned char)f->data[i];

		if (c != '\n' && c != '\t' && (c < ' ' || c == 0x7f))
			return false;
	}
	return f->size;
}

const char *ps_files_leaf(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	const char *at = name + digits;

	if (!digits || digits > 10 || *at != '/')
		return NULL;
	if (strncmp(at, "/task/", 6) != 0)
		return at + 1;
	digits = strspn(at + 6, "0123456789");
	at += 6 + digits;
	return digits && digits <= 10 && *at == '/' ? at + 1 : NULL;
}

bool ps_files_is_right(const struct guest_file *f, const char *leaf)
{
	if (!strcmp(leaf, "stat"))
		return ps_files_is_stat(f);
	if (!strcmp(leaf, "status"))
		return ps_files_is_status(f);
	if (!strcmp(leaf, "statm"))
		return ps_files_has_only(f->data, f->size, "0123456789 \n");
	return !strcmp(leaf, "cmdline"); /* the process's to fill, under runc too */
}

/* "word: 123" or "word 123" of a text. */
static bool ps_files_number(const char *text, const char *word, unsigned long long *ret)
{
	const char *at = strstr(text, word);

	return at && sscanf(at + strlen(word), " %llu", ret) == 1;
}

bool ps_files_machine(const struct guest_file *f, char line[PS_FILES_LINE_BYTES])
{
	auto_free char *text = xstrndup(f->data, f->size);
	unsigned long long first, second;

	if (!strcmp(f->name, "uptime") && sscanf(text, "%llu.%*u %llu.", &first, &second) == 2)
		snprintf(line, PS_FILES_LINE_BYTES, "%llu.00 %llu.00\n", first, second);
	else if (!strcmp(f->name, "stat") && ps_files_number(text, "btime", &first))
		snprintf(line, PS_FILES_LINE_BYTES, "cpu  0 0 0 0 0 0 0 0 0 0\nbtime %llu\n",
			 first);
	else if (!strcmp(f->name, "meminfo") && ps_files_number(text, "MemTotal:", &first))
		snprintf(line, PS_FILES_LINE_BYTES, "MemTotal: %15llu kB\n", first);
	else if (!strcmp(f->name, "sys/kernel/pid_max") && ps_files_number(text, "", &first))
		snprintf(line, PS_FILES_LINE_BYTES, "%llu\n", first);
	else
		return false;
	return true;
}
