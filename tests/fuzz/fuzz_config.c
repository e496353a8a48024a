/* Fuzz target: config.json, exec's process and update's resources, through parse, check and free.
 *
 *   clang -fsanitize=fuzzer,address,undefined …   libFuzzer, corpus in tests/fuzz/corpus-config
 *   -DFUZZ_REPLAY                                 a program that runs the files given to it */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/mount_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_one_line(const struct err *e)
{
	if (!*e->text || strpbrk(e->text, "\n\r\t\x1b"))
		abort();
}

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
			must_be_one_line(&e);
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
		must_be_one_line(&e);
		return 0;
	}
	if (oci_config_check(config, &e))
		must_be_one_line(&e);
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
		must_be_one_line(&e);
	else
		sum += touch(&process->args);
	oci_process_free(process);
	if (oci_resources_parse(text, size, "resources.json", &resources, &e))
		must_be_one_line(&e);
	oci_resources_free(resources);
	(void)sum;
	return 0;
}

#ifdef FUZZ_REPLAY
#include <fcntl.h>

#include "lib/fd.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		auto_free char *text = NULL;
		size_t size;

		if (fd_read_file(AT_FDCWD, argv[i], OCI_CONFIG_MAX_BYTES, &text, &size)) {
			fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)text, size);
	}
	printf("%d files replayed\n", argc - 1);
	return argc < 2; /* nothing replayed is a failure */
}
#endif
