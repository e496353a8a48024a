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
