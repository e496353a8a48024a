/* Names of sysctls in config.json -> paths below /proc/sys. */
#ifndef VMRT_OCI_SYSCTL_KEY_H
#define VMRT_OCI_SYSCTL_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define SYSCTL_PATH_BYTES 256

/* "net.ipv4.ip_forward" and "net/ipv4/ip_forward" -> "net/ipv4/ip_forward". As in sysctl(8), the
 * first separator decides; the other character is then part of a name ("net.ipv4.conf.eth0/100.x"
 * is the interface eth0.100). False for a key that names no file below /proc/sys: empty parts,
 * "." and "..", too long. */
bool sysctl_key_path(const char *key, char ret[SYSCTL_PATH_BYTES]);

#endif
