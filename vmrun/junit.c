/* Writing the XML. Must not judge: the caller has.
 *
 * XML 1.0 has no way to write most control characters: they become '?', as do bytes that are no
 * ASCII, whose encoding nobody vouches for. */
#include "vmrun/junit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/request.h"

#define JUNIT_OUTPUT_BYTES (1u << 20)

static void junit_put_text(FILE *to, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '<')
			fputs("&lt;", to);
		else if (c == '>')
			fputs("&gt;", to);
		else if (c == '&')
			fputs("&amp;", to);
		else if (c == '"')
			fputs("&quot;", to);
		else if ((c >= ' ' && c < 127) || c == '\n' || c == '\t')
			putc(c, to);
		else if (c != '\r')
			putc('?', to);
	}
}

static bool junit_is_error(int status)
{
	return status == REQUEST_EXIT_OWN || status == REQUEST_EXIT_LOST ||
	       status == REQUEST_EXIT_TIMEOUT;
}

/* The end of it: that is where the reason is. */
static void junit_put_output(FILE *to, const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free char *text = xmalloc(JUNIT_OUTPUT_BYTES);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_size > (off_t)JUNIT_OUTPUT_BYTES)
		lseek(fd, st.st_size - (off_t)JUNIT_OUTPUT_BYTES, SEEK_SET);
	n = fd_read_all(fd, text, JUNIT_OUTPUT_BYTES);
	if (n > 0)
		junit_put_text(to, text, (size_t)n);
}

static void junit_put_case(FILE *to, const struct junit_case *c)
{
	const char *kind = junit_is_error(c->status) ? "error" : "failure";

	fputs("\t\t<testcase classname=\"vmrun\" name=\"", to);
	junit_put_text(to, c->name, strlen(c->name));
	fprintf(to, "\" time=\"%.3f\"", c->seconds);
	if (!c->status) {
		fputs("/>\n", to);
		return;
	}
	fprintf(to, ">\n\t\t\t<%s message=\"exit status %d\">", kind, c->status);
	junit_put_output(to, c->output);
	fprintf(to, "</%s>\n\t\t</testcase>\n", kind);
}

int junit_write(const char *path, const struct junit_case *cases, size_t count, struct err *e)
{
	FILE *to = fopen(path, "we");
	size_t errors = 0, failures = 0;
	double seconds = 0;
	int r;

	if (!to)
		return err_sys(e, -errno, "option --junit: '%s'", path);
	for (size_t i = 0; i < count; i++) {
		errors += junit_is_error(cases[i].status);
		failures += cases[i].status && !junit_is_error(cases[i].status);
		seconds += cases[i].seconds;
	}
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\t<testsuite "
		"name=\"vmrun\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\">\n",
		count, failures, errors, seconds);
	for (size_t i = 0; i < count; i++)
		junit_put_case(to, &cases[i]);
	fputs("\t</testsuite>\n</testsuites>\n", to);
	r = ferror(to) ? -EIO : 0;
	if (fclose(to) == EOF && !r)
		r = -errno;
	return r < 0 ? err_sys(e, r, "option --junit: '%s'", path) : 0;
}
