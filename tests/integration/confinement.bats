# What each live process of a container may do on the host, read from /proc while it runs.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"

setup() { test_setup; }
teardown() { test_teardown; }

exec_begun() {
	[ -s "$T/exec.pid" ]
}

@test "monitor, QEMU, virtiofsd and an exec's process have given up what they do not need" {
	vm_only "it has none of them"
	local other_root=$T/second other_pid
	mkdir "$T/data"
	bind "$T/data" /data
	args /payload ready
	launch ready
	expect_confined "$PID" "$ROOT" "$T/(exec\\.)?(out|err)"
	"$BUILD/subreap" --report "$T/exec.reaped" "$VMRT" --root "$ROOT" exec --detach --pid-file "$T/exec.pid" \
		"$ID" /bin/sleep 100 </dev/null >"$T/exec.out" 2>&1 3>&- &
	wait_for "an exec's pid" exec_begun
	expect_exec_confined "$(cat "$T/exec.pid")" "$T/exec.out"
	# After an exec session there are more descriptors, of the same kinds.
	expect_confined "$PID" "$ROOT" "$T/(exec\\.)?(out|err)"
	# No two QEMUs are the same user.
	"$VMRT" --root "$other_root" run -d --bundle "$BUNDLE" --pid-file "$T/other.pid" "$ID-2" </dev/null >/dev/null 2>&1 3>&-
	other_pid=$(cat "$T/other.pid")
	[ "$(status_field "$(child_named "$PID" qemu)" Uid)" != "$(status_field "$(child_named "$other_pid" qemu)" Uid)" ] ||
		expect_failed "different users"
	"$VMRT" --root "$other_root" delete --force "$ID-2"
	rm -rf "$other_root"
}

@test "a range of one uid has room for one container, and again when it was killed" {
	vm_only "it has no such thing"
	# No other run of the tests' on this machine has the same.
	local id=$((1990000000 + $$ % 9000000))
	jq -n --argjson id "$id" '{"uid-first": $id, "uid-count": 1}' >"$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
	args /payload ready
	launch ready
	expect_equal "$(status_field "$(child_named "$PID" qemu)" Uid)" \
		"$id $id $id $id" "the uid of the settings"
	"$VMRT" --root "$ROOT" run --bundle "$BUNDLE" "$ID-2" </dev/null >"$T/second" 2>&1 3>&- &&
		expect_failed "no room for a second"
	grep -qF "all of the 1 uids from $id on are taken (settings: uid-count)" "$T/second" ||
		expect_failed "a message about the range" "$(cat "$T/second")"
	kill -KILL "$PID"
	wait_exit
	rt delete --force "$ID"
	run_container /payload say again
	expect_out again
}

# What a program of QEMU's user finds in QEMU's place ($QEMU: its own threads). The filter of system calls forbids more.
as_qemu() {
	local qemu id
	qemu=$(child_named "$PID" qemu)
	id=$(awk '/^Uid:/ { print $2 }' "/proc/$qemu/status")
	nsenter --target "$qemu" --mount --pid --ipc --net --setuid "$id" --setgid "$id" -- \
		/usr/bin/env QEMU=" $(cat "/proc/$qemu/task"/*/status | awk '/^NSpid:/ { printf "%s ", $NF }')" /usr/bin/bash -c "$1"
}

@test "who has taken QEMU over writes nothing but its pipes, and signals nobody" {
	vm_only "there is none"
	args /payload ready
	launch ready
	# Its root has no /dev/null either.
	as_qemu '
		shopt -s nullglob dotglob
		exec 2>&-
		for place in / /usr /usr/bin /etc /ports /memory /dev /kernel /initramfs; do
			(: >"$place/x") && echo "wrote below $place"
			(: >>"$place") && echo "wrote to $place"
		done
		for pid in {1..50}; do
			[ "$pid" != $$ ] && kill -0 "$pid" && [[ $QEMU != *" $pid "* ]] && echo "may signal $pid"
		done
		kill -KILL 1 && echo "killed the monitor"
		# Its own memory, if it began from a template.
		for place in /* /memory/*; do echo "sees $place"; done
		echo "as $(id -u)"' >"$T/qemu.out" 2>"$T/qemu.err"
	OUT=$T/qemu.out
	expect_equal "$(grep -v '^sees ' "$T/qemu.out" | sed -E 's/^as 1[0-9]{9}$/as its user/')" 'as its user' \
		"nothing was written and nobody signalled"
	expect_equal "$(sed -n 's/^sees //p' "$T/qemu.out" | grep -vxE '/(usr|lib|lib32|lib64|bin|etc|kernel|initramfs|ports|memory(/ram)?|dev|nix|gnu)')" \
		"" "nothing else of the host in its root"
	look_at_container
	call exec "$ID" /payload say alive
	expect_out alive
}

@test "no way leads up from the directories that the monitor holds" {
	vm_only "it has none"
	local fd directories=0
	args /payload ready
	launch ready
	for fd in "/proc/$PID/fd"/*; do
		[ -d "$fd/." ] || continue
		directories=$((directories + 1))
		case $(readlink "$fd") in
		/ports | */ports) fd=$fd/.. ;; # the state directory's own
		esac
		expect_equal "$(stat -c %d:%i "$fd/..")" "$(stat -c %d:%i "$fd/.")" "above $(readlink "$fd")"
	done
	((directories >= 2)) || expect_failed "directories, at least the state's"
}
