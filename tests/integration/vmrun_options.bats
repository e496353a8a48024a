# vmrun's options, one by one.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() { vmrun_setup; }
teardown() { test_teardown; }

@test "-m and -c size the machine" {
	# shellcheck disable=SC2016 # the guest's awk
	vmrun -m 300 -c1 sh -c 'nproc; awk "/MemTotal/ { print (\$2 > 230000 && \$2 <= 307200) }" /proc/meminfo'
	expect_out '1
1'
	vmrun --memory=1G --cpus 2 sh -c 'nproc; awk "/MemTotal/ { print (\$2 > 900000) }" /proc/meminfo'
	expect_out '2
1'
	vmrun -c 0 true
	expect_status 125
	expect_err "vmrun: option --cpus: expected a number from 1 on, got '0'"
	vmrun -m 0 true
	expect_status 125
	expect_err "vmrun: option --memory: expected a size like 512M, got '0'"
	vmrun -m lots true
	expect_status 125
	expect_err "vmrun: option --memory: expected a size like 512M, got 'lots'"
	vmrun -m 1 true
	expect_status 125
	expect_err_has 'vm.hwConfig.memory: 1 MiB is not between'
}

@test "-r takes another root, whose changes vanish; with --rw they stay" {
	vmrun -r "$ROOTFS" sh -ec 'cat /etc/notes; echo new >/etc/notes; cat /etc/notes; pwd; echo here >file'
	expect_status 0
	expect_out "plain text
new
$WORK"
	expect_equal "$(cat "$ROOTFS/etc/notes")" 'plain text'
	expect_equal "$(cat "$WORK/file")" here
	vmrun -r "$ROOTFS" --rw sh -ec 'echo new >/etc/notes; echo hello >/hello'
	expect_status 0
	expect_equal "$(cat "$ROOTFS/etc/notes" "$ROOTFS/hello")" 'new
hello'
	vmrun -r "$T/absent" true
	expect_status 125
	expect_err_has "option --root: '$T/absent'"
}

@test "-v shares directories and files: rw, ro, cow, elsewhere" {
	mkdir "$T/data"
	echo text >"$T/data/file"
	vmrun -v "$T/data:/mnt/deep/er" -v "$T/data/file:/mnt/single:ro" -v "$T/data:/mnt/cow:cow" sh -c '
		cat /mnt/deep/er/file /mnt/single /mnt/cow/file; echo changed >/mnt/cow/file; cat /mnt/cow/file
		echo x >/mnt/single; echo y >/mnt/deep/er/new; echo status $?'
	expect_out 'text
text
text
changed
status 0'
	expect_err_has 'Read-only file system'
	expect_equal "$(cat "$T/data/file" "$T/data/new")" 'text
y'
	vmrun -v "$T/data:ro" sh -c "cat $T/data/file; rm $T/data/file"
	expect_out text
	expect_err_has 'Read-only file system'
	# The current directory too, and what lies in it.
	echo mine >"$WORK/own"
	mkdir "$WORK/sub"
	vmrun -v "$WORK:cow" -v "$T/data:$WORK/sub:ro" sh -c 'echo changed >own; cat own sub/file; echo x >sub/file'
	expect_out 'changed
text'
	expect_err_has 'Read-only file system'
	expect_equal "$(cat "$WORK/own") $(ls "$WORK/sub")" 'mine '
	vmrun -v "$T/data:/mnt:sometimes" true
	expect_status 125
	expect_err "vmrun: option --volume: expected ro, rw or cow, got 'sometimes'"
	vmrun -v "$T/absent" true
	expect_status 125
	expect_err_has "option --volume: '$T/absent'"
}

@test "-e, --env-host and -w" {
	mkdir "$WORK/sub"
	# shellcheck disable=SC2016 # the guest's shell expands it
	FOO='from outside' BAR=bar LC_TIME=C vmrun -e FOO -e 'BAZ=a b' -e ABSENT -w /usr/share sh -c \
		'echo "$FOO|$BAR|$BAZ|${ABSENT-none}|$LC_TIME"; pwd'
	expect_out 'from outside||a b|none|C
/usr/share'
	# shellcheck disable=SC2016 # the guest's shell expands it
	BAR=bar HOME=/elsewhere vmrun --env-host -e HOME sh -c 'echo "$BAR $HOME"'
	expect_out 'bar /elsewhere'
	vmrun -e =x true
	expect_status 125
	expect_err "vmrun: option --env: expected NAME or NAME=VALUE, got '=x'"
	vmrun -w sub true
	expect_status 125
	expect_err "vmrun: option --workdir: 'sub' is no absolute path"
}

@test ".vmrun-args and VMRUN_ARGS are options that are always meant; the command line wins" {
	printf '# comment\n\n--env=A=with a blank\n-e\nB=file\n-c\n1\n' >"$WORK/.vmrun-args"
	# shellcheck disable=SC2016 # the guest's shell expands it
	VMRUN_ARGS='-e B=variable  -e C=variable' vmrun -e C=line sh -c 'echo "$A|$B|$C"; nproc'
	expect_out 'with a blank|variable|line
1'
	VMRUN_ARGS='-c 2' vmrun nproc
	expect_out 2
	VMRUN_ARGS='-c 2 true' vmrun nproc
	expect_status 125
	expect_err "vmrun: .vmrun-args and \$VMRUN_ARGS: 'true' is no option"
	VMRUN_ARGS='-f x' vmrun nproc
	expect_status 125
	expect_err "vmrun: .vmrun-args and \$VMRUN_ARGS: option --file belongs on the command line"
	# Whoever wrote it would have all that the caller may do.
	chown 1234 "$WORK/.vmrun-args"
	vmrun nproc
	expect_status 125
	expect_err_has 'vmrun: .vmrun-args is not taken: it belongs to user 1234'
}

@test "files that go's test programs are told to write land on the host" {
	mkdir "$T/go-build"
	echo '#!/bin/sh' >"$T/go-build/pkg.test"
	# shellcheck disable=SC2016 # the guest's shell expands it
	echo 'for a; do case $a in -test.coverprofile=*) echo covered >"${a#*=}" ;; -other=*) echo x >"${a#*=}" ;; esac; done' \
		>>"$T/go-build/pkg.test"
	chmod +x "$T/go-build/pkg.test"
	vmrun "$T/go-build/pkg.test" -test.v=true "-test.coverprofile=$T/go-build/cover.out" -other=/etc/other
	expect_status 0
	expect_equal "$(cat "$T/go-build/cover.out")" covered
	[ ! -e /etc/other ] || expect_failed "no /etc/other"
}

@test "-u takes names and numbers, with their groups, home and capabilities" {
	vmrun -u nobody sh -c 'id -un; echo $HOME; grep CapEff /proc/self/status'
	expect_out 'nobody
/nonexistent
CapEff:	0000000000000000'
	vmrun -u 12345:games id
	expect_out "uid=12345 gid=$(getent group games | cut -d: -f3)(games) groups=$(getent group games | cut -d: -f3)(games)"
	vmrun -r "$ROOTFS" -u user id
	expect_out 'uid=1000(user) gid=1000(user) groups=1000(user),2000(extra)'
	vmrun -u no-such-user true
	expect_status 125
	expect_err "vmrun: option --user: there is no user 'no-such-user'"
	vmrun sh -c 'grep CapEff /proc/self/status; mount -t tmpfs t /mnt && echo mounted'
	expect_out 'CapEff:	000001ffffffffff
mounted'
}

@test "-i and -t, also in one word; no terminal is an error; --help and the man page list all options" {
	local name
	vmrun_terminal expect:tty -- -it sh -c 'tty'
	expect_out_line /dev/pts/0
	vmrun -t true
	expect_status 125
	expect_err 'vmrun: option --tty: standard input is no terminal'
	vmrun --help
	expect_status 0
	for name in $(sed -n 's/^  \(-., \)\?--\([a-z-]*\) .*/\2/p' "$OUT"); do
		grep -qE "^\.It Fl (. , Fl )?-${name//-/\\\\?-}( |$)" "$TOP/docs/man/vmrun.1" || expect_failed "--$name in the man page"
	done
	# The script is made of the same table.
	"$VMRUN" --completion >"$T/completion"
	# shellcheck source=/dev/null
	source "$T/completion"
	COMP_WORDS=(vmrun --kernel x --env) COMP_CWORD=3 COMPREPLY=()
	_vmrun
	expect_equal "${COMPREPLY[*]}" '--env --env-host' completion
	COMP_WORDS=(vmrun -q ls --env) COMP_CWORD=3
	_vmrun
	expect_equal "${COMPREPLY[*]-}" '' "completion of the command's words"
	COMP_WORDS=(vmrun -k "$T/completi") COMP_CWORD=2
	_vmrun
	expect_equal "${COMPREPLY[*]}" "$T/completion" "completion of a file"
	[ "$(grep -c -- ' --' "$OUT")" -gt 15 ] || expect_failed "options"
}

@test "--append, --console, --qemu-arg, --keep" {
	vmrun --append 'one.word=1 two.words=2' --append log_buf_len=1M --console "$T/console" \
		--qemu-arg=-name --qemu-arg named-by-vmrun --qemu qemu-system-x86_64 -V --keep cat /proc/cmdline
	expect_status 0
	expect_equal "$(sed -n 1p "$ERR")" "vmrun: vmrt's own kernel"
	expect_match "$(cat "$OUT")" ' one.word=1 two.words=2 log_buf_len=1M( |$)'
	grep -q 'Run /init as init process' "$T/console" || expect_failed "the kernel's messages"
	expect_match "$(tail -n +2 "$ERR")" "^vmrun: kept $ROOT/vmrun-"
	jq -e '.vm.hypervisor.parameters == ["-name", "named-by-vmrun"]' "$ROOT"/vmrun-*/config.json >/dev/null ||
		expect_failed "the parameters"
	"$VMRT" --root "$ROOT"/vmrun-*/state delete "$(basename "$ROOT"/vmrun-*)"
	rm -r "$ROOT"/vmrun-*
	vmrun --qemu no-such-qemu true
	expect_status 125
	expect_err "vmrun: option --qemu: there is no program 'no-such-qemu'"
	vmrun --qemu-arg=-no-such-argument true
	expect_status 125
	expect_err_has 'qemu: ended unexpectedly'
}

@test "--isolated has the program, its libraries and what was added, and nothing else of the host" {
	echo added >"$T/added"
	vmrun --isolated --add "$T/added" bash -c 'pwd; echo /*; echo "$(<'"$T/added"')"; [ ! -e /etc/passwd ] && echo alone; echo x >/new'
	expect_status 0
	expect_match "$(sed -n 2p "$OUT")" '^/dev /.*lib.* /proc /run /sys /(tmp|usr)'
	expect_equal "$(sed 2d "$OUT")" '/
added
alone'
	# A static one, at a path below the current directory, which is not there.
	cp "$BUILD/payload" "$WORK/payload"
	vmrun --isolated ./payload exit 7
	expect_status 7
	echo '#!/bin/sh' >"$WORK/script"
	chmod +x "$WORK/script"
	vmrun --isolated ./script
	expect_status 125
	expect_err "vmrun: option --isolated: '$WORK/script' is no program of this machine's"
	vmrun --isolated no-such-command
	expect_status 125
	expect_err "vmrun: 'no-such-command' is not in PATH"
	vmrun --add "$T/added" true
	expect_status 125
	expect_err "vmrun: option --add: only with --isolated"
}

@test "--gdb makes a socket where a debugger finds the kernel" {
	vmrun_start --gdb "$T/gdb" sh -c 'echo ready; grep -o nokaslr /proc/cmdline; until [ -e end ]; do sleep 0.1; done'
	wait_for "the command" grep -q ready "$OUT"
	# "?" of gdb's remote protocol: why does it stand still? T05: a trap, as the connection stopped it.
	python3 - "$T/gdb" >"$T/answer" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		s.send(b"$?#3f")
		answer = b""
		while b"T05" not in answer:
		    answer += s.recv(100)
		print(answer.decode())
		s.send(b"+$D#44")
	END
	expect_match "$(cat "$T/answer")" '[$]T05' "QEMU's answer"
	touch "$WORK/end"
	vmrun_wait
	expect_status 0
	expect_out_line nokaslr
	[ ! -e "$T/gdb" ] || expect_failed "no socket left"
	echo mine >"$T/file"
	vmrun --gdb "$T/file" true
	expect_status 125
	expect_err_has "option --gdb: '$T/file'"
	expect_equal "$(cat "$T/file")" mine
}

@test "-P leads a port of the host's to the command's server, through passt and through QEMU" {
	local settings
	echo 'the page' >"$WORK/page"
	for settings in '{}' '{"passt": "none"}'; do
		echo "$settings" >"$T/vmrt.json"
		VMRT_CONFIG=$T/vmrt.json vmrun_start --net user -P 127.0.0.1:17480:8000 sh -c \
			'busybox httpd -p 8000 && until [ -e end ]; do sleep 0.1; done'
		wait_for "the server's page" fetch_page
		touch "$WORK/end"
		vmrun_wait
		expect_status 0
		rm "$WORK/end"
	done
}

fetch_page() {
	python3 -c 'import urllib.request as r; print(r.urlopen("http://127.0.0.1:17480/page", timeout=5).read().decode())' 2>/dev/null |
		grep -qx 'the page'
}

@test "-D gives the machine disks, read-only ones among them" {
	truncate -s 8M "$T/disk"
	mkfs.ext4 -q "$T/disk"
	truncate -s 4M "$T/other"
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun -D "$T/disk" -D "$T/other:ro" sh -c 'mount /dev/vda /mnt && echo written >/mnt/file && umount /mnt
		blockdev --getro /dev/vda /dev/vdb; blockdev --getsize64 /dev/vdb; echo x >/dev/vdb; ls /dev/vd*'
	expect_status 0
	expect_out '0
1
4194304
/dev/vda
/dev/vdb'
	cmp -n 4194304 "$T/other" /dev/zero || expect_failed "nothing written"
	vmrun -D "$T/disk:ro" sh -c 'mount -o ro /dev/vda /mnt && cat /mnt/file'
	expect_out written
	wait_for "the loop devices to go" eval '[ -z "$(losetup -n -j "$T/disk")$(losetup -n -j "$T/other")" ]'
	vmrun -D "$T/absent" true
	expect_status 125
	expect_err "vmrun: option --disk: '$T/absent': No such file or directory"
	printf 'QFI\xfb' | dd of="$T/other" conv=notrunc status=none
	vmrun -D "$T/other" true
	expect_status 125
	expect_err "vmrun: option --disk: '$T/other' is qcow2: only raw disks can be used"
}

@test "--net user reaches the host and its names, none has loopback only" {
	vmrun ip -o link
	expect_match "$(cat "$OUT")" '^1: lo: '
	expect_equal "$(grep -c . "$OUT")" 1 interfaces
	vmrun --net user sh -c 'ip -o -4 addr show scope global; ip route; cat /etc/resolv.conf'
	expect_status 0
	expect_out_has 'inet 10.0.2.15/24'
	expect_out_has 'default via 10.0.2.2'
	expect_out_line 'nameserver 10.0.2.3'
	vmrun -P 8080:80 true
	expect_status 125
	expect_err "vmrun: option --publish: only with --net user"
	vmrun --net user -P 80 true
	expect_status 125
	expect_err_has "io.vmrt.publish: expected [ADDRESS:]HOST-PORT:GUEST-PORT[/udp], found '80'"
	vmrun --net bridge true
	expect_status 125
	expect_err "vmrun: option --net: expected none or user, got 'bridge'"
}
