# vmrun --image: a whole distribution by BIOS and by UEFI, through its guest agent.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"
# shellcheck source=tests/lib/confinement.bash
source "$TOP/tests/lib/confinement.bash"

# Firmware, a boot loader, systemd: on an emulated CPU.
CALL_LIMIT_S=400
WAIT_LIMIT_S=300

setup_file() {
	"$TOP/tests/lib/disk-image" >"$BATS_FILE_TMPDIR/folder"
}

setup() {
	vmrun_setup
	IMAGES=$(cat "$BATS_FILE_TMPDIR/folder")
}

teardown() { test_teardown; }

# The only QEMU of this test.
image_qemu() {
	pgrep -f "^[^ ]*qemu-system.*name=io.vmrun.control" -P "$(pgrep -P "$VMRUN_PID")"
}

qemu_runs() {
	image_qemu >/dev/null
}

@test "by BIOS: streams apart and whole, argv, exit status, the directory shared, QEMU confined, the image untouched" {
	local qemu before=$IMAGES/debian.qcow2
	before=$(sha256sum <"$IMAGES/debian.qcow2")
	head -c 2000000 /dev/urandom >"$T/input"
	cat >"$WORK/work" <<'GUEST'
printf '[%s]' "$@" >&2
id -u >who; chown 1234:4321 who; chmod 640 who
cat /etc/vmrt-disk-image >seen; pwd >>seen; printf '%s\n' "$FOO" >>seen; test ! -d /sys/firmware/efi
until [ -e go-on ]; do sleep 0.1; done
cat
exit 42
GUEST
	OUT=$T/call.out ERR=$T/call.err
	(cd "$WORK" && exec "$VMRUN" --image "$IMAGES/debian.qcow2" -e FOO=bar -v "$IMAGES:/mnt/images:ro" \
		sh -e work "two words" '$HOME "quoted" '\' $'new\nline' '' "$(head -c 100000 /dev/zero | tr '\0' x)") \
		<"$T/input" >"$OUT" 2>"$ERR" 3>&- &
	VMRUN_PID=$!
	# Live: the command waits for us to have seen this.
	wait_for "the command's words" file_has "$ERR" "xxx]"
	qemu=$(image_qemu)
	(($(awk '/^Uid/ { print $2 }' "/proc/$qemu/status") >= UID_FIRST)) || expect_failed "a uid of QEMU's own"
	# To serve files of any owner: CHOWN, DAC_OVERRIDE, FOWNER, FSETID.
	expect_equal "$(status_field "$qemu" CapEff)" 000000000000001b "qemu: capabilities"
	expect_equal "$(status_field "$qemu" CapBnd)" 000000000000001b "qemu: bounding set"
	expect_filtered "$qemu" qemu
	expect_own_namespaces "$qemu" qemu $$ mnt net ipc
	[ ! -e "/proc/$qemu/root/root" ] && [ ! -e "/proc/$qemu/root/proc/sys" ] || expect_failed "nothing of the host's"
	touch "$WORK/go-on"
	vmrun_wait
	expect_status 42
	cmp "$T/input" "$OUT"
	expect_equal "$(cksum <"$ERR")" "$(printf '[%s]' "two words" '$HOME "quoted" '\' $'new\nline' '' \
		"$(head -c 100000 /dev/zero | tr '\0' x)" | cksum)"
	expect_equal "$(stat -c '%u:%g %a' "$WORK/who")" '1234:4321 640'
	expect_equal "$(cat "$WORK/who" "$WORK/seen")" "0
made by the tests of vmrt
$WORK
bar"
	expect_equal "$(sha256sum <"$IMAGES/debian.qcow2")" "$before"
}

@test "by UEFI, a raw image: signals reach the command, --user, what is written to the image with --rw stays" {
	cp --sparse=always "$IMAGES/debian.raw" "$T/disk.raw"
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun_start --image "$T/disk.raw" --rw --uefi -w /tmp -c 1 sh -c '
		test -d /sys/firmware/efi && pwd && setpriv --reuid nobody id -u && echo kept >/etc/kept
		trap "echo terminated; kill -9 \$\$" TERM; echo ready; while :; do sleep 0.1; done'
	wait_for "the command runs" file_has "$OUT" ready
	kill -TERM "$VMRUN_PID"
	vmrun_wait
	expect_status 137
	expect_out '/tmp
65534
ready
terminated'
	expect_err ''
	dd if="$T/disk.raw" bs=1M skip=5 of="$T/root" conv=sparse status=none
	expect_equal "$(debugfs -R 'cat /etc/kept' "$T/root" 2>/dev/null)" kept
}

@test "vmtest.toml: image and uefi; a user, a program that is not there, no input" {
	cat >"$WORK/vmtest.toml" <<TOML
[[target]]
name = "whole"
image = "$IMAGES/debian.qcow2"
command = "cd /mnt/vmtest && cat vmtest.toml | head -n 1 && nproc && cat && id -un && /nonexistent"
[target.vm]
num_cpus = 1
memory = "600M"
TOML
	vmrun -f vmtest.toml
	expect_status 127
	expect_out_has 'FAIL whole: exit status 127'
	expect_out_has '[[target]]
1
root'
}

@test "without an agent, or without a boot: a limit, a reason, the console's last lines" {
	vmrun --image "$IMAGES/debian.qcow2" --boot-timeout 2 true
	expect_status 125
	expect_err_has "vmrun: guest: no agent answers after 2 s"
	expect_err_has "the machine's serial console"
	truncate -s 1M "$T/blank"
	printf '\125\252' | dd of="$T/blank" bs=1 seek=510 conv=notrunc status=none
	# A boot sector that gives up at once: int 0x18.
	printf '\315\030' | dd of="$T/blank" bs=1 conv=notrunc status=none
	vmrun --image "$T/blank" true
	expect_status 125
	expect_err_has 'vmrun: guest: the image did not boot'
	expect_err_has 'No bootable device'
	# One that tells the device of panics: out 0x505, 1.
	printf '\272\005\005\260\001\356\364\353\375' | dd of="$T/blank" bs=1 conv=notrunc status=none
	vmrun --image "$T/blank" true
	expect_status 255
	expect_err_has 'vmrun: guest: kernel panic'
}

@test "a timeout or a signal while it boots ends it; vmrun killed: nothing is left" {
	local vmrt
	vmrun --image "$IMAGES/debian.qcow2" --timeout 1 true
	expect_status 124
	vmrun_start --image "$IMAGES/debian.qcow2" true
	wait_for "QEMU runs" qemu_runs
	kill -INT "$VMRUN_PID"
	vmrun_wait
	expect_status 130
	vmrun_start --image "$IMAGES/debian.qcow2" true
	wait_for "QEMU runs" qemu_runs
	kill -KILL "$VMRUN_PID"
	vmrun_wait
	vmrun_start --image "$IMAGES/debian.qcow2" true
	wait_for "QEMU runs" qemu_runs
	kill -KILL "$(pgrep -P "$VMRUN_PID")"
	vmrun_wait
	expect_status 125
	expect_err_has 'vmrt was killed by signal 9'
}

@test "what is no disk image, or names other files, is refused in one line" {
	local file=$T/file
	refused() {
		vmrun "$@" true
		expect_status 125
		expect_equal "$(wc -l <"$ERR")" 1
	}
	refused --image "$T/absent"
	expect_err "vmrun: '$T/absent': No such file or directory"
	echo text >"$file"
	refused --image "$file"
	expect_err_has 'is no disk image'
	truncate -s 1M "$file"
	refused --image "$file"
	expect_err_has 'is no disk that boots: it has no boot sector'
	qemu-img create -q -f vmdk "$file" 1M
	refused --image "$file"
	expect_err_has 'is a VMDK image'
	qemu-img create -q -f qcow2 -b /etc/shadow -F raw "$file" 1M
	refused --image "$file"
	expect_err_has 'it has a backing file'
	rm "$file"
	qemu-img create -q -f qcow2 -o data_file="$T/data" "$file" 1M
	refused --image "$file"
	expect_err_has 'it has its data in another file'
	printf 'QFI\373\0\0\0\7' >"$file"
	refused --image "$file"
	expect_err_has 'its qcow2 header is damaged or of an unknown version'
	refused --image /dev/null
	expect_err_has 'is neither a file nor a block device'
	refused --image "$IMAGES/debian.qcow2" --append quiet
	expect_err_has 'option --append: not with --image'
	refused --uefi
	expect_err_has 'only with --image'
	refused --image "$IMAGES/debian.qcow2" -v "$IMAGES:/x:cow"
	expect_err_has 'cow is not possible with --image'
	refused --image "$IMAGES/debian.qcow2" --boot sideways
	expect_err_has "option --boot: expected bios, uefi or direct, got 'sideways'"
}

# two_roots FILE: a raw disk with an ext4 root on partitions 1 and 2.
two_roots() {
	local i
	truncate -s 24M "$1"
	printf 'start=1MiB, size=8MiB\nstart=10MiB, size=8MiB\n' | sfdisk -q --label gpt "$1"
	for i in 1 2; do
		mkdir -p "$T/root$i/etc" "$T/root$i/bin"
		cp /bin/busybox "$T/root$i/bin/sh"
		echo "root $i" >"$T/root$i/etc/name"
		mkfs.ext4 -q -O ^has_journal -d "$T/root$i" -E offset=$(((i * 9 - 8) << 20)) "$1" 8M
	done
}

@test "--boot direct: its file system is the root of our kernel; changes vanish, with --rw they stay; which partition" {
	local before
	before=$(sha256sum <"$IMAGES/debian.qcow2")
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun --image "$IMAGES/debian.qcow2" --boot direct sh -c \
		'cat /etc/vmrt-disk-image; pwd; echo x >/etc/new; cat /etc/new; echo seen >here; dpkg -s base-files | grep -c ^Package; exit 9'
	expect_status 9
	expect_out "made by the tests of vmrt
$WORK
x
1"
	expect_equal "$(cat "$WORK/here")" seen
	expect_equal "$(sha256sum <"$IMAGES/debian.qcow2")" "$before"
	two_roots "$T/disk"
	vmrun --image "$T/disk" --boot direct sh -c true
	expect_status 125
	expect_err_has 'guest: vm.image: each of the partitions 1, 2 could be the root: choose one (vmrun: --partition)'
	vmrun --image "$T/disk" --boot direct --partition 3 sh -c true
	expect_status 125
	expect_err_has 'guest: vm.image: there is no partition 3'
	vmrun --image "$T/disk" --boot direct --partition 2 --rw -w / sh -c 'read -r name </etc/name; echo "$name"; echo kept >/etc/kept'
	expect_status 0
	expect_out 'root 2'
	dd if="$T/disk" bs=1M skip=10 count=8 of="$T/part" status=none
	expect_equal "$(debugfs -R 'cat /etc/kept' "$T/part" 2>/dev/null)" kept
	e2fsck -fn "$T/part" >"$T/fsck" 2>&1 || expect_failed "a clean file system: $(cat "$T/fsck")"
	truncate -s 4M "$T/blank"
	vmrun --image "$T/blank" --boot direct sh -c true
	expect_status 125
	expect_err_has 'guest: vm.image: no root file system was found on it, of the types that this kernel has: '
	vmrun --image "$T/blank" --boot direct --uefi sh -c true
	expect_status 125
	expect_err 'vmrun: options --uefi and --boot direct: only one of them'
	vmrun --image "$IMAGES/debian.qcow2" --partition 2 true
	expect_err 'vmrun: option --partition: only with --boot direct'
}
