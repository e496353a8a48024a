# --dry-run: the commands are given to a shell as they are.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() { vmrun_setup; }
teardown() { test_teardown; }

# paste: what vmrun has just printed, to a POSIX shell. Then $OUT and $ERR are the shell's.
paste() {
	expect_status 0
	expect_match "$(cat "$ERR")" "^vmrun: what these need is in $ROOT/vmrun-"
	mv "$OUT" "$T/script"
	status=0
	(cd / && exec timeout --foreground -k 5 "$CALL_LIMIT_S" sh) <"$T/script" >"$OUT" 2>"$ERR" 3>&- || status=$?
	rm -r "$ROOT"/vmrun-*
}

@test "a shell that is given the commands runs the command, with its files, arguments and status" {
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun --dry-run -e A="it's" -m 300 --append 'some.word="a b"' sh -c \
		'printf "%s|" "$@" "$A"; pwd; echo out >out; echo x >/etc/made; cat /etc/made; echo error >&2; grep -c some.word /proc/cmdline; exit 9' \
		sh 'a b' "it's" '$HOME' '' $'new\nline'
	paste
	expect_status 9
	expect_out "a b|it's|\$HOME||new
line|it's|$WORK
x
1"
	expect_err error
	expect_equal "$(cat "$WORK/out")" out
	[ ! -e /etc/made ] || expect_failed "no /etc/made"
	vmrun --dry-run --net user sh -c 'ip -o -4 addr show scope global; kill -TERM $$'
	paste
	expect_status 143
	expect_out_has 'inet 10.0.2.15/24'
	cp "$BUILD/payload" "$WORK/payload"
	vmrun --dry-run --standalone ./payload args one 'two words'
	paste
	expect_out_has 'two words'
	# Nobody waits for what has failed.
	vmrun --dry-run --qemu-arg -no-such-option true
	paste
	[ "$status" -ne 0 ] || expect_failed "a status other than 0"
	expect_err_has no-such-option
	vmrun --dry-run true
	sed -i 's/exec env/exit 1; exec env/' "$OUT"
	paste
	[ "$status" -ne 0 ] || expect_failed "a status other than 0"
	# What they cannot do is refused, and leaves nothing behind.
	truncate -s 1M "$T/disk"
	vmrun --dry-run -D "$T/disk" true
	expect_status 125
	expect_err "vmrun: option --dry-run: not with --disk, whose loop device ends with vmrun"
	vmrun --dry-run -r "$T/absent" true
	expect_status 125
	expect_equal "$(ls "$ROOT")" ''
	expect_out ""
}
