/* Fuzz target: config.json, exec's process and update's resources, through parse, check and free.
 */
#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/mount_options.h"
#include "tests/fuzz/fuzz.h"

/* Touches every byte of every string, so that ASan sees what is not ours. */
static size_t touch(const struct oci_strings *list)
{
	size_t sum = 0;

	for (size_t i = 0; i < list->count; i++)
		sum += strlen(list->at[i]);
	return sum;
}

static size_t touch_mounts(const struct oci_config *config)
{
	struct mount_options options;
	struct err e;
	size_t sum = 0;

	for (size_t i = 0; i < config->mount_count; i++) {
		if (mount_options_parse(&config->mounts[i].options, &options, &e)) {
			fuzz_check_line(&e);
			continue;
		}
		sum += options.data ? strlen(options.data) : 0;
		mount_options_done(&options);
	}
	return sum;
}

static size_t run_config(const char *text, size_t size)
{
	struct oci_config *config = NULL;
	struct err e = {""};
	size_t sum;

	if (oci_config_parse(text, size, "config.json", &config, &e)) {
		fuzz_check_line(&e);
		return 0;
	}
	if (oci_config_check(config, &e))
		fuzz_check_line(&e);
	sum = touch(&config->warnings) + touch_mounts(config);
	if (config->process)
		sum += touch(&config->process->args) + touch(&config->process->env);
	for (size_t i = 0; i < config->annotations.count; i++)
		sum += strlen(config->annotations.at[i].key) +
		       strlen(config->annotations.at[i].value);
	oci_config_free(config);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly that size: the parser must not need a NUL behind the text. */
	auto_free char *text = xmemdup(data, size);
	struct oci_process *process = NULL;
	struct oci_resources *resources = NULL;
	volatile size_t sum = run_config(text, size);
	struct err e = {""};

	if (oci_process_parse(text, size, "process.json", &process, &e) ||
	    oci_process_check(process, &e))
		fuzz_check_line(&e);
	else
		sum += touch(&process->args);
	oci_process_free(process);
	if (oci_resources_parse(text, size, "resources.json", &resources, &e))
		fuzz_check_line(&e);
	oci_resources_free(resources);
	(void)sum;
	return 0;
}
