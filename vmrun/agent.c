/* The guest agent's JSON. Must not know what is executed. */
#include "vmrun/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/json.h"
#include "runtime/oci/json_write.h"

static char *agent_finish(struct json_out *out)
{
	size_t size;
	const char *text;
	char *line;

	json_out_end(out);
	text = json_out_text(out, &size);
	line = xasprintf("%.*s\n", (int)size, text);
	json_out_free(out);
	return line;
}

/* Inside the arguments. */
static struct json_out *agent_begin(const char *command)
{
	struct json_out *out = json_out_new(NULL);

	json_out_object(out, NULL);
	json_out_string(out, "execute", command);
	json_out_object(out, "arguments");
	return out;
}

static char *agent_number_text(const char *command, const char *key, int64_t number)
{
	struct json_out *out = agent_begin(command);

	json_out_i64(out, key, number);
	json_out_end(out);
	return agent_finish(out);
}

char *agent_sync_text(int64_t id)
{
	return agent_number_text("guest-sync", "id", id);
}

char *agent_status_text(int64_t pid)
{
	return agent_number_text("guest-exec-status", "pid", pid);
}

static void agent_put_list(struct json_out *out, const char *key, const struct strv *list)
{
	json_out_array(out, key);
	for (size_t i = 0; i < list->count; i++)
		json_out_string(out, NULL, list->at[i]);
	json_out_end(out);
}

static char *agent_base64(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t size = strlen(text);
	char *coded = xcalloc(1, (size + 2) / 3 * 4 + 1);

	for (size_t i = 0, to = 0; i < size; i += 3, to += 4) {
		size_t left = size - i;
		uint32_t bits = (uint32_t)(unsigned char)text[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(unsigned char)text[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)text[i + 2];
		coded[to] = digits[bits >> 18];
		coded[to + 1] = digits[bits >> 12 & 63];
		coded[to + 2] = left > 1 ? digits[bits >> 6 & 63] : '=';
		coded[to + 3] = left > 2 ? digits[bits & 63] : '=';
	}
	return coded;
}

char *agent_exec_text(const char *program, const struct strv *args, const struct strv *env,
		      const char *input)
{
	struct json_out *out = agent_begin("guest-exec");
	auto_free char *coded = input ? agent_base64(input) : NULL;

	json_out_string(out, "path", program);
	agent_put_list(out, "arg", args);
	if (env)
		agent_put_list(out, "env", env);
	if (coded)
		json_out_string(out, "input-data", coded);
	json_out_end(out);
	return agent_finish(out);
}

/* By the shell: kill need not be a program there, and the agent's own guest-shutdown needs a login
 * manager to do it. */
static char *agent_shell_text(const char *line)
{
	auto_strv struct strv args = {0};

	strv_push(&args, "-c");
	strv_push(&args, line);
	return agent_exec_text("/bin/sh", &args, NULL, NULL);
}

char *agent_kill_text(int64_t pid, int signo)
{
	auto_free char *line = xasprintf("kill -%d %lld", signo, (long long)pid);

	return agent_shell_text(line);
}

char *agent_shutdown_text(void)
{
	return agent_shell_text("poweroff || shutdown -h now");
}

/* A number without which a reply is none. */
static int agent_read_range(struct json_doc *doc, const struct json_node *result, const char *key,
			    int32_t low, int32_t high)
{
	int32_t number = 0;

	json_require(doc, result, key);
	if (!json_i32(doc, result, key, &number) || (number >= low && number <= high))
		return number;
	json_fail(doc, json_member(doc, result, key), "%d is out of range (%d to %d)", number, low,
		  high);
	return 0;
}

static void agent_read_status(struct json_doc *doc, const struct json_node *result,
			      struct agent_reply *ret)
{
	json_require(doc, result, "exited");
	if (!json_bool(doc, result, "exited", &ret->has_exited) || !ret->has_exited)
		return;
	if (json_member(doc, result, "signal"))
		ret->exit_status = 128 + agent_read_range(doc, result, "signal", 1, 64);
	else
		ret->exit_status = agent_read_range(doc, result, "exitcode", 0, 255);
}

static void agent_read(struct json_doc *doc, enum agent_request request, struct agent_reply *ret)
{
	const struct json_node *root = json_doc_root(doc);
	const struct json_node *error = json_object(doc, root, "error");
	const struct json_node *result = json_member(doc, root, "return");
	const char *text = NULL;

	if (error) {
		ret->is_error = true;
		json_string(doc, error, "desc", &text);
		snprintf(ret->error, sizeof(ret->error), "%s", text ? text : "no reason");
		return;
	}
	if (request == AGENT_SYNC && json_expect(doc, result, JSON_NUMBER))
		ret->number = strtoll(result->text, NULL, 10);
	if (request == AGENT_EXEC && json_expect(doc, result, JSON_OBJECT)) {
		json_require(doc, result, "pid");
		json_i64(doc, result, "pid", &ret->number);
	}
	if (request == AGENT_STATUS && json_expect(doc, result, JSON_OBJECT))
		agent_read_status(doc, result, ret);
}

int agent_parse(enum agent_request request, const char *line, struct agent_reply *ret,
		struct err *e)
{
	struct json_doc *doc = NULL;
	int r = json_doc_parse(line, strlen(line), "the guest agent's reply", &doc, e);

	*ret = (struct agent_reply){0};
	if (r < 0)
		return r;
	if (json_expect(doc, json_doc_root(doc), JSON_OBJECT))
		agent_read(doc, request, ret);
	r = json_doc_status(doc);
	json_doc_free(doc);
	return r;
}
