/* What QEMU says on its monitor, line by line: docs/interop/qmp-spec and qapi/char.json. */
#include "runtime/monitor/qmp.h"
#include "tests/unit/tap.h"

#include <string.h>

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

int main(void)
{
	test_lines();
	test_error_text();
	return done_testing();
}
