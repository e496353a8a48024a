# Machines that begin from a template: as fast as that is, each is one of its own, and whatever is wrong with a template,
# the container runs.

load ../lib/load

setup() {
	test_setup
	vm_only "it boots nothing"
	# Templates of this test's own: everything that looks at them is in this mount namespace.
	STORE=$T/host/templates
	mkdir "$T/host"
	mkdir -p /run/vmrt-host
	args /payload exit 0
}
teardown() { test_teardown; }

# apart COMMAND…: with this test's directory for what vmrt knows of the host. Its mounts are nobody else's.
apart() {
	status=0
	OUT=$T/call.out ERR=$T/call.err
	rm -f "$LOG"
	unshare --mount --propagation private bash -c 'mount --bind "$0" /run/vmrt-host && exec "$@"' "$T/host" \
		timeout --foreground -k 5 "$CALL_LIMIT_S" "$@" </dev/null >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# run_apart [PROGRAM…]: runs the container, with the phases on stderr.
run_apart() {
	[ $# -eq 0 ] || args "$@"
	apart "$VMRT" --root "$ROOT" --debug run --bundle "$BUNDLE" "$ID"
}

expect_phase() {
	grep -q "phase: .*$1" "$ERR" || expect_failed "a phase like '$1'"
}

expect_no_phase() {
	! grep -q "phase: .*$1" "$ERR" || expect_failed "no phase like '$1'"
}

# The store's only template.
template() {
	local found=("$STORE"/*)
	((${#found[@]} == 1)) || expect_failed "one template, got: ${found[*]}"
	echo "${found[0]}"
}

@test "the first start makes a template, and it and the next begin from it" {
	run_apart
	expect_status 0
	expect_phase "template is made"
	expect_phase "restored from a template"
	template
	expect_equal "$(stat -c '%a %U' "$STORE" "$(template)")" $'700 root\n600 root'
	run_apart
	expect_status 0
	expect_no_phase "making a template"
	expect_phase "restored from a template"
}

# A crash of the host may leave a file half written where /run is on a disk.
@test "a template is of this boot of the host alone" {
	run_apart
	expect_status 0
	expect_equal "$(dd if="$(template)" bs=1 skip=40 count=41 status=none)" \
		"boot $(cat /proc/sys/kernel/random/boot_id)" "how its key begins"
}

@test "machines of one template have random numbers, a boot id and a clock of their own" {
	local before after first
	run_apart /bin/sh -c 'cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | xxd -p'
	expect_status 0
	expect_phase "restored from a template"
	first=$(cat "$OUT")
	expect_equal "$(wc -l <"$OUT")" 3
	run_apart
	expect_status 0
	expect_phase "restored from a template"
	expect_equal "$(comm -12 <(sort <<<"$first") <(sort "$OUT"))" "" "nothing the same twice"
	before=$(date +%s)
	run_apart /bin/sh -c 'date +%s; cut -d. -f1 /proc/uptime'
	after=$(date +%s)
	expect_phase "restored from a template"
	{ read -r now && read -r up; } <"$OUT"
	((now >= before && now <= after)) || expect_failed "a clock between $before and $after"
	# It goes on counting where the template was saved, in seconds: not from the template's wall clock to now.
	((up < 60)) || expect_failed "an uptime of this boot"
}

@test "another machine has another template" {
	run_apart
	expect_status 0
	config '.annotations = {"io.vmrt.memory": "200", "io.vmrt.vcpus": "1"}'
	run_apart /bin/sh -c 'nproc; awk "/^MemTotal/ { print \$2 < 200 * 1024 }" /proc/meminfo'
	expect_status 0
	expect_phase "template is made"
	expect_phase "restored from a template"
	expect_out $'1\n1'
	expect_equal "$(ls "$STORE" | wc -l)" 2 "templates"
}

@test "\"template\": \"off\" boots, and anything else is refused" {
	runtime_config '.template = "off"'
	run_apart
	expect_status 0
	expect_no_phase template
	[ ! -e "$STORE" ] || expect_failed "no templates"
	runtime_config '.template = "yes"'
	call run --bundle "$BUNDLE" "$ID"
	expect_refusal 'vmrt.json: template: expected "auto" or "off"'
}

@test "who reads the kernel's console sees it boot" {
	args /payload say booted
	apart "$VMRT" --root "$ROOT" --debug run --bundle "$BUNDLE" --console-log "$T/console" "$ID"
	expect_status 0
	expect_out booted
	expect_phase "init runs"
	expect_no_phase template
	[ ! -e "$STORE" ] || expect_failed "no templates"
}

@test "a kernel that is told something of its own boots" {
	runtime_config '.vm = "all"'
	config '.vm = {kernel: {path: "", parameters: ["vmrt.test"]}}'
	run_apart
	expect_status 0
	expect_no_phase template
	[ ! -e "$STORE" ] || expect_failed "no templates"
}

# What the file shows is noticed before anything is started.
@test "a template that is not whole is replaced before it is used" {
	local what
	run_apart
	expect_status 0
	for what in "truncate -s 0" "truncate -s 10000" "truncate -s 3000000" "patch 3" "patch 100" "patch 20000"; do
		case $what in
		patch*) printf X | dd of="$(template)" bs=1 seek="${what#patch }" conv=notrunc status=none ;;
		*) $what "$(template)" ;;
		esac
		run_apart /payload say fine
		expect_status 0
		expect_equal "$(cat "$OUT")" fine "what runs after $what"
		expect_phase "template is made"
		expect_phase "restored from a template"
	done
}

# Of its memory nothing is left but zeros.
empty_memory() {
	fallocate --punch-hole --offset 1064960 --length $((1 << 40)) "$(template)"
}

@test "a template that does not wake up is dropped, and the same start boots" {
	run_apart
	expect_status 0
	empty_memory
	run_apart /payload say booted
	expect_status 0
	expect_out booted
	expect_no_phase "restored from a template"
	grep -q 'booted, as its template has failed' "$ERR" || expect_failed "the reason in the log"
	expect_equal "$(basename "$(template)" | tail -c 8)" .failed
	run_apart /payload say restored
	expect_out restored
	expect_phase "template is made"
	expect_phase "restored from a template"
	template
	# What worked counts; one that fails twice in a row is not made any more.
	empty_memory
	run_apart /payload say booted
	expect_out booted
	mv "$STORE"/*.failed "$T/failed"
	run_apart
	expect_phase "template is made"
	empty_memory
	cp "$T/failed" "$STORE/$(basename "$(template)").failed"
	run_apart /payload say booted
	expect_out booted
	run_apart /payload say booted
	expect_out booted
	expect_no_phase template
	template
}

# As vmrt has found it.
virtiofsd_of_host() {
	awk '$1 == "virtiofsd" { print $NF }' "$T/host/host-facts"
}

@test "what a start lacks itself is not the template's fault" {
	local made
	run_apart
	expect_status 0
	made=$(template)
	printf '#!/bin/sh\n[ "$1" != --version ] || exec %s --version\nexit 1\n' "$(virtiofsd_of_host)" >"$T/virtiofsd"
	chmod 755 "$T/virtiofsd"
	runtime_config '.virtiofsd = $v' --arg v "$T/virtiofsd"
	run_apart
	[ "$status" != 0 ] || expect_failed "no share"
	grep -q 'booted, as its template has failed' "$ERR" || expect_failed "that it was tried"
	expect_equal "$(template)" "$made" "the template"
	runtime_config 'del(.virtiofsd)'
	run_apart
	expect_status 0
	expect_phase "restored from a template"
}

@test "templates that cannot be kept are not made" {
	# As large as it may be, and too small.
	apart bash -c 'mkdir -m 700 /run/vmrt-host/templates && mount -t tmpfs -o size=100m,mode=700 tmpfs /run/vmrt-host/templates && exec "$@"' \
		bash "$VMRT" --root "$ROOT" --debug run --bundle "$BUNDLE" "$ID"
	expect_status 0
	expect_no_phase "making a template"
	grep -q 'are free for a template' "$ERR" || expect_failed "the reason in the log"
	chmod 755 "$STORE"
	run_apart
	expect_status 0
	grep -q 'is open to others' "$ERR" || expect_failed "the reason in the log"
	expect_no_phase "making a template"
}

@test "those that were not used for long make room" {
	local number
	mkdir -m 700 "$STORE"
	for number in {1..20}; do
		head -c 8192 /dev/zero >"$STORE/old$number"
		touch -d "@$((1000000 + number))" "$STORE/old$number"
	done
	run_apart
	expect_status 0
	expect_equal "$(ls "$STORE" | wc -l)" 16 "templates at most"
	[ -e "$STORE/old20" ] || expect_failed "the youngest"
	[ ! -e "$STORE/old5" ] || expect_failed "no old ones"
}

@test "a start that is killed while it makes a template leaves nothing, and many at once make one" {
	local delay number
	# What is found out about the host once is part of the key: not by six at a time.
	run_apart
	expect_status 0
	rm -rf "$STORE"
	for delay in 0.05 0.15 0.3; do
		apart timeout -s KILL "$delay" "$VMRT" --root "$ROOT" --log "$LOG" create --bundle "$BUNDLE" "$ID"
		wait_for "no process to be left after $delay s" no_leaked_processes
		expect_equal "$(ls -A "$STORE" 2>/dev/null | grep -v '^[0-9a-f]\{16\}$')" "" "nothing half made after $delay s"
		call delete --force "$ID"
		rm -rf "$STORE"
	done
	args /payload say fine
	apart bash -c '
		for number in {1..6}; do
			"$0" --root "$1" run --bundle "$2" "$3-$number" &
		done
		wait' "$VMRT" "$ROOT" "$BUNDLE" "$ID"
	expect_equal "$(sort -u "$OUT")" fine
	expect_equal "$(wc -l <"$OUT")" 6
	template
}
