# vmrt and vmrun as a user who is not root: own ids, own files, own namespaces, and what may be missing.

load ../lib/load
# shellcheck source=tests/lib/rootless.bash
source "$TOP/tests/lib/rootless.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"

setup_file() { rootless_start; }
teardown_file() { rootless_stop; }

setup() {
	test_setup
	vm_only "runc has no such front-end, and another way"
	rootless_prepare
	WORK=$USER_HOME/work
	mkdir "$WORK"
	chown "$USER_ID:$USER_ID" "$WORK"
}

teardown() {
	rm -rf "$USER_HOME/work" "$USER_HOME/bundle"
	rootless_teardown
	test_teardown
}

# run_user ARG…: vmrun in the user's folder "work".
run_user() {
	run_user_input /dev/null "$@"
}

run_user_input() {
	local input=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's
	ucall_input "$input" sh -c 'cd work && exec /home/build/vmrun "$@"' sh "$@"
}

owner_of() {
	stat -c %u:%g "$1"
}

# A bundle of the user's own, for vmrt by hand.
user_bundle() {
	cp -a "$BUNDLE" "$USER_HOME/bundle"
	chown -R "$USER_ID:$USER_ID" "$USER_HOME/bundle"
}

@test "vmrun: a user's command has the user's ids, and its files are the user's" {
	echo in >"$T/in"
	# shellcheck disable=SC2016 # the guest's shell expands it
	run_user_input "$T/in" sh -c 'id; echo "$HOME $USER"; pwd; cat; echo diagnosis >&2; echo out >out; mkdir -p a/b; chmod 600 out
		stat -c %u:%g:%a out a; stat -c %u:%g /etc/passwd; exit 42'
	expect_status 42
	expect_err diagnosis
	expect_out "uid=$USER_ID($USER_NAME) gid=$USER_ID($USER_NAME) groups=$USER_ID($USER_NAME)
/home/$USER_NAME $USER_NAME
/home/$USER_NAME/work
in
$USER_ID:$USER_ID:600
$USER_ID:$USER_ID:755
65534:65534"
	expect_equal "$(owner_of "$WORK/out")" "$USER_ID:$USER_ID" "the file's owner"
	expect_equal "$(owner_of "$WORK/a/b")" "$USER_ID:$USER_ID" "the directory's owner"
}

@test "vmrun make, with the programs that the host has" {
	printf 'prog: main.sh\n\tsed s/N/7/ main.sh >prog.new && chmod +x prog.new && mv prog.new prog\n' >"$WORK/Makefile"
	printf '#!/bin/sh\nexit N\n' >"$WORK/main.sh"
	run_user make
	expect_status 0
	expect_equal "$(owner_of "$WORK/prog")" "$USER_ID:$USER_ID" "the program's owner"
	ucall work/prog
	expect_status 7
}

@test "vmrun: changes beside the current directory vanish, whoever makes them" {
	# shellcheck disable=SC2016 # the guest's shell expands it
	run_user -u root sh -ec 'id -u; echo x >/etc/made; mkdir /made; rm /etc/debian_version; mount -t tmpfs none /mnt; echo >root-made
		stat -c %u root-made; cat /etc/shadow' 2>/dev/null
	expect_status 1
	expect_out '0
0'
	expect_err_has 'Permission denied'
	[ ! -e /etc/made ] || expect_failed "nothing made on the host"
	expect_equal "$(owner_of "$WORK/root-made")" "$USER_ID:$USER_ID" "files of root's are the user's as well"
	# shellcheck disable=SC2016 # the guest's shell expands it
	run_user -u 1234:1235 sh -ec 'echo >$HOME/x 2>/dev/null || true; echo x >/var/tmp/x; chmod 700 /var/tmp/x; echo >other; stat -c %u:%g other .'
	expect_status 0
	expect_out '1234:1235
1234:1235'
	expect_equal "$(owner_of "$WORK/other")" "$USER_ID:$USER_ID" "another user's, too"
}

@test "vmrun: --isolated for a user; an archive, whose files are others', is refused" {
	run_user --isolated sh -c '[ ! -e /etc/passwd ] && echo alone'
	expect_status 0
	expect_out alone
	touch "$WORK/archive.tar"
	run_user -r archive.tar true
	expect_status 125
	expect_err_has 'its files belong to users that only root can give them to'
	run_user --dry-run true
	expect_status 125
	expect_err 'vmrun: option --dry-run: the commands would need root'
}

@test "vmrun: statuses, signals and a terminal are as root's" {
	run_user sh -c 'kill -TERM $$'
	expect_status 143
	run_user no-such-command
	expect_status 127
	run_user --timeout 2 sleep 100
	expect_status 124
	OUT=$T/terminal.out ERR=$T/terminal.err status=0
	script_terminal USER_CALL 'size:20x70' 'expect:ready' 'send:yes\r' 'expect:got yes' -- \
		/home/build/vmrun sh -c 'tty; stty size; echo ready; read x; echo got $x; exit 6' >"$OUT" 2>"$ERR" || status=$?
	tr -d '\r' <"$OUT" >"$OUT.lines"
	OUT=$OUT.lines
	expect_out_line '/dev/pts/0'
	expect_out_line '20 70'
	expect_out_line '[status 6] [cooked]'
}

@test "vmrun: files as disks, the user's alone and without a loop device" {
	truncate -s 4M "$WORK/disk" "$WORK/fixed"
	chown "$USER_ID:$USER_ID" "$WORK/disk" "$WORK/fixed"
	# shellcheck disable=SC2016 # the guest's shell expands it
	run_user -u root -D disk -D fixed:ro sh -c 'echo written >/dev/vda; cat /sys/block/vda/ro /sys/block/vdb/ro
		echo x >/dev/vdb || echo refused' 2>/dev/null
	expect_status 0
	expect_out '0
1
refused'
	expect_equal "$(head -n 1 "$WORK/disk" | tr -d '\0')" written "the disk's content"
	expect_equal "$(tr -d '\0' <"$WORK/fixed" | wc -c)" 0 "what is read-only stays"
	run_user -D /etc/shadow true
	expect_status 125
	expect_err "vmrun: option --disk: '/etc/shadow': Permission denied"
}

@test "vmrt by hand: every verb finds the user's container, whose processes have ids of their own" {
	local pid
	UID_FIRST=$USER_SUBID
	user_bundle
	jq '.process.args = ["/payload", "ready"]' <"$BUNDLE/config.json" >"$USER_HOME/bundle/config.json"
	# shellcheck disable=SC2016 # the inner shell's
	ucall sh -c 'exec "$VMRT" run -d --bundle bundle --pid-file work/pid "$0" >work/out' "$ID"
	expect_status 0
	[ -s "$WORK/pid" ] || expect_failed "a pid-file"
	wait_for "the process" file_has "$WORK/out" ready
	[ -e "$USER_HOME/../run/vmrt/$ID/state.json" ] || expect_failed "the state in XDG_RUNTIME_DIR"
	ucall "$USER_VMRT" state "$ID"
	expect_equal "$(jq -r .status "$OUT")" running
	ucall "$USER_VMRT" list -q
	expect_out "$ID"
	ucall_input <(echo in) "$USER_VMRT" exec "$ID" sh -c 'cat; id -u; exit 9'
	expect_status 9
	expect_out 'in
0'
	ucall "$USER_VMRT" ps "$ID"
	expect_out_has 'payload ready'
	ucall "$USER_VMRT" pause "$ID"
	expect_status 0
	ucall "$USER_VMRT" resume "$ID"
	expect_status 0
	pid=$(monitor_on_host "$ID")
	expect_equal "$(status_field "$pid" Uid)" "$USER_ID $USER_ID $USER_ID $USER_ID" "monitor: the user"
	expect_caps "$pid" monitor "$MONITOR_CAPS"
	expect_filtered "$pid" monitor
	expect_own_namespaces "$pid" monitor $$ user mnt pid ipc uts net
	expect_qemu_confined "$(child_named "$pid" qemu)" "$pid"
	expect_virtiofsd_confined "$(child_named "$pid" virtiofsd)" "$pid"
	ucall "$USER_VMRT" kill "$ID" CONT
	expect_status 0
	# A process in the container's pid namespace that nobody reaps for a while: until then its first one cannot end.
	nsenter --target "$pid" --pid --no-fork sh -c 'sleep 1000 & exec sleep 6' </dev/null >/dev/null 2>&1 3>&- &
	wait_for "it to be there" pgrep -P $! sleep
	kill -KILL "$pid"
	wait_for "a monitor of no namespace" has_no_namespaces "$pid"
	ucall "$USER_VMRT" delete --force "$ID"
	expect_err ""
	expect_status 0
	wait $! || true
	[ ! -e "$USER_HOME/../run/vmrt/$ID" ] || expect_failed "no state"
}

has_no_namespaces() {
	! stat -L "/proc/$1/ns/mnt" >/dev/null 2>&1
}

# The monitor's pid as the tests see it: that of a container which this file's processes have left to their first one.
monitor_on_host() {
	ps -o pid=,comm= --ppid "$(cat "$(rootless_dir)/holder.pid")" | while read -r pid comm; do
		[ "$comm" = vmrt-monitor ] || continue
		[ "$(status_field "$pid" Uid)" = "$USER_ID $USER_ID $USER_ID $USER_ID" ] && echo "$pid" && break
	done
}

@test "vmrt run with the mapping that runc spec --rootless makes: root inside is the user" {
	user_bundle
	jq --argjson id "$USER_ID" '.process.args = ["/bin/sh", "-c", "id -u; cat /proc/self/uid_map; echo >/made; stat -c %u:%g /made"] |
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] |
		.linux.gidMappings = .linux.uidMappings' <"$BUNDLE/config.json" >"$USER_HOME/bundle/config.json"
	ucall "$USER_VMRT" run --bundle bundle "$ID"
	expect_status 0
	expect_out "0
         0 $(printf '%10s' "$USER_ID")          1
0:0"
	expect_equal "$(owner_of "$USER_HOME/bundle/rootfs/made")" "$USER_ID:$USER_ID" "the file's owner"
}

@test "vmrt run in a namespace that somebody else has made" {
	user_bundle
	jq '.process.args = ["/bin/sh", "-c", "id -u; echo >/made; chown 5:6 /made"]' <"$BUNDLE/config.json" >"$USER_HOME/bundle/config.json"
	ucall unshare --user --map-root-user --map-auto "$USER_VMRT" run --bundle bundle "$ID"
	expect_status 0
	expect_out 0
	expect_equal "$(owner_of "$USER_HOME/bundle/rootfs/made")" "$((USER_SUBID + 4)):$((USER_SUBID + 5))" "the file's owner"
	ucall unshare --user --map-root-user "$USER_VMRT" run --bundle bundle "$ID"
	expect_status 1
	expect_err_has 'this user namespace has no id that can be QEMU'
}

# In a mount namespace with one file in place of another.
with_file() {
	local text=$1 over=$2
	printf '%s' "$text" >"$T/instead"
	chmod 644 "$T/instead"
	shift 2
	status=0
	OUT=$T/call.out ERR=$T/call.err
	# shellcheck disable=SC2016 # the inner shell's
	nsenter --mount --pid --target "$(cat "$(rootless_dir)/holder.pid")" unshare --mount sh -c \
		'rm -f /home/instead && cat >/home/instead && { [ "$(head -c 2 /home/instead)" != "#!" ] || chmod 755 /home/instead; } &&
			mount --bind /home/instead "$0" && exec "$@"' "$over" \
		"${USER_CALL[@]:${#USER_ENTER[@]}}" "$@" <"$T/instead" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# with_sysctl NAME VALUE COMMAND…: on a host that has kernel.NAME, and no other of these.
with_sysctl() {
	status=0
	OUT=$T/call.out ERR=$T/call.err
	# shellcheck disable=SC2016 # the inner shell's
	nsenter --mount --pid --target "$(cat "$(rootless_dir)/holder.pid")" unshare --mount sh -c \
		'mount -t tmpfs none /proc/sys/kernel && echo "$2" >"/proc/sys/kernel/$1" && shift 2 && exec "$@"' sh "$1" "$2" \
		"${USER_CALL[@]:${#USER_ENTER[@]}}" "${@:3}" </dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
}

@test "what is missing for users has one line with the command that mends it" {
	user_bundle
	with_file '' /etc/subuid /home/build/vmrun id
	expect_status 125
	expect_err "the user '$USER_NAME' has no subordinate ids in /etc/subuid: usermod --add-subuids $((USER_SUBID + USER_SUBID_COUNT))-$((USER_SUBID + 2 * USER_SUBID_COUNT - 1)) --add-subgids $((USER_SUBID + USER_SUBID_COUNT))-$((USER_SUBID + 2 * USER_SUBID_COUNT - 1)) $USER_NAME"
	with_file '' /usr/bin/newuidmap "$USER_VMRT" run --bundle "/home/$USER_NAME/bundle" x
	expect_status 1
	expect_err_has 'newuidmap is not installed: apt-get install uidmap'
	# What it leaves behind has its stderr, and is not waited for.
	with_file $'#!/bin/sh\nsleep 1000 &\necho "no reason" >&2\nexit 1\n' /usr/bin/newuidmap timeout 60 "$USER_VMRT" run \
		--bundle "/home/$USER_NAME/bundle" x
	expect_status 1
	expect_err_has 'newuidmap failed: no reason'
	with_file 0 /proc/sys/user/max_user_namespaces "$USER_VMRT" run --bundle "/home/$USER_NAME/bundle" x
	expect_status 1
	expect_err_has 'this host allows no user namespaces: sysctl -w user.max_user_namespaces='
	with_sysctl unprivileged_userns_clone 0 "$USER_VMRT" run --bundle "/home/$USER_NAME/bundle" x
	expect_status 1
	expect_err_has 'this host allows user namespaces to root only: sysctl -w kernel.unprivileged_userns_clone=1'
	with_sysctl apparmor_restrict_unprivileged_userns 1 "$USER_VMRT" run --bundle "/home/$USER_NAME/bundle" x
	expect_status 1
	expect_err_has 'a profile: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
	with_file 0 /proc/sys/user/max_user_namespaces "$USER_VMRT" doctor --json
	expect_equal "$(jq -r '.[] | select(.check == "users") | .status' "$OUT")" fail
	ucall "$USER_VMRT" doctor --json
	expect_equal "$(jq -r '.[] | select(.check == "users") | .status' "$OUT")" ok
}

@test "without XDG_RUNTIME_DIR there is a private directory, and none is taken that is somebody else's" {
	ucall env -u XDG_RUNTIME_DIR /home/build/vmrun echo inside
	expect_status 0
	expect_out inside
	expect_equal "$(stat -c %u:%a "$(rootless_dir)/tmp/vmrt-$USER_ID")" "$USER_ID:700" "the directory"
	# What runs keeps the cleaners of /tmp away.
	user_bundle
	jq '.process.args = ["/payload", "ready"]' <"$BUNDLE/config.json" >"$USER_HOME/bundle/config.json"
	ucall env -u XDG_RUNTIME_DIR "$USER_VMRT" create --bundle bundle "$ID"
	expect_status 0
	! flock --exclusive --nonblock "$(rootless_dir)/tmp/vmrt-$USER_ID" true || expect_failed "a lock"
	ucall env -u XDG_RUNTIME_DIR "$USER_VMRT" delete --force "$ID"
	expect_status 0
	flock --exclusive --nonblock "$(rootless_dir)/tmp/vmrt-$USER_ID" true
	rm -r "$(rootless_dir)/tmp/vmrt-$USER_ID"
	mkdir -m 777 "$(rootless_dir)/tmp/vmrt-$USER_ID"
	ucall env -u XDG_RUNTIME_DIR /home/build/vmrun true
	expect_status 125
	expect_err "vmrun: '/tmp/vmrt-$USER_ID' is not a directory that only this user can enter: set XDG_RUNTIME_DIR to one"
	rmdir "$(rootless_dir)/tmp/vmrt-$USER_ID"
}

@test "a directory that others can write to is not taken for the user's, nor what is planted in it" {
	local dir verb
	dir=$(rootless_dir)/tmp/shared
	mkdir -m 1777 "$dir"
	# As another user could: a container whose end is a program to run.
	mkdir -p "$dir/vmrt/c"
	echo '{"ociVersion": "1.2.0", "hooks": {"poststop": [{"path": "/usr/bin/touch", "args": ["touch", "/tmp/planted"]}]}}' \
		>"$dir/vmrt/c/config.json"
	echo '{"ociVersion": "1.2.0", "id": "c", "status": "stopped", "pid": 0, "bundle": "/tmp"}' >"$dir/vmrt/c/state.json"
	echo 4000000 1 >"$dir/vmrt/c/monitor.pid"
	chmod -R a+rX "$dir/vmrt"
	for verb in 'delete c' 'state c' list 'run x'; do
		# shellcheck disable=SC2086 # two words
		ucall env XDG_RUNTIME_DIR=/tmp/shared "$USER_VMRT" $verb
		expect_status 1
		expect_err "XDG_RUNTIME_DIR: '/tmp/shared' is not a directory of this user's that nobody else can write to"
	done
	[ ! -e "$(rootless_dir)/tmp/planted" ] || expect_failed "no program of another's"
	chown "$USER_ID" "$dir"
	chmod 755 "$dir"
	ucall env XDG_RUNTIME_DIR=/tmp/shared "$USER_VMRT" state c
	expect_status 1
	expect_err "'/tmp/shared/vmrt' is not a directory of this user's that nobody else can write to"
	rm -r "$dir"
	ucall env XDG_RUNTIME_DIR=work "$USER_VMRT" list
	expect_status 1
	expect_err "XDG_RUNTIME_DIR: 'work' is not an absolute path"
}
