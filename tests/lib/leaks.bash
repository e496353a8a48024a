# shellcheck shell=bash
#
# Finds what a test left behind: processes, mounts, state directories, named pipes, temporary files.
#
# tests/run starts bats below a subreaper of its own (VMRT_TEST_REAPER), so that every orphan of this run, and no other
# process of the machine, is a child of it.

# Orphans: children of the runner's subreaper other than bats itself, and what the test's own subreaper (create) still
# waits for. One "PID STATE ARGS" per line.
leaked_processes() {
	{
		ps -o pid=,stat=,args= --ppid "$VMRT_TEST_REAPER"
		[ -z "${REAPER-}" ] || ps -o pid=,stat=,args= --ppid "$REAPER"
	} | awk -v bats="${VMRT_TEST_BATS_PID-}" '$1 != bats && $2 !~ /^Z/'
}

no_leaked_processes() {
	[ -z "$(leaked_processes)" ]
}

leaked_files() {
	local dir
	for dir in "$ROOT" "$TMPDIR"; do
		[ ! -d "$dir" ] || find "$dir" -mindepth 1
	done
	# The bundle belongs to the caller: nothing of the runtime stays in it.
	[ ! -d "$T/bundle" ] || find "$T/bundle" -mindepth 1 -maxdepth 1 ! -name rootfs ! -name config.json
}

leaked_mounts() {
	grep -F -- " $T/" /proc/self/mountinfo || true
}

leaks_find() {
	leaked_processes | sed 's/^/process: /'
	leaked_mounts | sed 's/^/mount: /'
	leaked_files | sed 's/^/file: /'
}

leaks_none() {
	[ -z "$(leaks_find)" ]
}

# Waits two seconds at most, the time a runtime has to clear up after a death. Ends what is left, so that one leak does
# not fail the tests after it.
leaks_check() {
	local pid
	if wait_seconds 2 "nothing is left behind" leaks_none; then
		return 0
	fi
	leaks_find >&2
	for pid in $(leaked_processes | awk '{print $1}'); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	return 1
}
