# vmrun --kernel: vmrt's own by its path, Debian's stock kernel, another version; what a kernel lacks.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"
# shellcheck source=tests/lib/kernels.bash
source "$TOP/tests/lib/kernels.bash"

# These boot through a BIOS and load a dozen modules, on an emulated CPU.
CALL_LIMIT_S=180

setup() { vmrun_setup; }
teardown() { test_teardown; }

# A machine with nothing installed: kernel and modules are where the package was unpacked.
image_in() {
	echo "$1"/boot/vmlinuz-*
}

# What the default mode promises, with another kernel.
expect_promises() {
	local image=$1 version=${1##*/vmlinuz-}
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun -k "$image" sh -c 'uname -r; pwd; echo data >file; echo x >/etc/made; cat /etc/made; echo error >&2; exit 33'
	expect_status 33
	expect_out "$version
$WORK
x"
	expect_err error
	expect_equal "$(cat "$WORK/file")" data
	[ ! -e /etc/made ] || expect_failed "no /etc/made"
}

@test "Debian's stock kernel: modules in order, the whole default mode, modprobe, a terminal, a network" {
	local dir image
	dir=$(kernel_fetch bookworm linux-image-amd64)
	image=$(image_in "$dir")
	expect_promises "$image"
	vmrun --net user -k "$image" --module dummy sh -c \
		'lsmod | cut -d" " -f1 | sort | tr "\n" " "; modprobe loop && ls /sys/module/loop/parameters; ip -br -4 addr show scope global'
	expect_status 0
	for name in dummy fuse overlay virtio virtio_console virtio_net virtio_pci virtio_ring virtiofs; do
		expect_match "$(sed -n 1p "$OUT")" "(^| )$name " "the module"
	done
	expect_out_line max_loop
	expect_out_has 10.0.2.15/24
	vmrun_terminal size:20x90 'expect:20 90' 'send:\x03' -- -k "$image" sh -c 'trap "exit 5" INT; stty size; while :; do sleep 0.1; done'
	expect_out_line '[status 5] [cooked]'
	vmrun -k "$image" --module no-such-module true
	expect_status 125
	expect_err_has "there is no module 'no-such-module' in"
	vmrun -k "$image" sh -c 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
	expect_status 255
	expect_err_has 'sysrq triggered crash'
	expect_err_has 'Call Trace:'
}

@test "a kernel of another version and flavour" {
	local dir
	dir=$(kernel_fetch trixie linux-image-cloud-amd64)
	expect_promises "$(image_in "$dir")"
	# As the only thing beside a program, with a module, out of a build tree's place.
	mkdir -p "$T/tree/arch/x86/boot"
	ln -s "$(image_in "$dir")" "$T/tree/arch/x86/boot/bzImage"
	vmrun -V -k "$T/tree" --module dummy --standalone bash -c 'echo "$$ here"; exit 8'
	expect_status 8
	expect_out '1 here'
	expect_match "$(cat "$ERR")" '^vmrun: kernel /.*, machine q35, modules dummy$'
}

@test "vmrt's own kernel by its path boots as the microvm it is made for" {
	local image
	image=$BUILD/kernel/$(uname -m)/vmlinux
	vmrun -k "$image" --keep sh -c 'uname -r; ls /sys/bus/pci 2>/dev/null; exit 3'
	expect_status 3
	expect_match "$(cat "$OUT")" '^[0-9.]+-vmrt$'
	jq -e '.annotations["io.vmrt.machine"] == "microvm"' "$ROOT"/vmrun-*/config.json >/dev/null || expect_failed "the machine"
	"$VMRT" --root "$ROOT"/vmrun-*/state delete "$(basename "$ROOT"/vmrun-*)"
	rm -r "$ROOT"/vmrun-*
	vmrun -k "$image" --module loop true
	expect_status 125
	expect_err "vmrun: no modules of the kernel '$image' were found"
	vmrun --module loop true
	expect_status 125
	expect_err "vmrun: option --module: vmrt's own kernel has no modules"
}

@test "what a kernel lacks is listed before it boots; what is no kernel is refused" {
	local dir image version
	dir=$(kernel_fetch bookworm linux-image-amd64)
	image=$(image_in "$dir")
	version=${image##*/vmlinuz-}
	mkdir -p "$T/boot"
	cp "$image" "$T/boot/"
	sed -e 's/^CONFIG_VIRTIO_FS=m/# CONFIG_VIRTIO_FS is not set/' -e '/^CONFIG_POSIX_MQUEUE=/d' "$dir/boot/config-$version" \
		>"$T/boot/config-$version"
	mkdir -p "$T/lib/modules"
	cp -a "$dir/lib/modules/$version" "$T/lib/modules/"
	vmrun -k "$T/boot/vmlinuz-$version" echo booted
	expect_status 125
	expect_out ""
	expect_err "vmrun: the kernel '$T/boot/vmlinuz-$version' $version lacks CONFIG_POSIX_MQUEUE (/dev/mqueue), CONFIG_VIRTIO_FS (the host's files)"
	cp "$dir/boot/config-$version" "$T/boot/"
	find "$T/lib" -name 'overlay.ko*' -delete
	vmrun -k "$T/boot/vmlinuz-$version" echo booted
	expect_status 125
	expect_err_has 'lacks CONFIG_OVERLAY_FS (changes that vanish)'
	vmrun -k /bin/busybox true
	expect_status 125
	expect_err "vmrun: option --kernel: '$(realpath /bin/busybox)' is neither a bzImage nor a vmlinux of this architecture"
	vmrun -k "$T/absent" true
	expect_status 125
	expect_err "vmrun: option --kernel: '$T/absent': No such file or directory"
}
