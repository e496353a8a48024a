# shellcheck shell=bash
#
# Bundles: a root file system of busybox and the payload, and a config.json made from the tree's sample.

# The capabilities docker gives by default.
DOCKER_CAPABILITIES='["CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FSETID","CAP_FOWNER","CAP_MKNOD","CAP_NET_RAW","CAP_SETGID",
	"CAP_SETUID","CAP_SETFCAP","CAP_SETPCAP","CAP_NET_BIND_SERVICE","CAP_SYS_CHROOT","CAP_KILL","CAP_AUDIT_WRITE"]'

# One root file system per run; bundles get hard links to its programs, which no test may write to.
rootfs_master() {
	local master=$BATS_RUN_TMPDIR/rootfs
	if [ ! -d "$master" ]; then
		mkdir "$master.new"
		rootfs_fill "$master.new"
		mv -T "$master.new" "$master"
	fi
	echo "$master"
}

rootfs_fill() {
	local root=$1 applet busybox
	busybox=$(command -v busybox)
	mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc,dev,proc,sys,root,home,mnt,data,var}
	mkdir -m 1777 "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	cp "$BUILD/payload" "$BUILD/stale-a" "$BUILD/stale-b" "$root/"
	ln -s ../payload "$root/bin/payload"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$root/etc/group"
	echo 'plain text' >"$root/etc/notes"
}

# A bundle of its own in directory $1; sets BUNDLE and ROOTFS. Its process is the payload, ending with 0 and no output.
bundle_new() {
	BUNDLE=$1
	ROOTFS=$BUNDLE/rootfs
	mkdir -p "$BUNDLE"
	cp -al "$(rootfs_master)" "$ROOTFS"
	# Files that tests change must not be the master's.
	local file
	for file in passwd group notes; do
		cp --remove-destination "$(rootfs_master)/etc/$file" "$ROOTFS/etc/$file"
	done
	jq --argjson caps "$DOCKER_CAPABILITIES" '
		.process = {
			terminal: false, user: {uid: 0, gid: 0}, args: ["/payload", "exit", "0"], cwd: "/",
			env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
			capabilities: {bounding: $caps, effective: $caps, permitted: $caps}, noNewPrivileges: false
		} |
		.root = {path: "rootfs"} | .hostname = "guest" |
		del(.hooks, .annotations, .vm, .linux.seccomp, .linux.resources, .linux.cgroupsPath)' \
		"${VMRT_TEST_SAMPLE:-$TOP/config.json.sample}" >"$BUNDLE/config.json"
}

# config FILTER [JQ-OPTION…]: changes config.json.
config() {
	local filter=$1
	shift
	jq "$filter" "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new"
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# Sets the program to run.
args() {
	# shellcheck disable=SC2016 # jq's variable
	config '.process.args = $ARGS.positional' --args -- "$@"
}

# bind SOURCE DESTINATION [OPTION…]
bind() {
	local source=$1 destination=$2
	shift 2
	# shellcheck disable=SC2016 # jq's variables
	config '.mounts += [{destination: $d, source: $s, type: "bind", options: (["bind"] + $ARGS.positional)}]' \
		--arg d "$destination" --arg s "$source" --args -- "$@"
}

# settings JSON: the administrator's file, with what this run's has.
settings() {
	jq -s '.[0] * .[1]' <(cat "${VMRT_CONFIG:-/etc/vmrt/vmrt.json}" 2>/dev/null || echo '{}') - <<<"$1" >"$T/settings.new"
	mv "$T/settings.new" "$T/settings.json"
	export VMRT_CONFIG=$T/settings.json
}
