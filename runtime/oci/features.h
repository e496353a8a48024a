/* The features document of `vmrt features` (runtime-spec features.md, features-linux.md).
 *
 * docker 25 and later changes what it asks for by what stands here ("rro"), so a claim is a
 * promise: the caller lists what is *applied*, this file only knows how to say it. */
#ifndef VMRT_OCI_FEATURES_H
#define VMRT_OCI_FEATURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/oci/config_resources.h"

struct oci_features {
	uint32_t hooks;		     /* 1u << enum oci_hook_kind */
	uint32_t mount_option_kinds; /* 1u << enum mount_option_kind */
	uint32_t namespaces;	     /* 1u << enum oci_ns */
	uint64_t capabilities;	     /* UINT64_C(1) << CAP_* */
	bool has_cgroup_v1;
	bool has_cgroup_v2;
	bool has_systemd_cgroup;
	bool has_systemd_user_cgroup;
	bool has_rdma_cgroup;
	bool has_seccomp;
	uint32_t seccomp_actions;      /* 1u << enum oci_seccomp_action */
	uint32_t seccomp_ops;	       /* 1u << enum oci_seccomp_op */
	const uint32_t *seccomp_archs; /* SCMP_ARCH_* */
	size_t seccomp_arch_count;
	uint32_t seccomp_flags_known; /* SECCOMP_FILTER_FLAG_* */
	bool has_apparmor;
	bool has_selinux;
	bool has_intel_rdt;
	bool has_mempolicy;
	bool has_net_devices;
	bool has_idmap;
	struct oci_pairs annotations;	       /* e.g. org.vmrt.version */
	struct oci_strings unsafe_annotations; /* potentiallyUnsafeConfigAnnotations */
};

/* 0 or -errno of the writing. */
int oci_features_write(const struct oci_features *features, FILE *file)
	__attribute__((warn_unused_result));

#endif
