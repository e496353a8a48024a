# podman exec with the runtime under test as with runc: each scenario runs with both, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/podman.bash"

@test "podman exec: streams, status, input, user, what is missing" {
	scenario() {
		p run -d --name "$NAME" --network none bb payload ready >/dev/null
		wait_for ready podman_log_has ready
		status p exec "$NAME" sh -c 'echo out; echo err >&2; exit 42'
		status p exec -u 1000:2000 -w /tmp -e A=1 "$NAME" sh -c 'payload ids; pwd; echo $A'
		echo input | status p exec -i "$NAME" sh -c 'cat; exit 3'
		status p exec "$NAME" nosuch 2>&1 | tail -n 1
		status p exec -t "$NAME" sh -c 'tty; exit 4' | tr -d '\r'
		status p exec -d "$NAME" sh -c 'echo x >/detached'
		wait_for "the detached one" p exec "$NAME" test -e /detached
		p pause "$NAME" >/dev/null
		p inspect -f '{{.State.Status}}' "$NAME"
		p unpause "$NAME" >/dev/null
		status p exec "$NAME" echo again
		p kill "$NAME" >/dev/null
		status p wait "$NAME"
	}
	compare scenario
	grep -qx 'status 42' "$T/vmrt.out"
}

@test "podman --sdnotify=container: READY=1 reaches the service manager" {
	python3 "$TOP/tests/lib/listener.py" "$T/manager.sock" "$T/heard" </dev/null >"$T/listener.log" 2>&1 3>&- &
	wait_for "the service manager" test -S "$T/manager.sock"
	scenario() {
		: >"$T/heard"
		NOTIFY_SOCKET=$T/manager.sock status p run -d --name "$NAME" --network none --sdnotify=container bb \
			sh -c 'echo "$NOTIFY_SOCKET"; payload notify READY=1; exec payload ready' | grep -v '^[0-9a-f]*$'
		wait_for ready podman_log_has ready
		wait_for "the notification" grep -q READY=1 "$T/heard"
		grep -c READY=1 "$T/heard"
		p logs "$NAME"
	}
	compare scenario
}

@test "podman top, attach, healthcheck, --timeout" {
	scenario() {
		p run -d --name "$NAME" --network none --health-cmd 'test -e /well' --health-interval disable bb \
			payload trap TERM 5 >/dev/null
		wait_for ready podman_log_has ready
		p top "$NAME" args | sed -n '2s, *$,,p'
		status p healthcheck run "$NAME"
		p exec "$NAME" touch /well
		status p healthcheck run "$NAME"
		status p stop -t 20 "$NAME" | sed "s/$NAME/NAME/"
		p inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		p rm -f "$NAME" >/dev/null
		# Attached to its streams, with input.
		p create -i --name "$NAME" --network none bb sh -c 'read line; echo "got $line"; echo err >&2; exit 6' >/dev/null
		echo hello | status p start -a -i "$NAME"
		p rm "$NAME" >/dev/null
		# An end that conmon makes.
		status p run --name "$NAME" --network none --timeout 2 bb payload ready
		p inspect -f '{{.State.Status}}' "$NAME"
	}
	compare scenario
	grep -qx 'got hello' "$T/vmrt.out"
}
