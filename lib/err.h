/* Errors as values: a fixed-size text that travels up by reference until somebody shows it.
 *
 * A function that can fail for a reason a person will read takes `struct err *` last, fills it
 * and returns a negative errno. It must not log as well: whoever ends the error's way logs it. */
#ifndef VMRT_LIB_ERR_H
#define VMRT_LIB_ERR_H

#define ERR_TEXT_BYTES	       1024
#define VMRT_MUST_CHECK	       __attribute__((warn_unused_result))
#define VMRT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

struct err {
	char text[ERR_TEXT_BYTES]; /* one line, lower case, no newline; cut at the size */
};

/* Stores the formatted text and returns `code` (a negative errno) so that a caller can write
 * `return err_set(e, -EINVAL, "...")`. The text is all there is: nothing is appended. Control
 * characters are replaced, so that foreign input cannot break a log line. */
int err_set(struct err *e, int code, const char *fmt, ...) VMRT_PRINTF(3, 4);

/* As err_set(), with ": <the errno's text>" appended. Texts that container engines take for a
 * statement about the *user's* program ("no such file or directory", "permission denied") are
 * replaced by others: use it for vmrt's own files. ENGINE-CONTRACT: engines map substrings. */
int err_sys(struct err *e, int code, const char *fmt, ...) VMRT_PRINTF(3, 4);

/* Puts "<formatted>: " before the text that is there. Returns `code` unchanged. */
int err_prefix(struct err *e, int code, const char *fmt, ...) VMRT_PRINTF(3, 4);

#endif
