# shellcheck shell=bash
#
# A user of the tests' own, who is not root. Name, subordinate ids, home and devices are there in a mount namespace only:
# nothing of it is on the machine. Its processes are in a pid namespace that ends with the tests of the file.

USER_NAME=vmrt-tester
USER_ID=61000
USER_SUBID=3000000
USER_SUBID_COUNT=65536

rootless_dir() {
	echo "$BATS_FILE_TMPDIR/rootless"
}

# Runs as PID 1 of the namespaces: reaps who has lost his parent.
rootless_hold() {
	local dir=$1 build=$2 file
	for file in passwd group subuid subgid; do
		mount --bind "$dir/$file" "/etc/$file"
	done
	# The tree may be below the machine's own /home.
	mount --bind "$build" "$dir/home/build"
	mount --rbind "$dir/home" /home
	# As udev leaves them: some build machines have them for root alone.
	mount -t tmpfs -o mode=755 tmpfs /dev/net
	mknod -m 666 /dev/net/tun c 10 200
	mount -t proc proc /proc
	# The last: the tests' own directory may be in it.
	cd "$dir"
	mount --bind "$dir/tmp" /tmp
	: >ready
	trap 'exit 0' TERM
	while :; do
		sleep 3600 &
		wait $!
	done
}

# Run from setup_file.
rootless_start() {
	local dir
	dir=$(rootless_dir)
	mkdir -p "$dir/home/build" "$dir/home/$USER_NAME" "$dir/home/run"
	mkdir -m 1777 "$dir/tmp"
	cp /etc/passwd /etc/group "$dir/"
	echo "$USER_NAME:x:$USER_ID:$USER_ID::/home/$USER_NAME:/bin/sh" >>"$dir/passwd"
	echo "$USER_NAME:x:$USER_ID:" >>"$dir/group"
	echo "$USER_NAME:$USER_SUBID:$USER_SUBID_COUNT" | tee "$dir/subuid" >"$dir/subgid"
	chmod 644 "$dir"/{passwd,group,subuid,subgid}
	chown "$USER_ID:$USER_ID" "$dir/home/$USER_NAME" "$dir/home/run"
	chmod 700 "$dir/home/$USER_NAME" "$dir/home/run"
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --pid --fork --kill-child --propagation private bash -c "$(declare -f rootless_hold)"'
		rootless_hold "$@"' bash "$dir" "$BUILD" </dev/null >"$dir/log" 2>&1 3>&- &
	echo $! >"$dir/unshare.pid"
	if ! wait_for "namespaces for the user" test -e "$dir/ready"; then
		cat "$dir/log" >&2
		return 1
	fi
	ps -o pid= --ppid "$(cat "$dir/unshare.pid")" | tr -d ' ' >"$dir/holder.pid"
}

rootless_stop() {
	local dir pid
	dir=$(rootless_dir)
	pid=$(cat "$dir/unshare.pid" 2>/dev/null) || return 0
	kill "$(cat "$dir/holder.pid")" 2>/dev/null || true
	wait_seconds 15 "the user's namespaces end" process_is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
}

# Words that make a command the user's, in his home and with nothing else of the caller's environment: the array USER_CALL.
# The runtime is $USER_VMRT there.
rootless_prepare() {
	local dir
	dir=$(rootless_dir)
	USER_HOME=$dir/home/$USER_NAME
	USER_VMRT=$VMRT
	[ "$VMRT" != "$(realpath "$BUILD/vmrt")" ] || USER_VMRT=/home/build/vmrt
	USER_ENTER=(nsenter --mount --pid --target "$(cat "$dir/holder.pid")")
	USER_CALL=("${USER_ENTER[@]}"
		setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups
		env -C "/home/$USER_NAME" -i HOME="/home/$USER_NAME" USER="$USER_NAME" PATH=/home/build:/usr/bin:/bin:/usr/sbin:/sbin TERM=dumb
		XDG_RUNTIME_DIR=/home/run VMRT="$USER_VMRT")
}

# u COMMAND…: as the user.
u() {
	timeout --foreground -k 5 "$CALL_LIMIT_S" "${USER_CALL[@]}" "$@" 3>&-
}

# ucall COMMAND…: the same without input, for the expect functions.
ucall() {
	ucall_input /dev/null "$@"
}

ucall_input() {
	local input=$1
	shift
	status=0
	OUT=$T/call.out ERR=$T/call.err
	u "$@" <"$input" >"$OUT" 2>"$ERR" || status=$?
}

# Programs of VMs that the user has left behind.
rootless_leftovers() {
	nsenter --mount --pid --target "$(cat "$(rootless_dir)/holder.pid")" ps -eo pid=,stat=,comm= |
		awk '$2 !~ /^Z/ && $3 ~ /^(qemu|virtiofsd|passt|vmrt)/'
	ls -A "$(rootless_dir)/home/run/vmrt" 2>/dev/null
}

rootless_is_clear() {
	[ -z "$(rootless_leftovers)" ]
}

rootless_delete_all() {
	local dir
	for dir in "$(rootless_dir)"/home/run/vmrt/*/; do
		[ ! -d "$dir" ] || u "$USER_VMRT" delete --force "$(basename "$dir")" </dev/null >/dev/null 2>&1 || true
	done
	rootless_is_clear
}

# Also after a failure: what a test leaves must not stand in the way of the next.
rootless_teardown() {
	if ! wait_seconds 15 "nothing of the user's VMs is left" rootless_delete_all; then
		rootless_leftovers >&2
		return 1
	fi
}
