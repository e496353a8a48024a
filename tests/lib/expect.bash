# shellcheck shell=bash
#
# Assertions on the last container or call: $status, $OUT and $ERR. Each prints what was there when it fails.

expect_failed() {
	echo "expected $1" >&2
	shift
	printf '%s\n' "$@" >&2
	show_last
	return 1
}

show_last() {
	echo "--- status: ${status-none}" >&2
	local file
	for file in "${OUT-}" "${ERR-}" "$LOG"; do
		[ -e "$file" ] || continue
		echo "--- ${file##*/} ($(stat -c %s "$file") bytes):" >&2
		head -c 4000 "$file" >&2
	done
	echo "---" >&2
}

expect_status() {
	[ "$status" = "$1" ] || expect_failed "status $1, got $status"
}

# expect_out TEXT: stdout is exactly that (the final newline aside).
expect_out() {
	[ "$(cat "$OUT")" = "$1" ] || expect_failed "on stdout:" "$1"
}

expect_err() {
	[ "$(cat "$ERR")" = "$1" ] || expect_failed "on stderr:" "$1"
}

expect_out_has() {
	grep -qF -- "$1" "$OUT" || expect_failed "on stdout, among others:" "$1"
}

expect_err_has() {
	grep -qF -- "$1" "$ERR" || expect_failed "on stderr, among others:" "$1"
}

expect_out_line() {
	grep -qxF -- "$1" "$OUT" || expect_failed "on stdout, the line:" "$1"
}

expect_no_out_line() {
	! grep -qxF -- "$1" "$OUT" || expect_failed "not on stdout:" "$1"
}

expect_equal() {
	[ "$1" = "$2" ] || expect_failed "${3-equality}:" "got:    $1" "wanted: $2"
}

expect_match() {
	[[ $1 =~ $2 ]] || expect_failed "${3-a match}:" "got:     $1" "pattern: $2"
}

# The last call failed as a command line tool should: status 1, one line on stderr that has TEXT, the same in --log as
# one JSON object that engines can parse (RFC 3339 time, level "error").
expect_refusal() {
	expect_status 1
	expect_err_has "$1"
	[ "$(grep -c . "$ERR")" = 1 ] || expect_failed "one line on stderr"
	jq -se 'length == 1 and (.[0].level == "error") and
		(.[0].time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$"))' "$LOG" >/dev/null ||
		expect_failed "one JSON error line in --log"
	[ "$(jq -r .msg "$LOG")" = "$(cat "$ERR")" ] || expect_failed "the same text on stderr and in --log"
}

# Engines turn these words into the exit codes 126 and 127 of the user's command: not for what the runtime itself lacks.
expect_no_command_words() {
	! grep -qiE 'no such file or directory|permission denied|executable file not found|is a directory' "$ERR" "$LOG" ||
		expect_failed "no words that engines take for a fault of the user's command"
}
