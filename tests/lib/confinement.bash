# shellcheck shell=bash
#
# What the processes of a container may do on the host, read from /proc. docs/SECURITY.md says why.

# Capability masks: NET_ADMIN, KILL, SYS_RESOURCE, IPC_LOCK for the monitor; for virtiofsd CHOWN, DAC_OVERRIDE,
# DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, MKNOD, SETFCAP.
MONITOR_CAPS=0x1005020
VIRTIOFSD_CAPS=0x880000df
UID_FIRST=1879048192

# status_field PID NAME: the words of one line of /proc/PID/status.
status_field() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '[:space:]' ' ' | sed 's/ $//'
}

namespace_of() {
	readlink "/proc/$1/ns/$2"
}

child_named() {
	ps -o pid=,comm= --ppid "$1" | awk -v name="$2" 'index($2, name) == 1 { print $1 }'
}

# expect_caps PID ROLE MASK: no set has more than the mask; what a process can pass on is empty.
expect_caps() {
	local set value
	for set in CapPrm CapEff; do
		value=$((16#$(status_field "$1" "$set")))
		((value & ~$3)) && expect_failed "$2: $set within $3, got $(printf %#x "$value")"
	done
	for set in CapInh CapAmb; do
		expect_equal "$(status_field "$1" "$set")" 0000000000000000 "$2: $set"
	done
	expect_equal "$(status_field "$1" NoNewPrivs)" 1 "$2: no_new_privs"
}

# Of every thread: they share their memory, and one without a filter is a way around it.
expect_filtered() {
	local task
	for task in "/proc/$1/task"/*; do
		expect_equal "$(status_field "$1/task/${task##*/}" Seccomp)" 2 "$2: a filter of system calls, thread ${task##*/}"
		expect_equal "$(status_field "$1/task/${task##*/}" NoNewPrivs)" 1 "$2: no_new_privs, thread ${task##*/}"
	done
}

expect_no_groups() {
	expect_equal "$(status_field "$1" Groups)" "" "$2: groups"
}

# expect_own_namespaces PID ROLE OTHER-PID NAMESPACE…: none of them is the other process's.
expect_own_namespaces() {
	local pid=$1 role=$2 other=$3 name
	shift 3
	for name in "$@"; do
		[ "$(namespace_of "$pid" "$name")" != "$(namespace_of "$other" "$name")" ] ||
			expect_failed "$role: a $name namespace of its own"
	done
}

# expect_fds PID ROLE REGEX: every descriptor is one of these.
expect_fds() {
	local fd target
	for fd in "/proc/$1/fd"/*; do
		target=$(readlink "$fd") || continue
		[[ $target =~ ^($3)$ ]] || expect_failed "$2: no descriptor like '$target' (${fd##*/})"
	done
}

# expect_mounts PID ROLE REGEX: every mount point is one of these.
expect_mounts() {
	local point
	while read -r point; do
		[[ $point =~ ^($3)$ ]] || expect_failed "$2: no mount at '$point'"
	done < <(awk '{ print $5 }' "/proc/$1/mountinfo")
}

expect_limit() {
	expect_equal "$(sed -n "s/^$3 \{2,\}[^ ]* *\([^ ]*\).*/\1/p" "/proc/$1/limits")" "$4" "$2: $3"
}

expect_qemu_confined() {
	local pid=$1 monitor=$2 id bad
	id=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
	((id >= UID_FIRST)) || expect_failed "qemu: a uid of its own, got $id"
	expect_equal "$(status_field "$pid" Uid)" "$id $id $id $id" "qemu: uids"
	expect_equal "$(status_field "$pid" Gid)" "$id $id $id $id" "qemu: gids"
	expect_equal "$(status_field "$pid" Groups)" "" "qemu: groups"
	expect_caps "$pid" qemu 0
	expect_equal "$(status_field "$pid" CapBnd)" 0000000000000000 "qemu: bounding set"
	expect_filtered "$pid" qemu
	expect_own_namespaces "$pid" qemu $$ mnt pid ipc uts
	expect_own_namespaces "$pid" qemu "$monitor" mnt
	expect_limit "$pid" qemu 'Max core file size' 0
	expect_limit "$pid" qemu 'Max locked memory' 0
	expect_limit "$pid" qemu 'Max open files' 1024
	expect_limit "$pid" qemu 'Max processes' 256
	expect_mounts "$pid" qemu \
		'/|/usr|/lib(64|32)?|/bin|/nix/store|/gnu/store|/etc/(ld\.so\.cache|alternatives|resolv\.conf)|/kernel|/initramfs|/backlog\.so|/ports|/memory'
	# The memory of a machine that began from a template is a file of its own.
	bad=$(awk '($6 !~ /^ro(,|$)/ && !($5 == "/memory" && $6 ~ /nodev/ && $6 ~ /noexec/)) || $6 !~ /nosuid/ { print $5, $6 }' "/proc/$pid/mountinfo")
	expect_equal "$bad" "" "qemu: mounts that are not read-only"
	expect_fds "$pid" qemu \
		'/null|/dev/null|pipe:.*|socket:.*|anon_inode:.*|/net/tun|/dev/net/tun|/memfd:memory-backend-memfd.*|/memory/ram|.*/vmrt-host/uids/[0-9]+|.*ports/(stdin|stdout|stderr|[0-9]+\.std[a-z]+)\.(in|out)( \(deleted\))?|/kvm|anon_inode:kvm-.*|/dev/vhost-net|/vhost-net'
}

expect_virtiofsd_confined() {
	local waiting=$1 monitor=$2 server
	server=$(ps -o pid= --ppid "$waiting" | tr -d ' ')
	[ -n "$server" ] || server=$waiting
	# The C version's waits for it and does nothing else.
	[ "$server" = "$waiting" ] || expect_caps "$waiting" "virtiofsd's parent" 0
	expect_filtered "$waiting" "virtiofsd's parent"
	expect_caps "$server" virtiofsd "$VIRTIOFSD_CAPS"
	expect_filtered "$server" virtiofsd
	expect_no_groups "$server" virtiofsd
	expect_own_namespaces "$server" virtiofsd "$monitor" mnt pid net
	expect_limit "$server" virtiofsd 'Max core file size' 0
	expect_mounts "$server" virtiofsd '/|/rootfs(/.*)?|/mounts/[0-9]+(/.*)?'
	expect_equal "$(awk '$6 !~ /nodev/ { print $5, $6 }' "/proc/$server/mountinfo")" "" "virtiofsd: no devices"
	expect_fds "$server" virtiofsd \
		'/|/null|pipe:.*|socket:.*|anon_inode:.*|/rootfs(/.*)?|/mounts(/.*)?|/[0-9]+(/.*)?|/proc/.*|/memfd:.*|(/memory)?/ram'
}

# expect_confined PID STATE-ROOT [STDIO]: the monitor and what it started; STDIO, a pattern, is where output goes.
# A directory in a mount of its own shows as "/".
expect_confined() {
	local pid=$1 stdio=${3-/dev/null}
	expect_equal "$(status_field "$pid" Uid)" "0 0 0 0" "monitor: uid"
	expect_caps "$pid" monitor "$MONITOR_CAPS"
	(((16#$(status_field "$pid" CapBnd) & ~MONITOR_CAPS) == 0)) || expect_failed "monitor: bounding set"
	expect_filtered "$pid" monitor
	expect_no_groups "$pid" monitor
	expect_own_namespaces "$pid" monitor $$ mnt pid ipc uts net
	# Its root is the container's, and no path of the host leads anywhere.
	[ -e "/proc/$pid/root/payload" ] || expect_failed "monitor: the container's root"
	[ ! -e "/proc/$pid/root$TOP" ] || expect_failed "monitor: nothing of the host"
	expect_equal "$(awk '$5 == "/" && $6 !~ /nodev/ { print $5, $6 }' "/proc/$pid/mountinfo")" "" "monitor: no devices"
	expect_equal "$(ls "/proc/$pid/root/proc" | grep -vE '^([0-9]+|self|thread-self)$')" "" "monitor: no sysctls in /proc"
	expect_fds "$pid" monitor \
		"/null|/dev/null|pipe:.*|socket:.*|anon_inode:.*|.*/vmrt-host/uids/[0-9]+|(/dev/pts)?/[0-9]+|$2/[^/]+/log|/|/ports(/.*)?|$stdio"
	expect_qemu_confined "$(child_named "$pid" qemu)" "$pid"
	expect_virtiofsd_confined "$(child_named "$pid" virtiofsd)" "$pid"
}

# expect_exec_confined PID [STDIO]: the host process of an exec session. It is in the host's namespaces but for the pids, and
# has no system call to open, mount or connect with: what it holds is what it can reach.
expect_exec_confined() {
	expect_equal "$(status_field "$1" Uid)" "0 0 0 0" "exec: uid"
	expect_caps "$1" exec 0
	expect_equal "$(status_field "$1" CapBnd)" 0000000000000000 "exec: bounding set"
	expect_filtered "$1" exec
	expect_own_namespaces "$1" exec $$ pid
	expect_fds "$1" exec "/dev/null|pipe:.*|socket:.*|anon_inode:.*|(/dev/pts)?/[0-9]+${2:+|$2}"
}

# expect_passt_confined PID MONITOR: the user-mode network's process.
expect_passt_confined() {
	local id
	id=$(awk '/^Uid:/ { print $2 }' "/proc/$1/status")
	[ "$id" != 0 ] || expect_failed "passt: no root"
	expect_no_groups "$1" passt
	expect_equal "$(status_field "$1" CapEff)" 0000000000000000 "passt: capabilities"
	expect_filtered "$1" passt
	expect_own_namespaces "$1" passt "$2" mnt ipc uts user
	expect_own_namespaces "$1" passt $$ pid
	expect_equal "$(ls -A "/proc/$1/root")" "" "passt: an empty root"
	expect_fds "$1" passt '/dev/null|/null|pipe:.*|socket:.*|anon_inode:.*'
}
