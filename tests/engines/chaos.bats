# The engine's own processes are killed: containers end or live on as with runc, and the engine can clear up.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

ended() {
	[ "$(d inspect -f '{{.State.Running}}' "$NAME")" = false ]
}

parent_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

@test "docker: a killed containerd-shim takes its container along, a killed dockerd does not" {
	local pid shim other
	NAME=other
	d run -d --name "$NAME" --runtime=vmrt --network none bb payload ready >/dev/null
	wait_for ready docker_log_has ready
	other=$(d inspect -f '{{.State.Pid}}' "$NAME")
	NAME=victim
	d run -d --name "$NAME" --runtime=vmrt --network none bb payload ready >/dev/null
	wait_for ready docker_log_has ready
	pid=$(d inspect -f '{{.State.Pid}}' "$NAME")
	shim=$(parent_of "$pid")
	expect_match "$(cat "/proc/$shim/comm")" '^containerd-shim' "the parent"
	kill -KILL "$shim"
	wait_for "docker to notice" ended
	wait_for "the container's process to end" process_is_gone "$pid"
	d rm -f "$NAME" >/dev/null
	# A daemon that dies and comes again finds the other one running.
	kill -KILL "$(cat "$(docker_dir)/dockerd.pid")"
	wait_for "dockerd to be gone" process_is_gone "$(cat "$(docker_dir)/dockerd.pid")"
	[ -e "/proc/$other" ] || expect_failed "the other container outlives dockerd"
	kill -KILL "$other"
	wait_for "the other container to end" process_is_gone "$other"
	rm -f "$(docker_dir)/dockerd.pid.own" "$(docker_dir)/docker.sock"
	docker_daemon dockerd dockerd --containerd "$(docker_dir)/containerd.sock" --data-root "$(docker_dir)/data" \
		--exec-root "$(docker_dir)/exec" --pidfile "$(docker_dir)/dockerd.pid.own" -H "unix://$(docker_dir)/docker.sock" \
		--add-runtime "vmrt=$VMRT" --config-file "$(docker_dir)/daemon.json" --shutdown-timeout 2
	wait_seconds 60 "dockerd again" d version >/dev/null
	NAME=other
	wait_for "docker to know that it ended" ended
	expect_equal "$(d inspect -f '{{.State.ExitCode}}' "$NAME")" 137 "the status"
	d rm "$NAME" >/dev/null
}
