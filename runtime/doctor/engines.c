/* Docker's and podman's configuration. Must not talk to a daemon: what it was started with and what
 * its file says may differ, and the file is what lasts. */
#include "runtime/doctor/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"

#define ENGINES_FILE_MAX  (1u << 20)
#define ENGINES_DOCKER	  "/etc/docker/daemon.json"
#define ENGINES_PODMAN_D  "/etc/containers/containers.conf.d"
#define ENGINES_LINE_SIZE 1024

static bool engines_is_installed(const char *name)
{
	static const char *const places[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin"};
	char path[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *engines_self(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n < 0 ? 0 : n] = '\0';
	return path;
}

/* `path` is what the engine would call "vmrt". */
static bool engines_judge_path(struct doctor *d, const char *engine, const char *file,
			       const char *path)
{
	struct stat its;
	struct stat own;

	if (stat(path, &its) < 0 || access(path, X_OK) < 0) {
		doctor_add(d, engine, FINDING_FAIL, "%s: runtime vmrt is '%s': %s", file, path,
			   strerror(errno));
		if (access(path, F_OK) == 0)
			doctor_mend(d, "chmod a+x '%s'", path);
		else
			doctor_mend(d, "mkdir -p \"$(dirname '%s')\" && ln -sf '%s' '%s'", path,
				    engines_self(), path);
		return false;
	}
	if (stat("/proc/self/exe", &own) == 0 &&
	    (own.st_ino != its.st_ino || own.st_dev != its.st_dev))
		doctor_add(d, engine, FINDING_WARN,
			   "%s: runtime vmrt is '%s', which is not this program", file, path);
	else
		doctor_add(d, engine, FINDING_OK, "%s: runtime vmrt is '%s'", file, path);
	return true;
}

/* runtimes.vmrt.path of daemon.json; NULL: not there. Freed by the caller. */
static char *engines_docker_path(const char *text, size_t size, struct err *e)
{
	struct json_doc *doc = NULL;
	const struct json_node *runtimes;
	const struct json_node *vmrt;
	const char *path = NULL;
	char *found = NULL;

	e->text[0] = '\0';
	if (json_doc_parse(text, size, "daemon.json", &doc, e) < 0)
		return NULL;
	runtimes = json_object(doc, json_doc_root(doc), "runtimes");
	vmrt = runtimes ? json_object(doc, runtimes, "vmrt") : NULL;
	if (vmrt && json_string(doc, vmrt, "path", &path) && path)
		found = xstrdup(path);
	json_doc_free(doc);
	return found;
}

static void engines_check_docker(struct doctor *d)
{
	auto_free char *text = NULL;
	auto_free char *path = NULL;
	struct err e = {""};
	size_t size = 0;

	if (!engines_is_installed("dockerd")) {
		doctor_add(d, "docker", FINDING_OK, "not installed");
		return;
	}
	if (fd_read_file(AT_FDCWD, ENGINES_DOCKER, ENGINES_FILE_MAX, &text, &size) < 0) {
		doctor_add(d, "docker", FINDING_WARN,
			   "there is no " ENGINES_DOCKER ": docker does not know the runtime vmrt");
		doctor_mend(d,
			    "mkdir -p /etc/docker && echo '{\"runtimes\": {\"vmrt\": "
			    "{\"path\": \"%s\"}}}' >" ENGINES_DOCKER " && systemctl restart docker",
			    engines_self());
		return;
	}
	path = engines_docker_path(text, size, &e);
	if (path) {
		engines_judge_path(d, "docker", ENGINES_DOCKER, path);
		return;
	}
	if (*e.text) {
		doctor_add(d, "docker", FINDING_FAIL, ENGINES_DOCKER ": %s", e.text);
		doctor_mend(d, "${EDITOR:-vi} " ENGINES_DOCKER " && systemctl restart docker");
		return;
	}
	doctor_add(d, "docker", FINDING_WARN, ENGINES_DOCKER " has no runtime vmrt");
	doctor_mend(d,
		    "jq '.runtimes.vmrt.path = \"%s\"' " ENGINES_DOCKER " >" ENGINES_DOCKER
		    ".new && mv " ENGINES_DOCKER ".new " ENGINES_DOCKER
		    " && systemctl restart docker",
		    engines_self());
}

/* The first string of a line like: vmrt = ["/usr/local/bin/vmrt", "/usr/bin/vmrt"] */
static char *engines_toml_value(char *line)
{
	char *value = strchr(line, '=');
	char *begin = value ? strpbrk(value, "\"'") : NULL;
	char *end = begin ? strchr(begin + 1, *begin) : NULL;

	return end ? xstrndup(begin + 1, (size_t)(end - begin - 1)) : NULL;
}

/* [engine.runtimes] vmrt of a containers.conf; NULL: not there. Freed by the caller. */
static char *engines_podman_path(const char *file)
{
	FILE *in = fopen(file, "re");
	char line[ENGINES_LINE_SIZE];
	bool is_inside = false;
	char *found = NULL;

	while (in && !found && fgets(line, sizeof(line), in)) {
		char *at = line + strspn(line, " \t");

		if (*at == '[')
			is_inside = !strncmp(at, "[engine.runtimes]", 17);
		else if (is_inside && !strncmp(at, "vmrt", 4) &&
			 (isspace((unsigned char)at[4]) || at[4] == '='))
			found = engines_toml_value(at);
	}
	if (in)
		fclose(in);
	return found;
}

/* Later files override earlier ones. */
static char *engines_find_podman(char ret_file[PATH_MAX])
{
	static const char *const files[] = {"/usr/share/containers/containers.conf",
					    "/etc/containers/containers.conf"};
	struct dirent **names = NULL;
	int count = scandir(ENGINES_PODMAN_D, &names, NULL, alphasort);
	char *found = NULL;
	char path[PATH_MAX];

	for (int i = -2; i < count; i++) {
		char *next;

		snprintf(path, sizeof(path), "%s%s%s", i < 0 ? files[i + 2] : ENGINES_PODMAN_D,
			 i < 0 ? "" : "/", i < 0 ? "" : names[i]->d_name);
		next = engines_podman_path(path);
		if (next) {
			free(found);
			found = next;
			memcpy(ret_file, path, sizeof(path));
		}
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return found;
}

static void engines_check_podman(struct doctor *d)
{
	char file[PATH_MAX] = "";
	auto_free char *path = NULL;

	if (!engines_is_installed("podman")) {
		doctor_add(d, "podman", FINDING_OK, "not installed");
		return;
	}
	path = engines_find_podman(file);
	if (path) {
		engines_judge_path(d, "podman", file, path);
		return;
	}
	doctor_add(d, "podman", FINDING_WARN,
		   "no containers.conf has a runtime vmrt: only podman --runtime %s works",
		   engines_self());
	doctor_mend(d,
		    "mkdir -p " ENGINES_PODMAN_D
		    " && printf '[engine.runtimes]\\nvmrt = [\"%%s\"]\\n' %s >" ENGINES_PODMAN_D
		    "/vmrt.conf",
		    engines_self());
}

void doctor_look_at_engines(struct doctor *d)
{
	engines_check_docker(d);
	engines_check_podman(d);
}
