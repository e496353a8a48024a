# What cannot work is refused with one clear line, at create, and leaves nothing behind.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "every command says that an unknown container does not exist" {
	local verb
	for verb in state start kill delete; do
		call "$verb" nobody
		expect_refusal 'container does not exist'
	done
}

@test "a missing bundle is refused" {
	rm -r "$BUNDLE"
	status=0
	call run --bundle "$BUNDLE" "$ID"
	expect_status 1
	[ -s "$LOG" ] || expect_failed "a line in the log"
}

@test "a missing config.json is refused by name" {
	rm "$BUNDLE/config.json"
	expect_create_refused config.json
}

@test "a config.json that is not JSON is refused" {
	local text
	local texts=('' '{' '[]' '{"ociVersion": "1.0.2", "process": ' 'garbage' '"text"')
	if is_vm; then texts+=(null); fi # runc faults
	for text in "${texts[@]}"; do
		printf '%s' "$text" >"$BUNDLE/config.json"
		create
		expect_status 1
		expect_equal "$(grep -c . "$T/err")" 1 "one line on stderr for '$text'"
	done
}

@test "a config.json of binary garbage is refused" {
	head -c 100000 /dev/urandom >"$BUNDLE/config.json"
	create
	expect_status 1
	expect_equal "$(wc -l <"$T/err")" 1 "one line on stderr"
}

@test "a wrong type in config.json is refused with the field's path" {
	vm_only "runc words it otherwise"
	local change
	while read -r path change; do
		cp "$BUNDLE/config.json" "$T/good.json"
		config "$change"
		create
		expect_refusal "$path"
		cp "$T/good.json" "$BUNDLE/config.json"
	done <<-'END'
		process.user.uid .process.user.uid = "0"
		process.args .process.args = "sh"
		process.args[1] .process.args[1] = 5
		process.cwd .process.cwd = {}
		root.path .root.path = 1
		root.readonly .root.readonly = "yes"
		mounts[0].destination .mounts[0].destination = []
		mounts .mounts = {}
		hostname .hostname = 1
		process.rlimits[0].soft .process.rlimits = [{type: "RLIMIT_CORE", soft: "x", hard: 1}]
		linux.namespaces[0].type .linux.namespaces[0].type = 7
	END
}

@test "missing members are refused by name" {
	vm_only "runc words it otherwise"
	local change
	while read -r name change; do
		cp "$BUNDLE/config.json" "$T/good.json"
		config "$change"
		create
		expect_refusal "$name"
		cp "$T/good.json" "$BUNDLE/config.json"
	done <<-'END'
		process del(.process)
		args .process.args = []
		Cwd del(.process.cwd)
		root del(.root)
		ociVersion del(.ociVersion)
	END
}

@test "numbers out of range are refused with the field's path" {
	vm_only "runc words it otherwise"
	local change
	while read -r path change; do
		cp "$BUNDLE/config.json" "$T/good.json"
		config "$change"
		create
		expect_refusal "$path"
		cp "$T/good.json" "$BUNDLE/config.json"
	done <<-'END'
		process.user.uid .process.user.uid = -1
		process.user.gid .process.user.gid = 4294967296
	END
}

@test "a path that is no namespace of its type is refused by name" {
	vm_only "runc words it otherwise"
	local type path
	while read -r type path; do
		cp "$BUNDLE/config.json" "$T/good.json"
		# shellcheck disable=SC2016 # jq's variables
		config '.linux.namespaces |= (map(select(.type != $t)) + [{type: $t, path: $p}])' --arg t "$type" --arg p "$path"
		create
		expect_refusal "config.json: linux.namespaces: '$path'"
		cp "$T/good.json" "$BUNDLE/config.json"
	done <<-'END'
		network /proc/self/ns/ipc
		network /etc/passwd
		ipc /proc/self/ns/net
		uts /no/such/path
	END
}

@test "a missing root file system is refused, naming it" {
	rm -r "$ROOTFS"
	expect_create_refused "$ROOTFS"
}

@test "a root that is a file is refused" {
	rm -r "$ROOTFS"
	echo >"$ROOTFS"
	create
	expect_status 1
	[ -s "$T/err" ] || expect_failed "a message"
	rm -f "$ROOTFS"
}

@test "an unknown capability is refused or warned of by name" {
	config '.process.capabilities.bounding += ["CAP_COFFEE"]'
	args /payload say ran
	call run --keep --bundle "$BUNDLE" "$ID"
	cat "$ERR" "$LOG" "$ROOT/$ID/log" >"$T/all" 2>/dev/null || true
	file_has "$T/all" CAP_COFFEE || expect_failed "the capability's name"
}

@test "an unwritable pid-file fails create and leaves nothing" {
	create --pid-file "$T/no/such/dir/pid"
	expect_status 1
	expect_err_has "$T/no/such/dir/"
	[ -z "$(ls -A "$ROOT" 2>/dev/null)" ] || expect_failed "no state"
}

@test "an unwritable root fails and says so" {
	: >"$T/file"
	local good=$ROOT
	ROOT=$T/file/r
	create
	expect_status 1
	expect_err_has "$T/file"
	ROOT=$good
}

@test "a missing kernel is named without the words of a missing program" {
	vm_only "it has none"
	runtime_config '.kernel = "/no/such/vmlinux"'
	expect_create_refused /no/such/vmlinux
	expect_no_command_words
}

@test "a missing initramfs is named without the words of a missing program" {
	vm_only "it has none"
	runtime_config '.initramfs = "/no/such/initramfs"'
	expect_create_refused /no/such/initramfs
	expect_no_command_words
}

@test "a missing QEMU is named without the words of a missing program" {
	vm_only "it has none"
	runtime_config '.qemu = "/no/such/qemu"'
	expect_create_refused /no/such/qemu
	expect_no_command_words
}

@test "a missing virtiofsd is named without the words of a missing program" {
	vm_only "it has none"
	runtime_config '.virtiofsd = "/no/such/virtiofsd"'
	expect_create_refused /no/such/virtiofsd
	expect_no_command_words
}

@test "a QEMU that cannot run is named without the words of a missing program" {
	vm_only "it has none"
	echo 'not a program' >"$T/qemu"
	runtime_config '.qemu = $q' --arg q "$T/qemu"
	expect_create_refused "$T/qemu"
	expect_no_command_words
}

@test "a QEMU that ends at once is reported" {
	vm_only "it has none"
	printf '#!/bin/sh\necho "the machine is on fire" >&2\nexit 0\n' >"$T/qemu"
	chmod 755 "$T/qemu"
	runtime_config '.qemu = $q' --arg q "$T/qemu"
	expect_create_refused qemu
	expect_no_command_words
}

@test "a virtiofsd that ends at once is reported" {
	vm_only "it has none"
	printf '#!/bin/sh\necho "no more files" >&2\nexit 1\n' >"$T/virtiofsd"
	chmod 755 "$T/virtiofsd"
	runtime_config '.virtiofsd = $v' --arg v "$T/virtiofsd"
	expect_create_refused virtiofsd
	expect_no_command_words
}

@test "a kernel that is garbage is reported as a guest that did not boot" {
	vm_only "it has none"
	head -c 1000000 /dev/urandom >"$T/vmlinux"
	runtime_config '.kernel = $k | .["boot-timeout"] = 5' --arg k "$T/vmlinux"
	create
	expect_refusal ""
	expect_no_command_words
	call delete --force "$ID"
	expect_status 0
}

@test "a guest that never boots is reported within the limit" {
	vm_only "it has none"
	# The kernel boots, and its first program says nothing.
	mkdir "$T/initrd"
	cp "$BUILD/payload" "$T/initrd/payload"
	printf '#!/payload sleep\n' >"$T/initrd/x"
	rm "$T/initrd/x"
	ln "$T/initrd/payload" "$T/initrd/init"
	(cd "$T/initrd" && printf 'init\n' | busybox cpio -o -H newc >"$T/initramfs" 2>/dev/null)
	runtime_config '.initramfs = $i | .["boot-timeout"] = 4' --arg i "$T/initramfs"
	local before
	before=$(now_ms)
	create
	expect_refusal guest
	(($(now_ms) - before < 15000)) || expect_failed "a report soon after the limit of 4 s"
	expect_no_command_words
	call delete --force "$ID"
	expect_status 0
}

@test "an accelerator that is not there is refused by name" {
	vm_only "it has none"
	runtime_config '.accel = "warp"'
	create
	expect_refusal accel
}

@test "a runtime configuration that is not JSON is refused by its path" {
	vm_only "it has none"
	echo '{' >"$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
	create
	expect_refusal "$T/vmrt.json"
}
