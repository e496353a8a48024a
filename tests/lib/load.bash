# shellcheck shell=bash
#
# What every .bats file loads: finds the tree and the runtime under test, gives each test its own directory, state root
# and container id, and checks after each test that nothing is left. The single verbs live in the files sourced below.
#
# Tests run through tests/run, which provides VMRT_TEST_REAPER. VMRT=runc runs what is not tagged as a VM's matter.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${VMRT_TEST_BUILD:-$TOP/build}

VMRT=$(realpath "$(command -v "${VMRT:-$BUILD/vmrt}")") || VMRT=${VMRT:-$BUILD/vmrt}
export TOP BUILD VMRT

# A call that takes longer is a hang. The guards of tests/run shorten it: there everything fails.
CALL_LIMIT_S=${VMRT_TEST_CALL_LIMIT:-60}
WAIT_LIMIT_S=${VMRT_TEST_WAIT_LIMIT:-20}
export BATS_TEST_TIMEOUT=${VMRT_TEST_LIMIT:-300}

# shellcheck source=tests/lib/wait.bash
source "$TOP/tests/lib/wait.bash"
# shellcheck source=tests/lib/expect.bash
source "$TOP/tests/lib/expect.bash"
# shellcheck source=tests/lib/bundle.bash
source "$TOP/tests/lib/bundle.bash"
# shellcheck source=tests/lib/runtime.bash
source "$TOP/tests/lib/runtime.bash"
# shellcheck source=tests/lib/leaks.bash
source "$TOP/tests/lib/leaks.bash"
# shellcheck source=tests/lib/script.bash
source "$TOP/tests/lib/script.bash"

bats_require_minimum_version 1.5.0

# What bats asks after a failure. The first attempt is shown whatever the second one gives, and counted by tests/run.
bats_should_retry_test() {
	local trace
	((BATS_TEST_TRY_NUMBER <= ${VMRT_TEST_RETRIES:-0})) || return 1
	{
		echo "# again $BATS_TEST_DESCRIPTION"
		bats_get_failure_stack_trace trace
		bats_print_stack_trace "${trace[@]}"
		bats_print_failed_command "${trace[@]}"
		sed 's/^/# /' "$BATS_OUT"
	} >&3
}

# The names of runtimes that share the host's kernel.
is_vm() {
	case $(basename "$VMRT") in
	runc | crun) return 1 ;;
	esac
}

vm_only() {
	is_vm || skip "only for a VM runtime: $1"
}

# The default for files that need nothing else; those that do call these from their own setup and teardown.
test_setup() {
	if [ -z "${VMRT_TEST_REAPER-}" ]; then
		echo "run tests with tests/run" >&2
		return 1
	fi
	T=$BATS_TEST_TMPDIR
	ROOT=$T/r
	ID=c$BATS_SUITE_TEST_NUMBER-${VMRT_TEST_REAPER}
	LOG=$T/log
	OUT=$T/out ERR=$T/err
	export TMPDIR=$T/tmp
	mkdir "$TMPDIR"
	JOBS_BEFORE=$(jobs -p | tr '\n' ' ')
	bundle_new "$T/bundle"
}

test_teardown() {
	local job
	runtime_delete_all
	# Readers and writers of the test itself, not of the runtime; bats has a job of its own.
	for job in $(jobs -p); do
		[[ " $JOBS_BEFORE ${REAPER-} " == *" $job "* ]] || kill "$job" 2>/dev/null || true
	done
	leaks_check
}
