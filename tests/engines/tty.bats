# docker's terminals with the runtime under test as with runc: each scenario runs with both, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

# at_terminal STEP… -- ARG…: the docker client at a scripted terminal; its output without carriage returns.
at_terminal() {
	# shellcheck disable=SC2034 # by name
	local command=(env DOCKER_CONFIG="$BATS_FILE_TMPDIR/docker/client" "$DOCKER" -H "unix://$BATS_FILE_TMPDIR/docker/docker.sock")
	script_terminal command "$@" | tr -d '\r'
}

# shellcheck disable=SC2016 # the container's shell expands it
INTERACTIVE='trap "echo interrupted; exit 7" INT; stty size; tty; echo ready; while ! read -r line; do :; done
	echo "got $line"; stty size; echo more; while :; do sleep 0.05; done'

@test "docker run -it: size, input, resize, ^C, exit status" {
	scenario() {
		at_terminal size:30x100 expect:ready 'send:hello\r' expect:more size:50x132 'send:\x03' -- \
			run --rm -it --network none --runtime="$RT" bb sh -c "sleep 0.5; $INTERACTIVE"
	}
	compare scenario
	grep -qx '30 100' "$T/vmrt.out"
	grep -q interrupted "$T/vmrt.out"
	grep -qF '[status 7] [cooked]' "$T/vmrt.out"
}

@test "docker run -it: the size follows the window" {
	scenario() {
		at_terminal size:30x100 'expect:30 100' size:50x132 'expect:50 132' 'send:\x03' -- \
			run --rm -it --network none --runtime="$RT" bb sh -c 'trap "exit 3" INT
				last=; while :; do now=$(stty size); [ "$now" = "$last" ] || echo "$now"; last=$now; sleep 0.05; done' |
			grep -E '^(30 100|50 132|\^C|.status.*)$'
	}
	compare scenario
}

@test "docker run -t without -i, -dt with logs, -it of what is not there" {
	scenario() {
		status d run --rm -t --network none --runtime="$RT" bb sh -c 'tty; payload tty; echo err >&2; exit 5' | tr -d '\r'
		d run -dt --name "$NAME" --network none --runtime="$RT" bb sh -c 'stty -a | grep -o " onlcr"; payload lines 100; exec payload ready' >/dev/null
		wait_for ready docker_log_has ready
		d logs "$NAME" | od -c | tail -n 5
		status d stop -t 1 "$NAME"
		at_terminal -- run --rm -it --network none --runtime="$RT" bb nosuch
	}
	compare scenario
}

@test "docker exec -it: its own terminal; detach keys leave it running" {
	scenario() {
		d run -d --name "$NAME" --network none --runtime="$RT" bb payload ready >/dev/null
		wait_for ready docker_log_has ready
		at_terminal size:30x100 expect:ready 'send:hello\r' expect:more 'send:\x03' -- exec -it "$NAME" sh -c "sleep 0.5; $INTERACTIVE"
		at_terminal size:30x100 expect:ready 'send:\x10\x11' -- exec -it "$NAME" sh -c 'echo ready; sleep 1; touch /went-on; read x'
		wait_for "the detached process" d exec "$NAME" test -e /went-on
		# The detached one may have ended by now, and its number be free again.
		status d exec -t "$NAME" sh -c 'tty; exit 4' | tr -d '\r' | sed 's|/dev/pts/[0-9]*|/dev/pts/N|'
	}
	compare scenario
}

@test "docker attach: input, detach keys, attach again, ^C" {
	scenario() {
		d run -dit --name "$NAME" --network none --runtime="$RT" bb sh -c "$INTERACTIVE" >/dev/null
		wait_for ready docker_log_has ready
		at_terminal size:40x90 raw: 'send:hello\r' 'expect:got hello' 'send:\x10\x11' -- attach "$NAME" | grep -E 'got|status'
		d inspect -f '{{.State.Status}}' "$NAME"
		at_terminal size:40x90 raw: 'send:\x03' expect:interrupted -- attach "$NAME" | grep -oE 'interrupted|.status.*'
		d wait "$NAME"
	}
	compare scenario
}
