/* TOML, translated: the rest of vmrun reads JSON. */
#ifndef VMRUN_TOML_H
#define VMRUN_TOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `text` as JSON, owned by the caller (free(3)). NULL if it is no TOML: then `error` says where and
 * why, in one line. */
char *toml_to_json(const char *text, size_t size, char *error, size_t error_room);

#ifdef __cplusplus
}
#endif

#endif
