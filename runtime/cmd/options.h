/* Command line options: one table per command is the parser's input, the text of --help, the man
 * page's and the completion's source. */
#ifndef VMRT_CMD_OPTIONS_H
#define VMRT_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/err.h"

enum option_kind {
	OPTION_FLAG,   /* bool; also --name=true|false */
	OPTION_STRING, /* const char * */
	OPTION_COUNT,  /* unsigned int */
	OPTION_LIST,   /* struct option_list: may be given more than once */
	OPTION_COMPAT, /* a flag that runc has and a VM does not need: accepted, see its help */
	OPTION_COMPAT_STRING,
};

struct option_list {
	size_t count;
	const char **at; /* the words are the caller's; options_done() */
};

struct option_spec {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	enum option_kind kind;
	size_t offset; /* of the value in the struct that options_parse() fills */
	const char *argument;
	const char *help;
};

/* Parses options off argv[*at...] into `values`, as Go programs take them: --name value,
 * --name=value, -name value, -n value, and as others do: -nvalue, -it; `--` ends them. Stops at
 * the first word that is none, or with `is_mixed` collects such words in argv[0..*ret_words).
 * Returns 0 or -EINVAL. */
int options_parse(const struct option_spec *specs, size_t spec_count, void *values, int argc,
		  char **argv, bool is_mixed, int *ret_words, struct err *e) VMRT_MUST_CHECK;

/* Frees the lists in `values`. */
void options_done(const struct option_spec *specs, size_t spec_count, void *values);

/* A completion script for bash: options by name, files behind those that take an argument, then a
 * command and its files. At least one option must take an argument. */
void options_print_completion(FILE *to, const char *program, const struct option_spec *specs,
			      size_t spec_count);

void options_print_help(FILE *to, const struct option_spec *specs, size_t spec_count);

#endif
