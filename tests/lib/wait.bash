# shellcheck shell=bash
#
# Waiting for things that happen outside the test: by condition, never by time.

# wait_for WHAT COMMAND…: until the command succeeds; fails with "WHAT" after WAIT_LIMIT_S.
wait_for() {
	wait_seconds "$WAIT_LIMIT_S" "$@"
}

# wait_seconds LIMIT WHAT COMMAND…
wait_seconds() {
	local limit=$1 what=$2 deadline
	shift 2
	deadline=$((${EPOCHREALTIME/[.,]/} + limit * 1000000))
	until "$@"; do
		if ((${EPOCHREALTIME/[.,]/} > deadline)); then
			echo "not within $limit s: $what" >&2
			return 1
		fi
		sleep 0.02
	done
}

file_has() {
	grep -qF -- "$2" "$1" 2>/dev/null
}

# A zombie has ended, even if nobody has read its status yet.
process_is_gone() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# Milliseconds since an arbitrary moment.
now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}
