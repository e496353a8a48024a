/* The words container engines know from runc: Go's texts of errno values and Go's quoting. */
#ifndef VMRT_INIT_WORDING_H
#define VMRT_INIT_WORDING_H

#include <stddef.h>

/* The text Go prints for an errno (positive), which engines search for substrings. */
const char *wording_errno(int number);

/* Writes `text` in double quotes with Go's escapes; cut to fit, always terminated. Returns `to`. */
char *wording_quote(char *to, size_t room, const char *text);

#endif
