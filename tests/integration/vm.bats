# The virtual machine as config.json describes it: the OCI vm object and annotations, under the administrator's settings.

load ../lib/load

setup() {
	test_setup
	vm_only "runc has no virtual machine"
}
teardown() { test_teardown; }

SIZE='nproc; awk "/MemTotal/ { print int(\$2 / 1024) }" /proc/meminfo'

# expect_size CPUS MIB: the guest's kernel keeps some of its memory for itself.
expect_size() {
	local cpus mib
	expect_status 0
	{ read -r cpus; read -r mib; } <"$OUT"
	expect_equal "$cpus" "$1" CPUs
	[ "$mib" -le "$2" ] && [ "$mib" -gt $(($2 * 3 / 4)) ] || expect_failed "about $2 MiB, got $mib"
}

@test "hwConfig sizes the virtual machine" {
	config '.vm = {kernel: {path: ""}, hwConfig: {vcpus: 2, memory: 335544320}}'
	run_container /bin/sh -c "$SIZE"
	expect_size 2 320
}

@test "annotations size the virtual machine and come before hwConfig" {
	config '.annotations = {"io.vmrt.vcpus": "1", "io.vmrt.memory": "300", "org.other": "x"} | .vm = {hwConfig: {vcpus: 2}}'
	run_container /bin/sh -c "$SIZE"
	expect_size 1 300
}

REFUSALS='
.vm = {hwConfig: {vcpus: 0}}|vm.hwConfig.vcpus: 0 is not between 1 and
.vm = {hwConfig: {vcpus: 1000}}|vm.hwConfig.vcpus: 1000 is not between 1 and
.vm = {hwConfig: {memory: 1048576}}|vm.hwConfig.memory: 1 MiB is not between
.vm = {kernel: {path: "/boot/vmlinuz"}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.vm = {kernel: {path: "", parameters: ["debug"]}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.vm = {hypervisor: {path: "/bin/sh"}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.vm = {hypervisor: {path: "", parameters: ["-s"]}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.vm = {kernel: {path: "", initrd: "/x"}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.annotations = {"io.vmrt.machine": "q35"}|annotations: io.vmrt.machine: not allowed by the settings
.annotations = {"io.vmrt.disks": "7:1=/etc/shadow"}|annotations: io.vmrt.disks: not allowed by the settings
.vm = {image: {path: "/x", format: "raw"}}|vm.hypervisor, vm.kernel, vm.image: not allowed by the settings
.vm = {hwConfig: {deviceTree: "/x"}}|vm.hwConfig.deviceTree:
.annotations = {"io.vmrt.vcpus": "many"}|annotations: io.vmrt.vcpus: expected a number
.annotations = {"io.vmrt.kernel": "mine"}|annotations: io.vmrt.kernel: not allowed by the settings
.annotations = {"io.vmrt.root": "rw"}|annotations: io.vmrt.root: expected "cow", found
.mounts += [{destination: "/c", source: "/", type: "bind", options: ["rbind", "cow"]}]|mounts[7] (/c): option '"'cow'"' is for a '"'bind'"' alone
.mounts += [{destination: "/c", source: "t", type: "tmpfs", options: ["cow"]}]|mounts[7] (/c): option '"'cow'"' is for a '"'bind'"' alone
.annotations = {"io.vmrt.coffee": "1"}|annotations: io.vmrt.coffee: unknown
'

@test "what the settings do not allow is refused by name" {
	local change text
	cp "$BUNDLE/config.json" "$T/config.json"
	while IFS='|' read -r change text; do
		[ -n "$change" ] || continue
		cp "$T/config.json" "$BUNDLE/config.json"
		config "$change"
		create
		expect_refusal "config.json: $text"
	done <<<"$REFUSALS"
}

@test "the settings can forbid the vm object and annotations, and bound them" {
	settings '{"vm": "none", "annotations": [], "max-vcpus": 2}'
	config '.vm = {hwConfig: {vcpus: 1}}'
	create
	expect_refusal 'config.json: vm: not allowed by the settings'
	config 'del(.vm) | .annotations = {"io.vmrt.memory": "256"}'
	create
	expect_refusal 'annotations: io.vmrt.memory: not allowed by the settings'
	settings '{"vm": "size", "annotations": ["io.vmrt.vcpus"]}'
	config '.annotations = {"io.vmrt.vcpus": "3"}'
	create
	expect_refusal 'annotations: io.vmrt.vcpus: 3 is not between 1 and 2'
}

own_kernel() {
	echo "$BUILD/kernel/$(uname -m)/vmlinux"
}

@test "kernel and hypervisor of the vm object, with the settings' leave" {
	settings '{"vm": "all"}'
	config '.vm = {kernel: {path: $k, parameters: ["conf.word=1", "conf.other=\"a b\""]}, hypervisor: {path: $q, parameters: ["-name", "named-by-vm"]}}' \
		--arg k "$(own_kernel)" --arg q "$(command -v qemu-system-"$(uname -m)")"
	args /bin/sh -c 'cat /proc/cmdline; exec sleep 1000'
	launch conf.word=1
	expect_out_has 'conf.other="a b"'
	pgrep -f -- "-name named-by-vm" >"$T/qemu" || expect_failed "QEMU with the parameter"
	config '.vm.kernel.parameters = ["--", "init-argument"]'
	call create --bundle "$BUNDLE" "$ID-other"
	expect_status 1
	expect_err_has "vm.kernel.parameters: '--' is not possible"
}

@test "vm.image: the file system on a disk takes the root's place, with the settings' leave" {
	local before
	mkdir "$T/files"
	cp -a "$ROOTFS/." "$T/files"
	echo "on the disk" >"$T/files/etc/where"
	mkfs.ext4 -q -d "$T/files" "$T/disk" 64M
	settings '{"vm": "all", "annotations": ["io.vmrt.root", "io.vmrt.partition"]}'
	config '.vm = {image: {path: $p, format: "raw"}} | .annotations = {"io.vmrt.root": "cow"}' --arg p "$T/disk"
	before=$(sha256sum <"$T/disk")
	run_container /bin/sh -c 'cat /etc/where; echo changed >/etc/where; cat /etc/where'
	expect_out 'on the disk
changed'
	expect_equal "$(sha256sum <"$T/disk")" "$before"
	config 'del(.annotations)'
	run_container /bin/sh -c 'echo changed >/etc/where'
	expect_equal "$(debugfs -R 'cat /etc/where' "$T/disk" 2>/dev/null)" changed
	config '.vm.image.format = "vdi"'
	create
	expect_refusal 'config.json: vm.image.format: raw and qcow2 are known'
	config '.vm.image.format = "qcow2"'
	create
	expect_refusal "config.json: vm.image: '$T/disk' has another format"
	config '.vm.image.path = "disk"'
	create
	expect_refusal 'config.json: vm: paths must be absolute'
	config 'del(.vm) | .annotations = {"io.vmrt.partition": "1"}'
	create
	expect_refusal 'annotations: io.vmrt.partition: there is no vm.image'
}

@test "a kernel is chosen by name from the administrator's folder" {
	mkdir "$T/kernels"
	ln "$(own_kernel)" "$T/kernels/mine" 2>/dev/null || cp "$(own_kernel)" "$T/kernels/mine"
	settings '{"annotations": ["io.vmrt.kernel"], "kernels": "'"$T"'/kernels"}'
	config '.annotations = {"io.vmrt.kernel": "mine"}'
	run_container /bin/echo booted
	expect_out booted
	config '.annotations = {"io.vmrt.kernel": "../mine"}'
	create
	expect_refusal "annotations: io.vmrt.kernel: a kernel's name has letters"
	config '.annotations = {"io.vmrt.kernel": "missing"}'
	create
	expect_status 1
	expect_err_has "/kernels/missing'"
}

@test "a copy-on-write root and bind mount look writable and change nothing on the host" {
	mkdir -p "$T/tree/sub"
	echo old >"$T/tree/sub/file"
	chmod 750 "$T/tree"
	bind "$T/tree" /data cow
	config '.annotations = {"io.vmrt.root": "cow"}'
	find "$ROOTFS" "$T/tree" -printf '%p %m %T@ %s\n' | sort >"$T/before"
	run_container /bin/sh -ec 'stat -c %a /data; echo new >/data/sub/file; mv /data/sub /data/moved; cat /data/moved/file
		echo x >/etc/passwd; rm -r /usr; [ ! -e /usr ]; chown 7:7 /etc; stat -c "%u %a" /etc'
	expect_status 0
	expect_out "750
new
7 755"
	diff "$T/before" <(find "$ROOTFS" "$T/tree" -printf '%p %m %T@ %s\n' | sort) || expect_failed "nothing changed"
	bind "$T/tree/sub/file" /file cow
	create
	expect_refusal 'only a directory can be copied on write'
}

@test "a trusted bundle's initrd is unpacked after vmrt's own, its modules are loaded, and the console goes to a file" {
	mkdir "$T/modules"
	echo 'absent.ko debug=1' >"$T/modules/list"
	"$BUILD/init/mkcpio" "$T/initrd" dir modules 755 file modules/list 644 "$T/modules/list"
	config '.vm = {kernel: {path: "", initrd: $i, parameters: ["loglevel=7"]}}' --arg i "$T/initrd"
	args /bin/echo booted
	call run --bundle "$BUNDLE" "$ID"
	expect_refusal 'vm.hypervisor, vm.kernel, vm.image: not allowed by the settings'
	call run --trust-bundle --bundle "$BUNDLE" "$ID"
	expect_status 1
	expect_err_has 'loading the module absent.ko: errno 2'
	: >"$T/modules/list"
	"$BUILD/init/mkcpio" "$T/initrd" dir modules 755 file modules/list 644 "$T/modules/list"
	call run --trust-bundle --console-log "$T/console" --bundle "$BUNDLE" "$ID"
	expect_status 0
	expect_out booted
	grep -q 'Run /init as init process' "$T/console" || expect_failed "the kernel's messages" "$(cat "$T/console")"
	config '.annotations = {"io.vmrt.machine": "pdp11"}'
	call run --trust-bundle --bundle "$BUNDLE" "$ID"
	expect_refusal "annotations: io.vmrt.machine: no machine 'pdp11' is known"
	config '.annotations = {"io.vmrt.disks": "7:1=/a\n7:2=b"}'
	call run --trust-bundle --bundle "$BUNDLE" "$ID"
	expect_refusal "annotations: io.vmrt.disks: expected lines MAJOR:MINOR[:ro]=/FILE, found '7:2=b'"
	call run --console-log "$T" --bundle "$BUNDLE" "$ID"
	expect_refusal 'vm.hypervisor'
	config 'del(.vm, .annotations)'
	call run --console-log "$T" --bundle "$BUNDLE" "$ID"
	expect_refusal "option --console-log: '$T'"
}

@test "features tells exactly what is applied" {
	call features
	expect_status 0
	expect_equal "$(jq -c '.hooks' "$OUT")" '["prestart","createRuntime","createContainer","startContainer","poststart","poststop"]'
	expect_equal "$(jq -c '.linux.namespaces' "$OUT")" '["cgroup","ipc","mount","network","pid","time","user","uts"]'
	expect_equal "$(jq -c '[.linux.seccomp.enabled, .linux.cgroup.v1, .linux.cgroup.v2, .linux.cgroup.systemd, .linux.apparmor.enabled,
		.linux.selinux.enabled, .linux.intelRdt.enabled, .linux.mountExtensions.idmap.enabled]' "$OUT")" \
		'[true,true,true,true,false,false,false,false]'
	expect_equal "$(jq '.linux.seccomp.actions | index("SCMP_ACT_NOTIFY")' "$OUT")" null
	expect_equal "$(jq -c '.potentiallyUnsafeConfigAnnotations' "$OUT")" '["io.vmrt.","org.systemd.property."]'
}
