# The seccomp profile of config.json as the process meets it. What a profile compiles to is tests/unit/test_seccomp.c's.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# x86-64's numbers; the call is harmless and nothing else makes it.
GETPGRP=111 GETPGRP32=65 PERSONALITY=135 MOUNT=165 KEXEC_LOAD=246 CLONE3=435

# seccomp DEFAULT [RULE…]
seccomp() {
	local default=$1 rules
	shift
	rules=$(printf '%s\n' "$@" | jq -s .)
	# shellcheck disable=SC2016 # jq's variables
	config '.linux.seccomp = {defaultAction: $d, syscalls: $r,
		architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}' --arg d "$default" --argjson r "$rules"
}

@test "without a profile every call is the kernel's" {
	run_container /payload syscall "$GETPGRP"
	expect_out ok
	run_container /payload show /proc/self/status
	expect_out_line "Seccomp:	0"
}

@test "a denied call gets its error, the others none" {
	seccomp SCMP_ACT_ALLOW '{"names": ["getpgrp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71}' \
		'{"names": ["uname"], "action": "SCMP_ACT_ERRNO"}'
	run_container /bin/sh -c 'payload syscall '$GETPGRP'; payload syscall 63; payload syscall 39; grep Seccomp: /proc/self/status'
	expect_status 0
	expect_out "EPROTO
EPERM
ok
Seccomp:	2"
}

@test "the 32-bit calls of the same machine are filtered too" {
	seccomp SCMP_ACT_ALLOW '{"names": ["getpgrp"], "action": "SCMP_ACT_ERRNO"}'
	run_container /bin/sh -c "payload syscall32 $GETPGRP32; payload syscall32 20"
	expect_status 0
	expect_out "EPERM
ok"
}

@test "arguments are compared" {
	seccomp SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO",
		"args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}'
	run_container /bin/sh -c "payload syscall $PERSONALITY 8; payload syscall $PERSONALITY 0"
	expect_out "EPERM
ok"
}

@test "a call that kills ends the container with SIGSYS" {
	seccomp SCMP_ACT_ALLOW '{"names": ["getpgrp"], "action": "SCMP_ACT_KILL_PROCESS"}'
	run_container /payload syscall "$GETPGRP"
	expect_status 159
	seccomp SCMP_ACT_ALLOW '{"names": ["getpgrp"], "action": "SCMP_ACT_TRAP"}'
	run_container /payload syscall "$GETPGRP"
	expect_status 159
}

@test "with noNewPrivileges the filter only has to let the program in" {
	config '.process.noNewPrivileges = true | .process.user.uid = 1000'
	# setgroups and the like, which set the process up, are not in the list.
	seccomp SCMP_ACT_ALLOW '{"names": ["setgroups", "setresuid", "setresgid", "capset", "getpgrp"], "action": "SCMP_ACT_ERRNO"}'
	run_container /bin/sh -c "id -u; payload syscall $GETPGRP"
	expect_status 0
	expect_out "1000
EPERM"
}

@test "a filter that was loaded early leaves the way to the program and its errors open" {
	seccomp SCMP_ACT_ALLOW '{"names": ["sendto", "sendmsg", "close_range"], "action": "SCMP_ACT_KILL_PROCESS"}'
	args /payload sleep 1000
	launch
	call exec "$ID" /payload syscall "$GETPGRP"
	expect_status 0
	expect_out ok
	call exec "$ID" /no/such/program
	expect_status 255
	expect_err_has "stat /no/such/program: no such file or directory"
	rt delete --force "$ID"
	run_container /no/such/program
	expect_status 1
	expect_err_has "/no/such/program"
}

@test "docker's default profile holds" {
	config '.linux.seccomp = $profile' --argjson profile "$(jq .linux.seccomp "$TOP/tests/unit/data-oci/docker-run-it.config.json")"
	run_container /bin/sh -c "payload syscall $MOUNT; payload syscall $PERSONALITY 4660; payload syscall $CLONE3; payload syscall 1000"
	expect_status 0
	# clone3 is ENOSYS in it, and so is every call the profile cannot know.
	expect_out "EPERM
EPERM
ENOSYS
ENOSYS"
}

@test "podman's default profile holds" {
	config '.linux.seccomp = $profile' --argjson profile "$(jq .linux.seccomp "$TOP/tests/unit/data-oci/podman-run-it.config.json")"
	run_container /bin/sh -c "payload syscall $KEXEC_LOAD; payload syscall $PERSONALITY 4660; payload syscall 1000"
	expect_status 0
	expect_out "EPERM
ENOSYS
ENOSYS"
}

@test "a notifying profile is refused by name" {
	vm_only "runc serves it"
	seccomp SCMP_ACT_ALLOW '{"names": ["getpgrp"], "action": "SCMP_ACT_NOTIFY"}'
	config '.linux.seccomp.listenerPath = "/run/listener"'
	create
	expect_refusal "config.json: linux.seccomp.listenerPath: system calls of a VM cannot be handed to a host process"
}
