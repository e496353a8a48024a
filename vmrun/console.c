/* Following a console. Must not decide what an end means.
 *
 * What the kernel says of the program's end (its panic when PID 1 is gone, "reboot: ...") is no
 * output of the program's. A line "VIRTRUN_EXIT_CODE: N" is the status of one that shuts the
 * machine down: that is how programs made for virtrun tell it, and a console is all they have. */
#include "vmrun/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define CONSOLE_CHUNK_BYTES (64u << 10)
#define CONSOLE_LINE_MAX    (1u << 20) /* longer ones are passed on in pieces */
#define CONSOLE_TOLD	    "VIRTRUN_EXIT_CODE: "

int console_open(struct console *c, const char *path, struct err *e)
{
	*c = (struct console){.notify_fd = -1, .told = -1};
	c->fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (c->fd >= 0)
		c->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->notify_fd < 0 || inotify_add_watch(c->notify_fd, path, IN_MODIFY) < 0)
		return err_sys(e, -errno, "following '%s'", path);
	return 0;
}

/* Where "[    1.234567] " begins before a text of the kernel's. */
static size_t console_stamp_begin(const char *line, size_t text)
{
	size_t at = text;

	if (at < 2 || memcmp(line + at - 2, "] ", 2))
		return text;
	at -= 2;
	while (at && strchr("0123456789. ", line[at - 1]) && line[at - 1])
		at--;
	return at && line[at - 1] == '[' ? at - 1 : text;
}

/* The size of the line without what the kernel says in it, which may begin in its middle. */
static size_t console_cut_kernel(struct console *c, const char *line, size_t size)
{
	static const struct {
		const char *text;
		bool is_halt;
	} ends[] = {
		{"Kernel panic - not syncing: Attempted to kill init! exitcode=", false},
		{"reboot: Restarting system", false},
		{"reboot: Power down", false},
		{"reboot: System halted", true},
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		const char *at = memmem(line, size, ends[i].text, strlen(ends[i].text));

		if (!at)
			continue;
		c->has_ended = true;
		c->is_halted = ends[i].is_halt;
		return console_stamp_begin(line, (size_t)(at - line));
	}
	return size;
}

static bool console_is_told(struct console *c, const char *line, size_t size)
{
	char text[sizeof(CONSOLE_TOLD) + 8] = "";
	int code;

	if (size >= sizeof(text))
		return false;
	memcpy(text, line, size);
	if (strncmp(text, CONSOLE_TOLD, strlen(CONSOLE_TOLD)) ||
	    sscanf(text + strlen(CONSOLE_TOLD), "%d", &code) != 1)
		return false;
	c->told = code < 0 || code > 255 ? 255 : code;
	return true;
}

/* `size`: with its newline, if it has one. A terminal has put a carriage return before that. */
static void console_take_line(struct console *c, char *line, size_t size)
{
	bool has_end = line[size - 1] == '\n';
	size_t text = size - has_end;

	if (has_end && text && line[text - 1] == '\r')
		text--;
	if (c->has_ended || console_is_told(c, line, text))
		return;
	text = console_cut_kernel(c, line, text);
	if (has_end && !c->has_ended)
		line[text++] = '\n';
	(void)!fd_write_all(STDOUT_FILENO, line, text);
}

static void console_take(struct console *c, bool is_last)
{
	char *at = c->line;
	char *end = c->line + c->size;
	char *newline;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		console_take_line(c, at, (size_t)(newline + 1 - at));
		at = newline + 1;
	}
	if (at < end && (is_last || end - at > (ptrdiff_t)CONSOLE_LINE_MAX)) {
		console_take_line(c, at, (size_t)(end - at));
		at = end;
	}
	c->size = (size_t)(end - at);
	memmove(c->line, at, c->size);
}

void console_follow(struct console *c, bool is_last)
{
	char events[4096];
	ssize_t n;

	while (read(c->notify_fd, events, sizeof(events)) > 0)
		;
	do {
		if (c->room < c->size + CONSOLE_CHUNK_BYTES) {
			c->room = c->size + 2 * CONSOLE_CHUNK_BYTES;
			c->line = xreallocarray(c->line, c->room, 1);
		}
		n = read(c->fd, c->line + c->size, CONSOLE_CHUNK_BYTES);
		if (n > 0)
			c->size += (size_t)n;
		console_take(c, is_last && n <= 0);
	} while (n > 0);
}

void console_done(struct console *c)
{
	fd_close(&c->fd);
	fd_close(&c->notify_fd);
	free(c->line);
	c->line = NULL;
}
