# The time of day jumps, on the host or in the guest.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# clock_of FD: "CLOCK FLAGS" of a timer of the monitor's.
clock_of() {
	sed -n -e 's/^clockid: *//p' -e 's/^settime flags: *//p' "/proc/$PID/fdinfo/$1" | paste -s -d ' '
}

@test "the monitor's timers do not depend on the time of day, and a guest's that jumps does no harm" {
	vm_only "it has none"
	local fd timers=0 watches=0 when before after guest
	config '.process.capabilities |= map_values(. + ["CAP_SYS_TIME"])'
	args /payload trap TERM 7
	launch ready
	for fd in "/proc/$PID/fd"/*; do
		[ "$(readlink "$fd")" = 'anon_inode:[timerfd]' ] || continue
		case $(clock_of "${fd##*/}") in
		"1 "*) timers=$((timers + 1)) ;;
		# For the sake of being cancelled when the clock is set.
		"0 03") watches=$((watches + 1)) ;;
		*) expect_failed "a clock that nobody sets, got $(clock_of "${fd##*/}")" ;;
		esac
	done
	((timers >= 3 && watches == 1)) || expect_failed "timers, got $timers and $watches"
	for when in 1000000 4000000000; do
		call exec "$ID" date -s "@$when"
		expect_status 0
		call exec "$ID" sh -c 'sleep 0.1; date +%s'
		expect_status 0
		(($(cat "$OUT") - when < 60)) || expect_failed "the guest's clock near $when"
		state_is running
	done
	call pause "$ID"
	call resume "$ID"
	# exec also ends its session after `date` has looked, which takes a busy machine seconds.
	before=$(date +%s)
	call exec "$ID" date +%s
	after=$(date +%s)
	expect_status 0
	guest=$(cat "$OUT")
	((guest >= before - 1 && guest <= after + 1)) || expect_failed "a time from $before to $after, got $guest"
	call kill "$ID" TERM
	expect_status 0
	wait_exit
	expect_status 7
}

# set_clock DAYS: what vmrt takes for the host's clock is off by as much.
set_clock() {
	python3 -c 'import struct, sys
open(sys.argv[1], "r+b").write(struct.pack("=q", int(sys.argv[2]) * 86400 * 10**9))' "$FAKE_CLOCK" "$1"
}

guest_is_off_by() {
	local now
	now=$(rt exec "$ID" date +%s </dev/null)
	now=$((now - $(date +%s) - $1 * 86400))
	((now > -60 && now < 60))
}

@test "when the host's clock is set the guest's is too, and nothing else happens" {
	vm_only "it is one clock"
	local days real=$VMRT
	FAKE_CLOCK=$T/clock
	head -c 8 /dev/zero >"$FAKE_CLOCK"
	# Nobody else's clock.
	VMRT=$T/vmrt
	printf '#!/bin/sh\nLD_PRELOAD=%s FAKE_CLOCK=%s exec %s "$@"\n' "$BUILD/fakeclock.so" "$FAKE_CLOCK" "$real" >"$VMRT"
	chmod +x "$VMRT"
	args /payload trap TERM 7
	create_ok
	set_clock 1
	start_ok
	for days in 1 400 -7000; do
		set_clock "$days"
		wait_for "the guest's clock to be off by $days days" guest_is_off_by "$days"
		state_is running
	done
	call kill "$ID" TERM
	expect_status 0
	wait_exit
	expect_status 7
	call delete "$ID"
	expect_status 0
	VMRT=$real
}
