/* Does /dev/kvm run an ordinary kernel? Tried in a throw-away VM in a child process.
 *
 * Some hosts have a /dev/kvm that accepts a VM and then never gets anywhere (PVM-type KVM). The
 * child is killed after a second: the caller never hangs. Must not know QEMU. */
#ifndef VMRT_VM_KVMPROBE_H
#define VMRT_VM_KVMPROBE_H

#include <stdbool.h>
#include <stddef.h>

/* True when KVM works. Else `ret_reason` gets one line that says what failed. */
bool kvm_probe(char *ret_reason, size_t reason_bytes);

#endif
