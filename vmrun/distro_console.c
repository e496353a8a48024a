/* Keeping the end of a console. Must not look for anything in it: a status is never a text. */
#include "vmrun/distro_console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define CONSOLE_LINES 12 /* that are shown */

int distro_console_open(struct distro_console *c, const char *path, struct err *e)
{
	c->fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644) : -1;
	return path && c->fd < 0
		       ? err_set(e, -errno, "option --console: '%s': %s", path, strerror(errno))
		       : 0;
}

void distro_console_read(struct distro_console *c, int from)
{
	char more[1024];
	ssize_t n = read(from, more, sizeof(more));

	if (n <= 0)
		return;
	if (c->fd >= 0)
		(void)fd_write_all(c->fd, more, (size_t)n);
	if (c->size + (size_t)n > DISTRO_CONSOLE_BYTES) {
		size_t drop = c->size + (size_t)n - DISTRO_CONSOLE_BYTES;

		memmove(c->text, c->text + drop, c->size - drop);
		c->size -= drop;
	}
	memcpy(c->text + c->size, more, (size_t)n);
	c->size += (size_t)n;
}

/* Escape sequences move a terminal's cursor: they would wreck the caller's. */
static size_t console_clean(char *text, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '\033' && i + 1 < size && text[i + 1] == '[') {
			for (i += 2; i < size && (text[i] < '@' || text[i] > '~'); i++)
				;
		} else if (byte == '\r' || byte == '\n') {
			text[to++] = '\n';
		} else if (byte >= ' ' && byte != 127) {
			text[to++] = text[i];
		}
	}
	text[to] = '\0';
	return to;
}

void distro_console_show(struct distro_console *c)
{
	const char *lines[CONSOLE_LINES];
	size_t count = 0;
	char *save = NULL;

	c->size = console_clean(c->text, c->size);
	for (char *line = strtok_r(c->text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (line[strspn(line, " ")])
			lines[count++ % CONSOLE_LINES] = line;
	}
	if (!count)
		fprintf(stderr, "vmrun: the machine's serial console said nothing\n");
	else
		fprintf(stderr, "vmrun: the last lines of the machine's serial console:\n");
	for (size_t i = count > CONSOLE_LINES ? count - CONSOLE_LINES : 0; i < count; i++)
		fprintf(stderr, "    %s\n", lines[i % CONSOLE_LINES]);
	c->size = 0;
}

void distro_console_close(struct distro_console *c)
{
	fd_close(&c->fd);
}
