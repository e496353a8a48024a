# Hundreds of malformed and hostile inputs, generated from tables (tests/badinput): each gets one line that names what is
# wrong, and leaves nothing. They fail before a VM starts.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "malformed config.json, process.json, state.json, settings and arguments: one clear line, nothing left" {
	vm_only "others word it otherwise"
	mkdir "$T/bad"
	ROOT=$T/bad/root
	args /payload ready
	launch ready
	VMRT_CONFIG='' "$TOP/tests/badinput/run" "$VMRT" "$BUNDLE" "$T/bad" "$ID" >"$T/bad/report" 2>&1 ||
		expect_failed "no failures:" "$(cat "$T/bad/report")"
	expect_match "$(tail -n 1 "$T/bad/report")" '^5[0-9]{2} inputs, 0 failures$'
	# The container that was exec'ed into all the time.
	call exec "$ID" /payload say alive
	expect_status 0
	expect_out alive
}
