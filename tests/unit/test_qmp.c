/* What QEMU says on its monitor, line by line: docs/interop/qmp-spec and qapi/char.json. */
#include "runtime/monitor/qmp.h"
#include "tests/unit/tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *line;
	enum qmp_kind kind;
	const char *what;
} rows[] = {
	{"{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}", QMP_GREETING, "a greeting"},
	{"{\"return\": {}}", QMP_RETURN, "an empty answer"},
	{"{\"return\": \"\"}", QMP_RETURN, "an empty text"},
	{"{\"return\": [1, {\"a\": null}], \"id\": 3}\r", QMP_RETURN, "an answer with values"},
	{"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such port\"}}", QMP_ERROR,
	 "an error"},
	{"{\"error\": {}}", QMP_ERROR, "an error without a description"},
	{"{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}", QMP_EVENT, "an event"},
	{"{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": false, \"id\": \"p1\"}}",
	 QMP_CONTROL_CLOSED, "the end of the control port"},
	{"{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": true, \"id\": \"p1\"}}", QMP_EVENT,
	 "the begin of the control port"},
	{"{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": false, \"id\": \"p2\"}}", QMP_EVENT,
	 "the end of another port"},
	{"{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"id\": \"p1\"}}", QMP_EVENT,
	 "an event with a member missing"},
	{"{\"event\": \"VSERPORT_CHANGE\", \"data\": 3}", QMP_EVENT, "an event of another shape"},
	{"{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"p7.stdin\", \"path\": \"/x\"}}",
	 QMP_DELETED, "the end of a device"},
	{"{\"event\": \"DEVICE_DELETED\", \"data\": {\"path\": \"/x\"}}", QMP_EVENT,
	 "the end of a device without an id"},
	{"{\"event\": 3}", QMP_EVENT, "an event without a name"},
	{"{}", QMP_GARBAGE, "an object of no known kind"},
	{"[]", QMP_GARBAGE, "an array"},
	{"", QMP_GARBAGE, "an empty line"},
	{"{\"return\": {}", QMP_GARBAGE, "a line that was cut"},
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = {{0}};

		is_int(qmp_parse_line(rows[i].line, strlen(rows[i].line), &e), rows[i].kind,
		       rows[i].what);
	}
}

static void test_error_text(void)
{
	static const char line[] = "{\"error\": {\"desc\": \"no such port\"}}";
	static const char deleted[] =
		"{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"p7.stdin\"}}";
	static const char printed[] = "{\"return\": \"no port\\r\\n\"}";
	struct err e = {{0}};

	(void)qmp_parse_line(line, strlen(line), &e);
	is_str(e.text, "qemu: no such port", "an error's description is passed on");
	(void)qmp_parse_line(printed, strlen(printed), &e);
	is_str(e.text, "no port  ", "and a text that a command returns");
	(void)qmp_parse_line("{\"return\": {}}", 14, &e);
	is_str(e.text, "", "which is nothing for other answers");
	(void)qmp_parse_line(deleted, strlen(deleted), &e);
	is_str(e.text, "p7.stdin", "so is the id of a device that has gone");
}

static size_t answered_size;
static bool is_answered;

static void on_text(void *arg, const char *text)
{
	is_answered = text != NULL;
	answered_size = text ? strlen(text) : 0;
	loop_stop(arg);
}

static void on_event(void *arg, enum qmp_kind kind, const char *device)
{
	(void)arg;
	(void)kind;
	(void)device;
}

/* An answer of `size` bytes, from a child: no socket's buffer takes it. */
static void answer(size_t size)
{
	struct loop *l = loop_new();
	int fds[2] = {-1, -1};
	struct qmp *q;
	pid_t child;

	is_answered = false;
	if (!l || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	child = fork();
	if (child == 0) {
		char *line = malloc(size);

		close(fds[0]);
		if (!line)
			_exit(1);
		memset(line, 'x', size);
		signal(SIGPIPE, SIG_IGN);
		dprintf(fds[1], "{\"return\": \"");
		for (size_t at = 0; at < size;) {
			ssize_t n = write(fds[1], line + at, size - at);

			if (n <= 0)
				_exit(1);
			at += (size_t)n;
		}
		dprintf(fds[1], "\"}\r\n");
		_exit(0);
	}
	close(fds[1]);
	q = qmp_new(l, fds[0], true, on_event, NULL);
	qmp_ask_line(q, "info usernet", on_text, l);
	(void)loop_run(l);
	qmp_free(q);
	waitpid(child, NULL, 0);
	loop_free(l);
}

static void test_long_answers(void)
{
	answer(10);
	ok(is_answered && answered_size == 10, "a short answer");
	answer(1u << 20);
	ok(is_answered && answered_size == 1u << 20, "an answer of a megabyte");
	answer(QMP_LINE_MAX_BYTES);
	ok(!is_answered, "one that is too long is none");
}

int main(void)
{
	test_lines();
	test_error_text();
	test_long_answers();
	return done_testing();
}
