/* Replies of a guest's agent: what comes from a guest is foreign. */
#include "vmrun/agent.h"
#include "tests/unit/tap.h"

#include "lib/mem.h"

/* Of a status: `return`'s members; the status, or -1 and the error's text in `e`. */
static int status_of(const char *members, struct err *e)
{
	auto_free char *line = xasprintf("{\"return\": {%s}}", members);
	struct agent_reply reply;

	e->text[0] = '\0';
	if (agent_parse(AGENT_STATUS, line, &reply, e) < 0)
		return -1;
	return reply.has_exited ? reply.exit_status : -2;
}

static void test_status(void)
{
	static const struct {
		const char *members;
		int status;
		const char *error;
	} cases[] = {
		{"\"exited\": false", -2, ""},
		{"\"exited\": true, \"exitcode\": 0", 0, ""},
		{"\"exited\": true, \"exitcode\": 255, \"out-data\": \"\"", 255, ""},
		{"\"exited\": true, \"signal\": 9", 137, ""},
		{"\"exited\": true, \"signal\": 64", 192, ""},
		{"\"exited\": true", -1, "is missing"},
		{"\"exitcode\": 0", -1, "is missing"},
		{"", -1, "is missing"},
		{"\"exited\": true, \"exitcode\": 256", -1, "return.exitcode: 256 is out of range"},
		{"\"exited\": true, \"exitcode\": -1", -1, "return.exitcode: -1 is out of range"},
		{"\"exited\": true, \"exitcode\": \"1\"", -1, "return.exitcode: expected integer"},
		{"\"exited\": true, \"signal\": 0", -1, "return.signal: 0 is out of range"},
		{"\"exited\": true, \"signal\": 65", -1, "return.signal: 65 is out of range"},
		{"\"exited\": true, \"signal\": 2147483647", -1,
		 "return.signal: 2147483647 is out"},
	};
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		is_int(status_of(cases[i].members, &e), cases[i].status, cases[i].members);
		if (!ok(strstr(e.text, cases[i].error) != NULL, "its error"))
			printf("#   got '%s'\n", e.text);
	}
}

int main(void)
{
	test_status();
	return done_testing();
}
