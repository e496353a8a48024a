/* The option parser. Must not know any command. */
#include "runtime/cmd/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static const struct option_spec *option_find(const struct option_spec *specs, size_t count,
					     const char *name, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(specs[i].name) == size && !memcmp(specs[i].name, name, size))
			return &specs[i];
		if (size == 1 && specs[i].letter == *name)
			return &specs[i];
	}
	return NULL;
}

static bool option_wants_argument(const struct option_spec *spec)
{
	return spec->kind != OPTION_FLAG && spec->kind != OPTION_COMPAT;
}

static void option_append(struct option_list *list, const char *text)
{
	list->at = xreallocarray(list->at, list->count + 1, sizeof(*list->at));
	list->at[list->count++] = text;
}

static int option_store(const struct option_spec *spec, void *values, const char *text,
			struct err *e)
{
	void *where = (char *)values + spec->offset;
	unsigned long number;
	char *end;

	switch (spec->kind) {
	case OPTION_COMPAT:
	case OPTION_COMPAT_STRING:
		return 0;
	case OPTION_FLAG:
		if (text && strcmp(text, "true") && strcmp(text, "false"))
			return err_set(e, -EINVAL, "option --%s: expected true or false, got '%s'",
				       spec->name, text);
		*(bool *)where = !text || !strcmp(text, "true");
		return 0;
	case OPTION_STRING:
		*(const char **)where = text;
		return 0;
	case OPTION_LIST:
		option_append(where, text);
		return 0;
	case OPTION_COUNT:
		errno = 0;
		number = strtoul(text, &end, 10);
		if (errno || !*text || *end || *text == '-' || number > 1u << 20)
			return err_set(e, -EINVAL, "option --%s: expected a number, got '%s'",
				       spec->name, text);
		*(unsigned int *)where = (unsigned int)number;
		return 0;
	}
	return 0;
}

/* "-it", "-m2G": letters in one word, the last of them with its value behind it. Returns 1 when the
 * word is none of that, and has changed nothing then. */
static int option_take_letters(const struct option_spec *specs, size_t count, void *values,
			       const char *letters, struct err *e)
{
	const struct option_spec *spec = NULL;
	size_t flags = 0;
	int r = 0;

	while (letters[flags]) {
		spec = option_find(specs, count, letters + flags, 1);
		if (!spec)
			return 1;
		if (option_wants_argument(spec))
			break;
		flags++;
	}
	if (letters[flags] && !letters[flags + 1])
		return 1; /* the value would be in the next word: not taken from behind flags */
	for (size_t i = 0; i < flags && !r; i++)
		r = option_store(option_find(specs, count, letters + i, 1), values, NULL, e);
	if (!r && letters[flags])
		r = option_store(spec, values, letters + flags + 1, e);
	return r;
}

/* One option at argv[*at]; moves *at behind it and its argument. */
static int option_take(const struct option_spec *specs, size_t count, void *values, int argc,
		       char **argv, int *at, struct err *e)
{
	const char *name = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_spec *spec = option_find(specs, count, name, size);
	const char *text = equals ? equals + 1 : NULL;

	if (!spec) {
		int r = argv[*at][1] == '-' || !size
				? 1
				: option_take_letters(specs, count, values, name, e);

		if (r > 0)
			return err_set(e, -EINVAL, "unknown option '%s'", argv[*at]);
		(*at)++;
		return r;
	}
	(*at)++;
	if (!text && option_wants_argument(spec)) {
		if (*at >= argc)
			return err_set(e, -EINVAL, "option --%s needs an argument", spec->name);
		text = argv[(*at)++];
	}
	return option_store(spec, values, text, e);
}

int options_parse(const struct option_spec *specs, size_t spec_count, void *values, int argc,
		  char **argv, bool is_mixed, int *ret_words, struct err *e)
{
	int words = 0;
	int at = 0;

	while (at < argc) {
		int r;

		if (!strcmp(argv[at], "--")) {
			at++;
			break;
		}
		if (argv[at][0] != '-' || !argv[at][1]) {
			if (!is_mixed)
				break;
			argv[words++] = argv[at++];
			continue;
		}
		r = option_take(specs, spec_count, values, argc, argv, &at, e);
		if (r < 0)
			return r;
	}
	while (at < argc)
		argv[words++] = argv[at++];
	*ret_words = words;
	return 0;
}

void options_done(const struct option_spec *specs, size_t spec_count, void *values)
{
	for (size_t i = 0; i < spec_count; i++) {
		struct option_list *list = (void *)((char *)values + specs[i].offset);

		if (specs[i].kind != OPTION_LIST)
			continue;
		free(list->at);
		*list = (struct option_list){0};
	}
}

void options_print_help(FILE *to, const struct option_spec *specs, size_t spec_count)
{
	for (size_t i = 0; i < spec_count; i++) {
		const struct option_spec *s = &specs[i];
		char left[64];
		int n = s->letter ? snprintf(left, sizeof(left), "-%c, ", s->letter) : 0;

		snprintf(left + n, sizeof(left) - (size_t)n, "--%s%s%s", s->name,
			 s->argument ? " " : "", s->argument ? s->argument : "");
		fprintf(to, "  %-32s %s\n", left, s->help);
	}
}

void options_print_completion(FILE *to, const char *program, const struct option_spec *specs,
			      size_t spec_count)
{
	const char *between = "";

	fprintf(to,
		"# %s: completion for bash\n_%s() {\n"
		"\tlocal current=${COMP_WORDS[COMP_CWORD]} at=1\n"
		"\twhile [ \"$at\" -lt \"$COMP_CWORD\" ]; do\n"
		"\t\tcase ${COMP_WORDS[at]} in\n"
		"\t\t--) at=$((at + 1)); break ;;\n\t\t",
		program, program);
	for (size_t i = 0; i < spec_count; i++) {
		if (!option_wants_argument(&specs[i]))
			continue;
		fprintf(to, "%s--%s", between, specs[i].name);
		between = " | ";
		if (specs[i].letter)
			fprintf(to, " | -%c", specs[i].letter);
	}
	fprintf(to, ") at=$((at + 2)) ;;\n"
		    "\t\t-*) at=$((at + 1)) ;;\n"
		    "\t\t*) break ;;\n"
		    "\t\tesac\n"
		    "\tdone\n"
		    "\tif [ \"$at\" -ne \"$COMP_CWORD\" ]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
		    "\telif [[ $current == -* ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (size_t i = 0; i < spec_count; i++)
		fprintf(to, "%s--%s", i ? " " : "", specs[i].name);
	fprintf(to,
		"' -- \"$current\")\n"
		"\telse\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -c -f -- \"$current\")\n"
		"\tfi\n"
		"}\n"
		"complete -o filenames -F _%s %s\n",
		program, program);
}
