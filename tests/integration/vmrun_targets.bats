# Files of targets: vmtest.toml as vmtest takes it, vmrun.json.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() {
	vmrun_setup
	ln -s "$BUILD/kernel/$(uname -m)/vmlinux" "$WORK/vmlinux"
	mkdir "$WORK/sub"
}
teardown() { test_teardown; }

# Without the times.
expect_report() {
	expect_equal "$(sed -E 's/ \([0-9.]+ s\)$//' "$OUT")" "$1" report
}

@test "a vmtest.toml of five targets: kernels, roots, mounts, sizes, a failure; junit; a filter; in parallel" {
	mkdir "$T/host"
	echo from the host >"$T/host/file"
	cat >"$WORK/sub/vmtest.toml" <<-END
		[[target]]
		name = "kernel and folder"
		kernel = "../vmlinux"
		command = "uname -r | grep -q vmrt && [ \$(pwd) = $WORK/sub ] && echo kept > made && [ -e /mnt/vmtest/vmtest.toml ]"

		[[target]]
		name = "arguments"
		kernel = "../vmlinux"
		kernel_args = "one.word=1 two.words=2"
		command = "grep -q ' one.word=1 two.words=2' /proc/cmdline && [ \"\$FROM_HOST\" = 'a b' ]"

		[[target]]
		name = "fails & <says why>"
		kernel = "../vmlinux"
		command = "echo out; echo 'err <&>' >&2; exit 42"

		[[target]]
		name = "root"
		kernel = "../vmlinux"
		rootfs = "$ROOTFS"
		arch = "$(uname -m)"
		command = "true"

		[[target]]
		name = "machine"
		kernel = "../vmlinux"
		command = "[ \$(nproc) = 1 ] && cat /mnt/ro/file && ! touch /mnt/ro/x 2>/dev/null && touch /mnt/rw/x"
		[target.vm]
		num_cpus = 1
		memory = "300M"
		extra_args = ["-name", "from-the-file"]
		mounts."/mnt/ro" = { host_path = "$T/host", writable = false }
		mounts."/mnt/rw" = { host_path = "$T/host", writable = true }
	END
	FROM_HOST='a b' vmrun -f sub/vmtest.toml --junit "$T/junit.xml"
	# Of two that fail one says so: busybox's root has no bash.
	expect_status 2
	expect_err ""
	expect_report 'PASS kernel and folder
PASS arguments
FAIL fails & <says why>: exit status 42
out
err <&>
FAIL root: exit status 127
unable to start container process: exec: "bash": executable file not found in $PATH
PASS machine
3 passed, 2 failed'
	expect_equal "$(cat "$WORK/sub/made") $(ls "$T/host")" 'kept file
x'
	python3 - "$T/junit.xml" <<-'END' || expect_failed "the XML to say the same" "$(cat "$T/junit.xml")"
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot()[0]
		assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "0")
		case = suite[2]
		assert case.get("name") == "fails & <says why>" and case[0].tag == "failure" and "err <&>" in case[0].text
		assert suite[0].get("name") == "kernel and folder" and not len(suite[0])
	END
	FROM_HOST='a b' vmrun -f sub/vmtest.toml -F '^(machine|arguments)$' -j 2
	expect_status 0
	expect_equal "$(sed -E 's/ \([0-9.]+ s\)$//' "$OUT" | sort)" '2 passed, 0 failed
PASS arguments
PASS machine'
	vmrun -f sub/vmtest.toml -F fails
	expect_status 42
	vmrun -f sub/vmtest.toml -F nothing
	expect_status 125
	expect_err "vmrun: option --filter: no target matches 'nothing'"
}

@test "vmrun.json: options by name, a command as a vector or a line; errors name file and member" {
	cat >"$WORK/vmrun.json" <<-'END'
		{"targets": [
			{"name": "vector", "command": ["sh", "-c", "echo \"$1 $A\"; exit $2", "sh", "a b", "3"], "env": ["A=1"], "memory": "300M"},
			{"name": "line", "command": "echo $((1 + 1)) > sum; id -u", "user": "65534", "rw": false, "cpus": 1, "volume": ["/usr:/mnt:ro"]},
			{"name": "slow", "command": "exec sleep 1000", "timeout": 6}
		]}
	END
	chmod 777 "$WORK"
	vmrun -f vmrun.json -V -j 3
	expect_status 2
	expect_out_has 'FAIL vector: exit status 3'
	expect_out_line 'a b 1'
	expect_out_has 'PASS line'
	expect_out_line 65534
	expect_out_has 'FAIL slow: exit status 124'
	expect_equal "$(stat -c %u "$WORK/sum") $(cat "$WORK/sum")" '65534 2'
	while IFS='|' read -r file text error; do
		echo "$text" >"$WORK/$file"
		vmrun -f "$file"
		expect_status 125
		expect_err "vmrun: $file: $error"
	done <<-'END'
		bad.json|{"targets": [{"name": "x", "command": "true", "jobs": 3}]}|targets[0].jobs: no option of a single target
		bad.json|{"targets": [{"name": "x"}]}|targets[0].command: required member is missing
		bad.json|{"targets": [{"command": "true"}]}|targets[0].name: required member is missing
		bad.json|{"targets": []}|there is no target
		bad.json|{"target": []}|target: no member that vmrun knows
		bad.toml|[[target]]|target[0].name: required member is missing
		bad.toml|x = |line 1: Error while parsing key-value pair: expected value, saw '\n'
		bad.toml|[[[[|this is no TOML
	END
	printf '[[target]]\nname = "image"\nimage = "disk.qcow2"\nkernel = "vmlinux"\ncommand = "true"\n' >"$WORK/image.toml"
	vmrun -f image.toml
	expect_status 125
	expect_err 'vmrun: image.toml: target[0].kernel: not supported: an image has its own'
	printf '[[target]]\nname = "kernel"\nkernel = "vmlinux"\nuefi = true\ncommand = "true"\n' >"$WORK/image.toml"
	vmrun -f image.toml
	expect_status 125
	expect_err 'vmrun: image.toml: target[0].uefi: not supported: a kernel boots without firmware'
	printf '[[target]]\nname = "image"\nimage = "disk.qcow2"\ncommand = "true"\n' >"$WORK/image.toml"
	vmrun -f image.toml
	expect_status 125
	expect_out_has "vmrun: 'disk.qcow2': No such file or directory"
	vmrun -f vmrun.json true
	expect_status 125
	expect_err "vmrun: option --file: the commands are in the file, not 'true'"
	vmrun -f vmrun.json -m 300
	expect_status 125
	expect_err "vmrun: option --file: options of a command belong into the file"
	vmrun -j 2 true
	expect_status 125
	expect_err 'vmrun: options --filter, --jobs and --junit belong to --file'
}

@test "relative places are the caller's; targets end with a vmrun that is killed" {
	mkdir "$WORK/run"
	ln -s "$VMRT" "$WORK/runtime"
	echo '{"targets": [{"name": "here", "command": "pwd"}]}' >"$WORK/sub/one.json"
	VMRT=./runtime VMRUN_DIR=run vmrun -f sub/one.json -V
	expect_status 0
	expect_out_line "$WORK/sub"
	expect_equal "$(ls "$WORK/run")" ''
	VMRUN_DIR=absent vmrun true
	expect_status 125
	expect_err "vmrun: \$VMRUN_DIR: 'absent': No such file or directory"
	echo '{"targets": [{"name": "long", "command": "trap \"\" TERM; touch ready; while :; do sleep 0.1; done"}]}' >"$WORK/sub/long.json"
	vmrun_start -f sub/long.json
	wait_for "the target" test -e "$WORK/sub/ready"
	kill -KILL "$VMRUN_PID"
	vmrun_wait
	wait_for "all of it to go" eval '[ -z "$(ls "$ROOT")" ]'
}

@test "a terminal shows what is going on; ^C ends the targets that run" {
	cat >"$WORK/vmrun.json" <<-'END'
		{"targets": [{"name": "first", "command": "echo begun; trap 'exit 7' INT; while :; do sleep 0.1; done"},
			{"name": "second", "command": "true"}]}
	END
	vmrun_terminal 'expect:first: booting' 'expect:first: running' 'send:\x03' -- -f vmrun.json
	expect_out_has 'FAIL first: exit status 7'
	expect_out_line '0 passed, 1 failed, interrupted'
	expect_out_line '[status 1] [cooked]'
}
