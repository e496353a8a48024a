# What the processes of a container of podman's may do on the host: see tests/integration/confinement.bats.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/podman.bash"

@test "podman: a container's processes have given up what they do not need" {
	local pid
	NAME=confined
	p run -d --name "$NAME" --network none -v "$T:/data:ro" bb payload ready >/dev/null
	wait_for ready podman_log_has ready
	pid=$(p inspect -f '{{.State.Pid}}' "$NAME")
	expect_confined "$pid" "(/run/vmrt|$(podman_dir)/.*)"
	p exec -d "$NAME" sleep 100
	expect_exec_confined "$(pgrep -f -x 'sleep 100' -n --nslist pid --ns "$pid")"
	expect_confined "$pid" "(/run/vmrt|$(podman_dir)/.*)"
}

@test "podman: a container whose conmon was killed can be removed" {
	local conmon id pid
	NAME=orphan
	id=$(p run -d --name "$NAME" --network none bb payload ready)
	wait_for ready podman_log_has ready
	pid=$(p inspect -f '{{.State.Pid}}' "$NAME")
	conmon=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
	expect_equal "$(cat "/proc/$conmon/comm")" conmon "the parent"
	kill -KILL "$conmon"
	wait_for "conmon to be gone" process_is_gone "$conmon"
	p rm -f -t 0 "$NAME" >/dev/null 2>&1
	wait_for "the container's process to end" process_is_gone "$pid"
	# Without conmon podman asks no runtime to delete it, runc neither.
	"$VMRT" delete --force "$id"
}
