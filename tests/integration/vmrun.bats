# vmrun without special wishes: the host's files, the current directory, streams, statuses, terminals.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() { vmrun_setup; }
teardown() { test_teardown; }

@test "a command runs in a VM, with the host's programs, in the current directory, as the caller" {
	echo in >"$WORK/in"
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun sh -ec 'uname -r; pwd; id -u; id -g; cat in; echo out >out; mkdir -p sub/dir; stat -c %s /etc/passwd; hostname
		echo "$HOME $USER $SHELL"; umask'
	expect_status 0
	expect_err ""
	expect_out "$(sed -n 1p "$OUT")
$WORK
0
0
in
$(stat -c %s /etc/passwd)
$(hostname)
$(getent passwd 0 | cut -d: -f6) root $(getent passwd 0 | cut -d: -f7)
$(umask)"
	expect_match "$(sed -n 1p "$OUT")" '-vmrt$' "vmrt's kernel"
	expect_equal "$(cat "$WORK/out")" out
	[ -d "$WORK/sub/dir" ] || expect_failed "the directory on the host"
}

@test "a caller that ignores SIGCHLD is served like any other" {
	status=0
	timeout --foreground -k 5 "$CALL_LIMIT_S" env --ignore-signal=CHLD "$VMRUN" sh -c 'echo out; exit 7' \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 7
	expect_out out
	expect_err ""
}

@test "outside of the current directory nothing stays, and nothing of it fails" {
	mkdir "$T/beside"
	echo old >"$T/beside/file"
	find /etc "$T/beside" -printf '%p %m %s %T@\n' | sort >"$T/before"
	vmrun sh -ec "echo new >$T/beside/file; cat $T/beside/file; rm /etc/passwd; echo x >/etc/made; mkdir /made; rm -rf /usr/share/doc
		[ ! -e /etc/passwd ]; cat /etc/made; ls -d /made; echo x >/dev/shm/x; echo y >/run/y; cat /run/y"
	expect_status 0
	expect_out 'new
x
/made
y'
	diff "$T/before" <(find /etc "$T/beside" -printf '%p %m %s %T@\n' | sort) >&2 || expect_failed "the host unchanged"
	[ ! -e /made ] || expect_failed "no /made"
}

@test "streams are apart and byte for byte, input ends, the status is the command's" {
	head -c 3000000 /dev/urandom >"$T/random"
	vmrun_input "$T/random" sh -c 'cat; echo diagnosis >&2; exit 200'
	expect_status 200
	expect_err diagnosis
	cmp "$T/random" "$OUT" || expect_failed "the same bytes"
	vmrun sh -c 'wc -c; kill -TERM $$'
	expect_status 143
	expect_out 0
	vmrun_input "$T/random" -i=false wc -c
	expect_out 0
	for code in 1 124 125 126 127 255; do
		vmrun sh -c "echo $code; exit $code"
		expect_status "$code"
		expect_out "$code"
		expect_err ""
	done
}

@test "arguments arrive as they are, up to what the kernel takes" {
	local long
	long=$(head -c 100000 /dev/zero | tr '\0' x)
	local odd=('a b' '' $'new\nline' "it's" '"quoted"' '$HOME `id` $(id)' '\back\\slash' '*' 'ü' -- --help -x $'\t\e[0m' '#;&|<>')
	# shellcheck disable=SC2016 # the guest's shell expands it
	vmrun sh -c 'printf "%s\0" "$@"' sh "${odd[@]}" "$long"
	expect_status 0
	printf '%s\0' "${odd[@]}" "$long" | cmp - "$OUT" || expect_failed "the same arguments"
	# 25 of them: 2.5 MB would be too much for execve with the usual stack limit, 1.5 MB is not.
	# shellcheck disable=SC2016,SC2046 # a list; the guest's shell expands it
	vmrun sh -c 'echo $#; for a; do echo ${#a}; done | sort -u' sh $(for _ in $(seq 15); do echo "$long"; done)
	expect_out '15
100000'
	vmrun echo $'\xff'
	expect_status 125
	expect_err 'vmrun: argument 1 of the command is no UTF-8 text'
}

@test "what cannot be executed has 127 or 126, own failures 125, each with a line" {
	vmrun no-such-command
	expect_status 127
	expect_err_has 'exec: "no-such-command": executable file not found in $PATH'
	echo '#!/no/such/interpreter' >"$WORK/script"
	vmrun ./script
	expect_status 126
	chmod +x "$WORK/script"
	vmrun ./script
	expect_status 127
	vmrun /
	expect_status 126
	vmrun --no-such-option true
	expect_status 125
	expect_err "vmrun: unknown option '--no-such-option'"
	VMRT=/no/such/vmrt vmrun true
	expect_status 125
	expect_err_has "starting '/no/such/vmrt'"
	VMRT_CONFIG=/no/such/settings vmrun true
	expect_status 125
	expect_err_has "/no/such/settings"
}

@test "--timeout ends the command, and what ignores that" {
	vmrun --timeout 12 sh -c 'trap "echo ended; exit 5" TERM; echo begun; while :; do sleep 0.1; done'
	expect_status 124
	expect_out 'begun
ended'
	vmrun --timeout 12 sh -c 'trap "" TERM; echo begun; while :; do sleep 0.1; done'
	expect_status 124
	expect_out begun
	vmrun --timeout 300 sh -c 'echo in time; exit 3'
	expect_status 3
	vmrun --timeout soon true
	expect_status 125
	expect_err "vmrun: option --timeout: expected seconds, got 'soon'"
}

@test "signals that vmrun gets are the command's" {
	local signal
	for signal in TERM INT USR1; do
		vmrun_start sh -c "trap 'echo got $signal; exit 9' $signal; echo ready; while :; do sleep 0.1; done"
		wait_for "the command" grep -q ready "$OUT"
		kill "-$signal" "$VMRUN_PID"
		vmrun_wait
		expect_status 9
		expect_out_line "got $signal"
	done
	vmrun_start sleep 1000
	wait_for "the bundle" compgen -G "$ROOT/vmrun-*/state/vmrun-*/config.json"
	cgroup=$(basename "$ROOT"/vmrun-*)
	kill -TERM "$VMRUN_PID"
	vmrun_wait
	expect_status 143
	expect_equal "$(find /sys/fs/cgroup -name "$cgroup" -type d)" ''
}

# shellcheck disable=SC2016 # the guest's shell expands it
INTERACTIVE='trap "echo interrupted; exit 7" INT; trap "stty size" WINCH; stty size; tty; echo ready
	while ! read -t 1 -r line; do :; done; echo "got $line"; while :; do sleep 0.05; done'

@test "at a terminal the command has one: size, input, resize, ^C once; the terminal is given back" {
	vmrun_terminal size:30x100 expect:ready mode: size:50x132 'expect:50 132' 'send:hello\r' 'expect:got hello' 'send:\x03' -- \
		bash -c "$INTERACTIVE"
	expect_out_line '30 100'
	expect_out_line /dev/pts/0
	expect_equal "$(grep -c 'interrupted$' "$OUT")" 1 "one ^C"
	expect_out_line '[raw]'
	expect_out_line '[status 7] [cooked]'
	vmrun_terminal 'expect:# ' 'send:exit 4\r' -- -e 'PS1=# ' -- sh
	expect_out_line '[status 4] [cooked]'
	vmrun_terminal expect:ready signal:KILL -- sh -c 'echo ready; sleep 1000'
	expect_out_has '[status -9] [cooked]'
	wait_for "all of it to go" eval '[ -z "$(ls "$ROOT")" ]'
	# Without one ^C is a signal, to vmrt and vmrun alike.
	vmrun_terminal expect:ready 'send:\x03' -- -t=false \
		bash -c 'trap "echo interrupted; exit 6" INT; echo ready; while :; do sleep 0.1; done'
	expect_equal "$(grep -c '^interrupted$' "$OUT")" 1 "one ^C"
	expect_out_has '[status 6] [cooked]'
}

@test "a panic of the guest's kernel is 255 with the kernel's lines" {
	cp "$BUILD/payload" "$WORK/payload"
	vmrun -m 256 ./payload panic
	expect_status 255
	expect_err_has 'Kernel panic - not syncing: Out of memory'
	expect_err_has 'guest: kernel panic: '
	# While it boots, when its console may not be there yet; what --console's file had before is not shown.
	echo 'Kernel panic of yesterday' >"$T/console"
	vmrun --append rdinit=/nowhere --console "$T/console" true
	expect_status 255
	expect_err_has 'guest: kernel panic'
	! grep yesterday "$ERR" || expect_failed "nothing of yesterday"
}
