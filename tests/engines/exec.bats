# docker exec with the runtime under test as with runc: each scenario runs with both, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

payload() {
	"$BUILD/payload" "$@"
}

# A container of the scenario that only waits.
run_idle() {
	d run -d --name "$NAME" --runtime="$RT" --network none "$@" bb payload ready >/dev/null
	wait_for ready docker_log_has ready
}

@test "docker exec: streams, status, input, options" {
	scenario() {
		run_idle -h inside
		status d exec "$NAME" sh -c 'echo out; echo err >&2; exit 42'
		status d exec -u 1000:2000 -w /tmp -e A=1 "$NAME" sh -c 'payload ids; pwd; echo $A $HOME; hostname'
		status d exec -u user "$NAME" payload ids
		status d exec "$NAME" sh -c 'payload caps; payload nnp'
		echo input | status d exec -i "$NAME" sh -c 'cat; echo end; exit 3'
		payload write 3000000 3 | d exec -i "$NAME" payload cat | payload check 3000000 3
		echo "statuses ${PIPESTATUS[*]}"
		status d exec "$NAME" payload kill-child KILL
		status d exec "$NAME" sh -c 'kill -9 $$'
	}
	compare scenario
	grep -qx 'status 42' "$T/vmrt.out"
	grep -qx '3000000 bytes agree' "$T/vmrt.out"
}

@test "docker exec --privileged has every capability" {
	vm_only "the machine itself may lack some"
	RT=vmrt NAME=privileged
	run_idle
	d exec --privileged "$NAME" grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status >"$T/out"
	# As many as docker and the host have names for.
	expect_match "$(cut -f2 "$T/out" | sort -u)" '^0*[137]?f+$' "one set, complete"
}

@test "docker exec: what cannot be executed" {
	scenario() {
		run_idle
		status d exec "$NAME" nosuch
		status d exec "$NAME" /no/such
		status d exec "$NAME" /etc/notes
		status d exec "$NAME" /etc
		status d exec -w /no/dir "$NAME" true
		status d exec -u nobodyknows "$NAME" true
		d kill "$NAME"
		d wait "$NAME"
		status d exec "$NAME" true
	}
	compare scenario
}

@test "docker exec -d, top, pause" {
	scenario() {
		run_idle
		status d exec -d "$NAME" sh -c 'echo done >/done; exec payload ready'
		wait_for "the process" status_of_file /done
		d exec "$NAME" cat /done
		d pause "$NAME"
		d inspect -f '{{.State.Status}} {{.State.Paused}}' "$NAME"
		status d exec "$NAME" true
		d unpause "$NAME"
		status d exec "$NAME" echo again
		status d stop -t 1 "$NAME"
	}
	compare scenario
}

status_of_file() {
	d exec "$NAME" test -e "$1"
}

@test "docker exec: children left behind" {
	scenario() {
		run_idle
		status d exec "$NAME" sh -c '(sleep 0.5; echo late) & echo early; exit 4'
		status d exec "$NAME" sh -c '(sleep 100) & echo early; exit 5'
	}
	compare scenario
}

@test "docker exec ends with the container" {
	scenario() {
		local i client status
		for i in 1 2 3; do
			d run -d --name "$NAME-$i" --runtime="$RT" --network none bb payload trap TERM 7 >/dev/null
			timeout 60 "$DOCKER" -H "unix://$BATS_FILE_TMPDIR/docker/docker.sock" exec "$NAME-$i" payload ready \
				>"$T/ends.$RT" 2>&1 3>&- &
			client=$!
			wait_for ready file_has "$T/ends.$RT" ready
			d kill -s TERM "$NAME-$i" >/dev/null
			status=0
			wait "$client" || status=$?
			# docker 20.10 with runc says 126 when the exec's end overtakes the news of its start.
			[ "$RT" != runc ] || [ "$status" != 126 ] || status=137
			echo "exec ends with $status"
			d wait "$NAME-$i"
		done
	}
	compare scenario
}

@test "docker healthcheck" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" --network none --health-cmd 'cat /etc/notes; test ! -e /sick' \
			--health-interval 500ms --health-retries 1 bb payload ready >/dev/null
		wait_for healthy health_is healthy
		d inspect -f '{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}' "$NAME"
		d exec "$NAME" touch /sick
		wait_for unhealthy health_is unhealthy
	}
	compare scenario
}

health_is() {
	[ "$(d inspect -f '{{.State.Health.Status}}' "$NAME")" = "$1" ]
}
