/* guest.h: what the programs inside the guest share: TAP lines, the word with the host, the tests.
 */
#ifndef TESTS_KERNEL_GUEST_H
#define TESTS_KERNEL_GUEST_H

#include <stdbool.h>

/* Prints "ok N - name" or "not ok N - name" to the console. */
void tap_result(bool is_ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a "# ..." line. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Asks the host to do ACTION in the shared folder (tests/kernel/run has the list); returns when
 * done. */
void host_do(const char *action);

/* Runs PATH without arguments; its exit status, 128 + signal, or -1. */
int run_program(const char *path);

/* Where the shared folder is mounted. */
#define SHARE "/share"

/* The tests. Each prints the same number of results whatever happens. */
void test_stale(void);
void test_stale_control(void);
void test_coherence(void);
void test_keeps_pages(void);
void test_drops_pages(void);
void test_features(void);
void test_links(void);
void test_access(void);
void test_hold(void);
void test_config(void);
void test_exec_speed(void);
void test_panic(void);

#endif
