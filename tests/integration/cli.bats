# The command line: help, versions, options in every accepted form, spec and features.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "--version tells runtime, commit and specification" {
	call --version
	expect_status 0
	expect_match "$(head -n 1 "$OUT")" '^[a-z]+ version [0-9]'
	expect_match "$(cat "$OUT")" 'commit: .+'
	expect_match "$(cat "$OUT")" 'spec: 1\.[0-9]+\.[0-9]+'
	cp "$OUT" "$T/long"
	call -v
	expect_out "$(cat "$T/long")"
}

@test "--help names every command" {
	call --help
	expect_status 0
	local verb
	for verb in create start state kill delete run list spec features; do
		grep -qE "^ *$verb\b" "$OUT" || expect_failed "a line about $verb"
	done
}

@test "every command has a help" {
	local verb
	for verb in create start state kill delete run list spec features; do
		call "$verb" --help
		expect_status 0
		expect_out_has "$verb"
	done
}

@test "an unknown command is refused by name" {
	call explode
	[ "$status" -ne 0 ] || expect_failed "a failure"
	grep -q explode "$OUT" "$ERR" || expect_failed "the name of the unknown command"
}

@test "an unknown option is refused by name" {
	call run --no-such-option --bundle "$BUNDLE" "$ID"
	[ "$status" -ne 0 ] || expect_failed "a failure"
	grep -q no-such-option "$OUT" "$ERR" || expect_failed "the name of the unknown option"
	[ ! -e "$ROOT/$ID" ]
}

@test "a missing id is refused" {
	local verb
	for verb in create start state kill delete run; do
		call "$verb"
		[ "$status" -ne 0 ] || expect_failed "$verb without an id to fail"
		[ -s "$ERR" ] || [ -s "$OUT" ] || expect_failed "$verb without an id to say why"
	done
	# Proof that the same with an id works.
	run_container /payload say id
	expect_out id
}

@test "global options are taken with a space and with an equals sign" {
	args /payload say joined
	status=0
	"$VMRT" --root="$ROOT" --log="$LOG" --log-format=json --debug=false run --bundle="$BUNDLE" "$ID" \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 0
	expect_out joined
	expect_equal "$(jq -s length "$LOG" 2>/dev/null || true)" 0 "nothing in the log"
}

@test "the options engines pass to create are accepted" {
	args /payload say accepted
	create_ok --no-pivot --no-new-keyring
	start_ok
	wait_exit
	expect_status 0
	expect_out accepted
}

@test "errors go to stderr as text and to --log as JSON" {
	call start nobody
	expect_refusal 'container does not exist'
	expect_err 'container does not exist'
}

@test "the log is appended to" {
	local round
	for round in 1 2; do
		status=0
		rt start nobody </dev/null >"$OUT" 2>"$ERR" || status=$?
		expect_status 1
	done
	expect_equal "$(jq -s 'map(.msg) | unique | .[0]' "$LOG")" '"container does not exist"'
	expect_equal "$(jq -s length "$LOG")" 2
}

@test "a text log has the message too" {
	status=0
	timeout 10 "$VMRT" --root "$ROOT" --log "$LOG" --log-format text start nobody \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 1
	file_has "$LOG" 'container does not exist' || expect_failed "the message in the log"
}

@test "a log that cannot be written does not swallow the error" {
	status=0
	timeout 10 "$VMRT" --root "$ROOT" --log "$T/no/such/dir/log" --log-format json start nobody \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 1
	[ -s "$ERR" ] || expect_failed "a message on stderr"
}

@test "a success writes nothing into the log" {
	run_container /payload say fine
	expect_out fine
	[ ! -s "$LOG" ] || expect_failed "an empty log"
}

@test "spec writes a config.json that runs" {
	rm "$BUNDLE/config.json"
	call spec --bundle "$BUNDLE"
	expect_status 0
	jq -e '.ociVersion and .root.path == "rootfs" and (.process.args | length > 0)' "$BUNDLE/config.json"
	config '.process.terminal = false | .process.args = ["/payload", "say", "from spec"] | del(.process.rlimits)'
	run_container
	expect_status 0
	expect_out "from spec"
}

@test "spec does not overwrite a config.json" {
	local before
	before=$(sha256sum <"$BUNDLE/config.json")
	call spec --bundle "$BUNDLE"
	expect_status 1
	expect_err_has config.json
	expect_equal "$(sha256sum <"$BUNDLE/config.json")" "$before"
}

@test "features is JSON on stdout and claims what is there" {
	call features
	expect_status 0
	expect_err ""
	jq -e '(.ociVersionMin | test("^1\\.")) and (.ociVersionMax | test("^1\\.")) and
		(.mountOptions | index("ro") and index("rbind") and index("nosuid")) and
		(.linux.namespaces | index("pid") and index("mount")) and
		(.linux.capabilities | index("CAP_CHOWN"))' "$OUT"
}

@test "no XDG_RUNTIME_DIR, an empty one and no PATH are all the same to root" {
	args /payload say bare
	status=0
	env -i XDG_RUNTIME_DIR= "$VMRT" --root "$ROOT" --log "$LOG" run --bundle "$BUNDLE" "$ID" \
		</dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 0
	expect_out bare
}

@test "a caller that ignores SIGCHLD is served like any other" {
	args /bin/sh -c 'echo out; exit 7'
	status=0
	timeout --foreground -k 5 "$CALL_LIMIT_S" env --ignore-signal=CHLD "$VMRT" --root "$ROOT" --log "$LOG" \
		run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 7
	expect_out out
	expect_err ""
}

# The options of a command's help, one a line.
options_of() {
	"$@" --help 2>&1 | sed -nE 's/^ +(-[a-z], )?--([a-z0-9-]+).*/\2/p' | sort -u
}

@test "every option of runc's commands is known" {
	vm_only "it is runc itself"
	local verb missing
	for verb in create start run exec kill delete ps events update pause resume state list checkpoint restore; do
		missing=$(comm -23 <(options_of runc "$verb") <(options_of "$VMRT" "$verb"))
		[ -z "$missing" ] || expect_failed "options of runc $verb:" "$missing"
	done
	# The comparison compares something.
	options_of runc exec | grep -qx preserve-fds
}
