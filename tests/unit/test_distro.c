/* What a run in a disk image does with what its guest says: no machine, only the messages. */
#include "vmrun/distro.c"

#include "tests/unit/tap.h"

static struct err error;

static struct distro_run *run_new(enum distro_state state)
{
	static const struct request request;
	struct distro_run *run = xcalloc(1, sizeof(*run));

	run->request = &request;
	run->state = state;
	run->e = &error;
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		run->vm.fds[i] = -1;
	error.text[0] = '\0';
	return run;
}

static void run_free(struct distro_run *run)
{
	free(run->requests);
	free(run);
}

/* How often the text was asked for. */
static int count_requests(const struct distro_run *run, const char *text)
{
	int count = 0;
	const char *end = run->requests + run->requests_size;

	for (const char *at = run->requests;
	     at && (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++)
		count++;
	return count;
}

#define STATUS_REQUEST "guest-exec-status"

static const char exited[] = "{\"return\": {\"exited\": true, \"exitcode\": 7}}";
static const char running[] = "{\"return\": {\"exited\": false}}";
static const char started[] = "{\"return\": {\"pid\": 41}}";

static void test_end_before_reply(void)
{
	struct distro_run *run = run_new(DISTRO_STARTING);

	(void)distro_ask(run, AGENT_EXEC, xstrdup("x\n"));
	is_int(distro_on_control(run, "pid 42"), 0, "the command runs");
	is_int(distro_on_control(run, "end"), 0, "and has ended before the agent has said its pid");
	is_int(count_requests(run, STATUS_REQUEST), 0, "no status is asked for, of which pid?");
	ok(run->answer_by_ms > 0, "the agent has a limit to say it");
	is_int(distro_on_reply(run, started), 0, "now it says it");
	ok(run->status_at_ms && run->status_at_ms <= distro_now_ms(), "and is asked at once");
	is_int(distro_on_time(run), 0, "it is asked");
	is_int(count_requests(run, "\"pid\":41"), 1, "for that pid");
	is_int(distro_on_reply(run, exited), 0, "it has exited");
	ok(run->has_status && run->status == 7, "the command's status");
	run_free(run);
}

static void test_one_status(void)
{
	struct distro_run *run = run_new(DISTRO_RUNNING);

	run->command_pid = 42;
	run->script_pid = 41;
	run->status_at_ms = 1;
	is_int(distro_on_time(run), 0, "it is time to ask");
	is_int(distro_on_control(run, "end"), 0, "the end comes while that is under way");
	is_int(count_requests(run, STATUS_REQUEST), 1, "one request under way");
	is_int(distro_on_reply(run, running), 0, "not exited yet");
	ok(run->status_at_ms && run->status_at_ms <= distro_now_ms() + DISTRO_STATUS_SOON_MS,
	   "asked again soon");
	run->status_at_ms = 1;
	(void)distro_on_time(run);
	is_int(count_requests(run, STATUS_REQUEST), 2, "asked again");
	is_int(distro_on_reply(run, exited), 0, "exited");
	ok(!run->status_at_ms && !run->answer_by_ms, "never asked again: the agent forgets it");
	run->expected[run->expected_count++] = AGENT_STATUS;
	is_int(distro_on_reply(run, "{\"error\": {\"desc\": \"PID 41 does not exist\"}}"), 0,
	       "that it has forgotten it harms nobody");
	ok(run->has_status && run->status == 7, "the status stays");
	run_free(run);
}

static void test_agent_gone(void)
{
	struct distro_run *run = run_new(DISTRO_RUNNING);
	int left;

	run->command_pid = 42;
	run->script_pid = 41;
	run->status_at_ms = 1;
	(void)distro_on_time(run);
	left = distro_time_left(run);
	ok(left > 0 && left <= DISTRO_ANSWER_MS, "it is waited for with a limit");
	(void)distro_on_reply(run, running);
	is_int(run->answer_by_ms, 0, "which an answer takes away");
	run->status_at_ms = 1;
	(void)distro_on_time(run);
	run->answer_by_ms = 1;
	is_int(distro_on_time(run), -ETIMEDOUT, "no answer");
	is_str(error.text, "guest: the agent does not answer any more", "and why");
	run_free(run);
}

static void test_deadline(void)
{
	struct distro_run *run = run_new(DISTRO_BOOTING);

	run->deadline_ms = 1;
	is_int(distro_on_time(run), -ETIMEDOUT, "booting has a limit");
	ok(strstr(error.text, "no agent answers after 300 s") != NULL, "no agent");
	run->state = DISTRO_STARTING;
	is_int(distro_on_time(run), -ETIMEDOUT, "and so has what comes before the command");
	ok(!strstr(error.text, "no agent") && strstr(error.text, "did not start within 300 s"),
	   "another text: the agent did answer");
	run_free(run);
}

/* The error's text of planning to run that, "" for none. */
static const char *plan(const struct request *request)
{
	struct distro_run *run = run_new(DISTRO_BOOTING);
	struct mounts shares = {0};

	run->request = request;
	(void)!distro_plan(run, &shares);
	mounts_done(&shares);
	free(run->exec_text);
	run_free(run);
	return error.text;
}

/* The agent's JSON has no place for other bytes: they would arrive as something else. */
static void test_texts(void)
{
	char *words[] = {(char *)"echo", (char *)"gr\xc3\xbcn", NULL};
	char *bad_words[] = {(char *)"echo", (char *)"\xff", NULL};
	const char *bad_pair[] = {"A=\xff"};
	const char *no_name[] = {"=x"};
	struct request request = {.args = words, .arg_count = 2};

	is_str(plan(&request), "", "UTF-8");
	request.args = bad_words;
	is_str(plan(&request), "argument 1 of the command is no UTF-8 text", "another word");
	request.args = words;
	request.workdir = "/\xff";
	is_str(plan(&request), "a path or an environment variable is no UTF-8 text", "a directory");
	request.workdir = NULL;
	request.env = (struct option_list){.at = bad_pair, .count = 1};
	is_str(plan(&request), "a path or an environment variable is no UTF-8 text", "a variable");
	request.env.at = no_name;
	is_str(plan(&request), "option --env: expected NAME or NAME=VALUE, got '=x'", "no name");
}

int main(void)
{
	test_texts();
	test_end_before_reply();
	test_one_status();
	test_agent_gone();
	test_deadline();
	return done_testing();
}
