# What the processes of a container of docker's may do on the host: see tests/integration/confinement.bats.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/confinement.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

@test "docker: a container's processes have given up what they do not need" {
	local exec_pid pid
	NAME=confined
	d run -d --name "$NAME" --runtime=vmrt -v "$T:/data:ro" bb payload ready >/dev/null
	wait_for ready docker_log_has ready
	pid=$(d inspect -f '{{.State.Pid}}' "$NAME")
	expect_confined "$pid" "$(docker_dir)/.*"
	d exec -d "$NAME" sleep 100
	exec_pid=$(pgrep -f -x 'sleep 100' -n --nslist pid --ns "$pid")
	expect_exec_confined "$exec_pid"
	expect_confined "$pid" "$(docker_dir)/.*"
}
