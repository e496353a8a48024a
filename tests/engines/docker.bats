# docker drives the runtime as it drives runc: each scenario runs with both, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

LARGE_MB=${VMRT_TEST_LARGE_MB:-64}
STOP_S=${VMRT_TEST_STOP_S:-4}

# Containers on the default bridge unless the test says otherwise.
NETWORK=()

run_it() {
	status d run --rm --runtime="$RT" "${NETWORK[@]}" "$@"
}

payload() {
	"$BUILD/payload" "$@"
}

# One "docker run" of the arguments, with both runtimes.
row() {
	compare run_it "$@"
}

@test "docker run: both streams and the exit status" {
	row bb sh -c 'echo out; echo err >&2; exit 42'
	grep -qx 'status 42' "$T/vmrt.out"
	grep -qx out "$T/vmrt.out"
	grep -qx err "$T/vmrt.err"
}

@test "docker run --network none" {
	NETWORK=(--network none)
	row bb sh -c 'echo out; echo err >&2; ls /sys/class/net; exit 42'
	grep -qx lo "$T/vmrt.out"
}

@test "docker run --network host" {
	NETWORK=(--network host)
	row bb sh -c 'echo out; exit 3'
}

@test "docker run: a child ended by SIGKILL and SIGTERM" {
	row --init bb sh -c 'kill -9 $$'
	grep -qx 'status 137' "$T/vmrt.out"
	row --init bb sh -c 'kill -TERM $$'
	grep -qx 'status 143' "$T/vmrt.out"
	row bb sh -c 'sh -c "kill -9 \$\$"; echo $?'
	grep -qx '137' "$T/vmrt.out"
	row bb sh -c 'kill -9 $$; echo survived'
}

@test "docker run: a missing program" {
	row bb nosuch arg
	grep -qx 'status 127' "$T/vmrt.out"
	row bb /no/such
	grep -qx 'status 127' "$T/vmrt.out"
}

@test "docker run: a program that is not executable, a directory, a bad interpreter" {
	row bb /etc/notes
	grep -qx 'status 126' "$T/vmrt.out"
	row bb /etc
}

# runc 1.1 notices when the container was started, and its status is 1. Here create fails.
@test "docker run: a program of no known format" {
	local file=$T/garbage
	printf 'garbage' >"$file"
	chmod 755 "$file"
	scenario() {
		d run --rm --runtime="$RT" -v "$file:/garbage" bb /garbage 2>&1 | grep -o 'exec format error'
		[ "${PIPESTATUS[0]}" = "$([ "$RT" = runc ] && echo 1 || echo 125)" ] && echo 'the status is as expected'
	}
	compare scenario
	grep -qx 'the status is as expected' "$T/vmrt.out"
}

@test "docker run -w: a directory that is there, and one that is made" {
	row -w /usr/bin bb pwd
	row -w /not/yet/there bb pwd
}

@test "docker run -u: names, numbers, groups" {
	row -u user bb payload ids
	row -u 1234:5678 bb payload ids
	row -u 0:2000 --group-add 77 bb payload ids
	row -u nobodyknows bb payload ids
}

@test "docker run -e, --env-file, -h, --domainname" {
	echo FROM_FILE=1 >"$T/env"
	row -e A=1 -e EMPTY= -e 'SPACES=a  b' --env-file "$T/env" -h hostname-of-test bb sh -c 'env | sort; hostname; cat /etc/hostname'
}

@test "docker run --read-only with --tmpfs" {
	row --read-only --tmpfs /scratch:size=1m,mode=1770 bb sh -c \
		'echo x >/x; echo x >/scratch/x && cat /scratch/x; payload stat /scratch; grep " /scratch " /proc/mounts | cut -d" " -f2-3'
}

@test "docker run -v: directory, file, read-only" {
	mkdir "$T/dir"
	echo content >"$T/dir/file"
	echo single >"$T/single"
	row -v "$T/dir:/mnt" -v "$T/single:/etc/single:ro" bb sh -c \
		'cat /mnt/file /etc/single; echo new >/mnt/new; echo x >>/etc/single; cat /mnt/new; rm /mnt/new'
	row -v "$T/dir:/mnt:ro" bb sh -c 'cat /mnt/file; echo x >/mnt/x'
	row --mount "type=bind,source=$T/dir,target=/deep/er,readonly" bb cat /deep/er/file
	row -v "$T/made-by-docker:/mnt" bb sh -c 'echo x >/mnt/file; ls /mnt'
}

@test "docker run -v with a named volume keeps its content" {
	scenario() {
		run_it -v "vol-$NAME:/data" bb sh -c 'echo kept >/data/file'
		run_it -v "vol-$NAME:/data:ro" bb cat /data/file
		d volume rm "vol-$NAME"
	}
	compare scenario
}

@test "docker run: capabilities, privileges, limits" {
	row bb payload caps
	row --cap-drop ALL --cap-add NET_RAW bb payload caps
	row --cap-drop ALL -u 1000 bb payload caps
	row --security-opt no-new-privileges bb payload nnp
	row --ulimit nofile=100:200 --ulimit core=0 bb sh -c 'payload rlimits | grep -E "NOFILE|CORE"'
}

@test "docker run --init reaps and passes signals on" {
	row --init bb sh -c 'cat /proc/1/comm; (sleep 0 & ); exit 9'
}

@test "docker run --entrypoint and the image's command" {
	row --entrypoint /payload bb args one 'two words' ''
	row bb
}

@test "docker run -i: input of every size comes back" {
	local size
	scenario() {
		payload write "$1" 3 | d run --rm -i --runtime="$RT" bb payload cat | payload check "$1" 3
		echo "status ${PIPESTATUS[*]}"
	}
	for size in 0 1 65535 65536 65537 1048576 $((LARGE_MB * 1000000)); do
		compare scenario "$size"
		grep -qx "$size bytes agree" "$T/vmrt.out"
	done
}

@test "docker run -i: checksums of random data agree" {
	scenario() {
		local sum
		sum=$(head -c 3000000 /dev/urandom | tee "$T/random" | d run --rm -i --runtime="$RT" bb cat | sha256sum)
		[ "$sum" = "$(sha256sum <"$T/random")" ] && echo agree
	}
	compare scenario
	grep -qx agree "$T/vmrt.out"
}

@test "docker run: a slow reader and a stopped one" {
	scenario() {
		d run --rm --runtime="$RT" bb payload write 3000000 3 | payload check 3000000 3 10
		d run --rm --runtime="$RT" bb payload write 5000000 3 | (sleep "$STOP_S"; payload check 5000000 3)
	}
	compare scenario
	grep -qx "5000000 bytes agree" "$T/vmrt.out"
}

no_containers() {
	[ -z "$(d ps -aq)" ]
}

# The client may say that its own write failed, or not.
@test "docker run: a reader that goes away hangs nothing" {
	scenario() {
		d run --rm --runtime="$RT" bb sh -c 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done' \
			2> >(grep -v 'write /dev/stdout: broken pipe' >&2) | head -n 2
		echo "statuses ${PIPESTATUS[1]}"
		wait_for "the container ends" no_containers
	}
	compare scenario
}

@test "docker run: the input's end reaches the process" {
	scenario() { printf 'abc' | status d run --rm -i --runtime="$RT" bb sh -c 'cat; echo; echo end; exit 4'; }
	compare scenario
}

@test "docker create, start, wait, logs, inspect, rm" {
	scenario() {
		status d create --name "$NAME" --runtime="$RT" bb sh -c 'echo out; echo err >&2; exit 5'
		d inspect -f '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}' "$NAME"
		status d start "$NAME"
		status d wait "$NAME"
		d logs "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}} {{.State.Pid}}' "$NAME"
		status d start -a "$NAME"
		d logs "$NAME"
		status d rm "$NAME"
		status d inspect "$NAME"
	}
	compare scenario
}

@test "docker run -d, ps, stop with a handler" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb payload trap TERM 3
		wait_for ready docker_log_has ready
		d ps --filter "name=$NAME" --format '{{.Names}} {{.State}}'
		d inspect -f '{{.State.Status}} {{gt .State.Pid 1}}' "$NAME"
		status d stop "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		d logs "$NAME"
		status d rm "$NAME"
	}
	compare scenario
}

@test "docker stop of a process without a handler kills it after its time" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb payload ready
		wait_for ready docker_log_has ready
		status d stop -t 1 "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
	}
	compare scenario
	grep -q 'exited 137' "$T/vmrt.out"
}

@test "docker kill: by default, by name, by number" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb payload watch-signals
		wait_for ready docker_log_has ready
		status d kill -s USR1 "$NAME"
		wait_for signal docker_log_has 'got 10'
		status d kill -s 12 "$NAME"
		wait_for signal docker_log_has 'got 12'
		status d kill -s NOPE "$NAME"
		status d kill "$NAME"
		status d wait "$NAME"
		status d kill "$NAME"
		d logs "$NAME"
	}
	compare scenario
}

@test "docker rm -f of a running container" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb payload ready
		wait_for ready docker_log_has ready
		status d rm "$NAME"
		status d rm -f "$NAME"
		d ps -aq --filter "name=$NAME"
	}
	compare scenario
}

@test "docker run: signals to the client reach the process" {
	scenario() {
		local client
		# Started without the timeout of d, which would be the one signalled.
		DOCKER_CONFIG=$T "$DOCKER" -H "unix://$BATS_FILE_TMPDIR/docker/docker.sock" run --rm --name "$NAME" \
			--runtime="$RT" bb payload trap TERM 6 >"$T/client.$RT" 2>&1 3>&- &
		client=$!
		wait_for ready file_has "$T/client.$RT" ready
		kill -TERM "$client"
		wait "$client"
		echo "status $?"
		cat "$T/client.$RT"
	}
	compare scenario
}

@test "docker restart" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb sh -c 'echo x >>/count; wc -l </count; exec payload trap TERM 0'
		wait_for ready docker_log_has ready
		status d restart "$NAME"
		wait_for "the second run" docker_log_has '^2$'
		d inspect -f '{{.State.Status}} {{.RestartCount}}' "$NAME"
	}
	compare scenario
}

@test "docker run --restart=on-failure" {
	scenario() {
		d run -d --name "$NAME" --restart=on-failure:2 --runtime="$RT" bb sh -c 'echo again; exit 7'
		wait_for "three runs" docker_has_restarted 2
		d inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' "$NAME"
		d logs "$NAME"
	}
	compare scenario
}

docker_has_restarted() {
	[ "$(d inspect -f '{{.RestartCount}} {{.State.Status}}' "$NAME")" = "$1 exited" ]
}

@test "docker cp into and out of containers" {
	echo copied >"$T/file"
	scenario() {
		d create --name "$NAME" --runtime="$RT" bb sh -c 'cat /in; cat /made 2>/dev/null; exec payload trap TERM 0'
		status d cp "$T/file" "$NAME:/in"
		d start "$NAME"
		wait_for ready docker_log_has ready
		status d cp "$T/file" "$NAME:/running"
		status d cp "$NAME:/in" "$T/out.$RT"
		cat "$T/out.$RT"
		status d cp "$NAME:/running" - | tar -xO
		status d cp "$NAME:/no/such" "$T/none" 2>&1
		d logs "$NAME"
	}
	compare scenario
}

@test "a running container sees what docker cp brought" {
	echo fresh >"$T/file"
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb sh -c 'echo ready; while [ ! -s /brought ]; do sleep 0.1; done; cat /brought'
		wait_for ready docker_log_has ready
		d cp "$T/file" "$NAME:/brought"
		status d wait "$NAME"
		d logs "$NAME"
	}
	compare scenario
}

@test "docker diff, commit, export" {
	scenario() {
		d run --name "$NAME" --runtime="$RT" bb sh -c 'echo new >/new; rm /etc/notes; mkdir /dir; echo x >/dir/file; ln -s new /link'
		d diff "$NAME" | sort
		d commit -c 'CMD ["cat", "/new"]' "$NAME" "image-$NAME" >/dev/null
		run_it "image-$NAME"
		d export "$NAME" | tar -t | grep -E '^(new|dir/|dir/file|link)$' | sort
		d rm "$NAME"
		d rmi "image-$NAME" >/dev/null
	}
	compare scenario
}

@test "docker logs -f ends with the container, docker attach gets its output" {
	scenario() {
		d run -d --name "$NAME" --runtime="$RT" bb sh -c 'echo one; sleep 1; echo two'
		status d logs -f "$NAME"
		status d start -a "$NAME"
	}
	compare scenario
}

@test "docker run -d with a background child does not outlive its first process" {
	scenario() {
		d run --name "$NAME" --runtime="$RT" bb payload background 100 3
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
	}
	compare scenario
}

@test "docker run: /etc/hosts, resolv.conf and hostname are docker's" {
	row -h named --add-host example:10.0.0.7 bb sh -c 'cat /etc/hostname; grep example /etc/hosts; test -s /etc/resolv.conf && echo there'
}

@test "docker run: default mounts and devices" {
	row bb sh -c 'payload mounts | cut -d" " -f1 | grep -E "^/(proc|dev|sys)?$|^/dev/(pts|shm|mqueue)$" | sort -u'
	row bb payload stat /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/shm /dev/fd
	row --shm-size 8m bb sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2'
}

@test "docker run: the payload's file checks in the image's file system and on a volume" {
	mkdir "$T/volume"
	# Linux 6.1 has no FUSE_TMPFILE: O_TMPFILE is not supported on the shared file system.
	scenario() { run_it "$@" | sed 's/^tmpfile (not supported) ok$/tmpfile ok/'; }
	compare scenario bb payload files /data
	compare scenario -v "$T/volume:/mnt" bb payload files /mnt
}

@test "twelve docker runs at once" {
	local i
	scenario() {
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			d run --rm --runtime="$RT" bb sh -c "echo $i; exit $i" >"$T/$RT.many.$i" 2>&1 &
			eval "pid$i=$!"
		done
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			eval "wait \$pid$i"
			echo "status $? $(cat "$T/$RT.many.$i")"
		done
	}
	compare scenario
}

@test "a monitor that is killed is a failure for docker" {
	scenario() {
		local pid
		d run -d --name "$NAME" --runtime="$RT" bb payload ready
		wait_for ready docker_log_has ready
		pid=$(d inspect -f '{{.State.Pid}}' "$NAME")
		kill -KILL "$pid"
		status d wait "$NAME"
		d inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		status d rm "$NAME"
	}
	compare scenario
}

@test "a container of the runtime under test runs another kernel" {
	vm_only "it is the host's"
	d run --rm --runtime=vmrt bb payload kernel >"$T/out"
	expect_match "$(cat "$T/out")" '^[0-9]+\.[0-9]+'
	[ "$(cat "$T/out")" != "$(uname -r) $(uname -m)" ]
}
