# --isolated and --standalone: a program without the host's files.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() {
	vmrun_setup
	cp "$BUILD/payload" "$WORK/payload"
}
teardown() { test_teardown; }

@test "links are links to copies: of the program's name, of what is added; added programs bring their libraries" {
	mkdir "$T/real"
	echo text >"$T/real/file"
	ln -s real "$T/dir"
	ln -s file "$T/real/link"
	ln -s "$(command -v busybox)" "$T/cat"
	vmrun --isolated --add "$T/dir/link" "$T/cat" "$T/dir/link" "$T/real/file"
	expect_status 0
	expect_out 'text
text'
	# A relative name, and a program that another one starts.
	vmrun --isolated --add ./payload --add "$(command -v jq)" bash -c "jq -n 1+1; cd $WORK && ./payload exit 4"
	expect_status 4
	expect_out 2
}

@test "libraries are found where the caller's cache or LD_LIBRARY_PATH have them" {
	local library
	library=$(ldd "$(command -v jq)" | awk '/libjq/ { print $3 }')
	mkdir "$T/far"
	cp "$library" "$T/far/"
	LD_LIBRARY_PATH=$T/far vmrun --isolated jq -n 40+2
	expect_status 0
	expect_out 42
	# Its cache, in a mount namespace of the test's own.
	echo "$T/far" >"$T/ld.so.conf"
	ldconfig -C "$T/cache" -f "$T/ld.so.conf" 2>/dev/null
	# shellcheck disable=SC2016 # the inner shell's
	(cd "$WORK" && unshare -m sh -c 'mount --bind "$1" /etc/ld.so.cache; exec "$2" --isolated jq -n 40+3' sh "$T/cache" "$VMRUN") >"$OUT" 2>"$ERR" 3>&-
	expect_out 43
}

@test "--standalone: the program is PID 1 with its arguments, its end is the status" {
	local odd=('a b' '"quoted"' "it's" '' '$x \back' $'new\nline' --append)
	vmrun --standalone ./payload args "${odd[@]}"
	expect_status 0
	expect_err ""
	expect_out "$("$WORK/payload" args "${odd[@]}")"
	vmrun --standalone ./payload exit 77
	expect_status 77
	# shellcheck disable=SC2016 # the guest's shell expands it
	A='one two' vmrun --standalone -e A bash -c 'echo "$$ $0 $A"; echo /*; echo to stderr >&2; printf "no newline"; exit 5' name
	expect_status 5
	expect_equal "$(sed -n 1p "$OUT")" '1 name one two'
	expect_match "$(sed -n 2p "$OUT")" '^/dev /.*init .*lib'
	[[ $(sed -n 2p "$OUT") != *standalone* ]] || expect_failed "nothing of vmrt's"
	expect_equal "$(tail -n +3 "$OUT")" 'to stderr
no newline'
	# Nothing of the output is lost.
	vmrun --standalone bash -c 'for ((i = 0; i < 20000; i++)); do echo "line $i"; done'
	expect_status 0
	for ((i = 0; i < 20000; i++)); do echo "line $i"; done | cmp - "$OUT" || expect_failed "all lines"
}

@test "--standalone: one that shuts the machine down tells its status before; what it does not tell is said" {
	local busybox
	busybox=$(command -v busybox)
	vmrun --standalone --add "$busybox" bash -c "echo VIRTRUN_EXIT_CODE: 42; $busybox reboot -f"
	expect_status 42
	expect_out ""
	vmrun --standalone --add "$busybox" bash -c "echo begun; $busybox reboot -f"
	expect_status 255
	expect_out begun
	expect_match "$(cat "$ERR")" '^vmrun: guest: .*without telling an exit status'
	vmrun --standalone --timeout 10 bash -c 'echo begun; while :; do :; done'
	expect_status 124
	expect_out begun
	vmrun --standalone -m 256 --add "$busybox" --add ./payload bash -c "$busybox mount -t proc p /proc; exec $WORK/payload panic"
	expect_status 255
	expect_match "$(cat "$ERR")" '^vmrun: guest: kernel panic: (Out of memory|System is deadlocked)'
	vmrun --standalone -v /tmp true
	expect_status 125
	expect_err_has 'vmrun: option --standalone: not with --volume'
}
