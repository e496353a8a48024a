# podman drives the runtime as it drives runc: each scenario runs with both, and every line must agree.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/podman.bash"

LARGE_MB=${VMRT_TEST_LARGE_MB:-64}

run_it() {
	status p run --rm --network none "$@"
}

payload() {
	"$BUILD/payload" "$@"
}

# One "podman run" of the arguments, with both runtimes.
row() {
	compare run_it "$@"
}

podman_state_is() {
	[ "$(p inspect -f '{{.State.Status}}' "$NAME")" = "$1" ]
}

@test "podman run: both streams and the exit status" {
	row bb sh -c 'echo out; echo err >&2; exit 42'
	grep -qx 'status 42' "$T/vmrt.out"
	grep -qx out "$T/vmrt.out"
	grep -qx err "$T/vmrt.err"
	row bb true
	row --pid host bb sh -c 'kill -9 $$'
	grep -qx 'status 137' "$T/vmrt.out"
	row --pid host bb sh -c 'kill -TERM $$'
	grep -qx 'status 143' "$T/vmrt.out"
}

@test "podman run: programs that are missing or not executable" {
	row bb no-such-program
	grep -qx 'status 127' "$T/vmrt.out"
	row bb /no/such/program
	row bb /etc/notes
	grep -qx 'status 126' "$T/vmrt.out"
	row bb /etc
}

@test "podman run -w, -u, -e, -h, --entrypoint" {
	row -w /usr/bin bb pwd
	row -w /not/there bb pwd
	row -u user bb payload ids
	row -u 1234:5678 --group-add 77 bb payload ids
	row -u nobodyknows bb payload ids
	row -e ONE=1 -e 'TWO=two words' -h named bb sh -c 'echo "$ONE $TWO"; hostname'
	row --entrypoint /payload bb args one 'two words' ''
}

@test "podman run: capabilities, limits, no-new-privileges, umask" {
	row bb payload caps
	row --cap-drop ALL --cap-add NET_RAW bb payload caps
	row -u 1000 bb payload caps
	row --security-opt no-new-privileges bb payload nnp
	row --ulimit nofile=100:200 --ulimit nproc=1000:1000 --ulimit core=0 bb sh -c 'payload rlimits | grep -E "NOFILE|CORE"'
	row --umask 0077 bb sh -c umask
}

@test "podman run -v: a directory, a file, read-only; --tmpfs; --read-only; --mount" {
	mkdir "$T/dir"
	echo inside >"$T/dir/file"
	row -v "$T/dir:/mnt" bb sh -c 'cat /mnt/file; echo more >/mnt/new; stat -c %u:%g /mnt/new'
	grep -qx more "$T/dir/new"
	row -v "$T/dir:/mnt:ro" bb sh -c 'cat /mnt/file; echo no >/mnt/file'
	row -v "$T/dir/file:/etc/one:ro" bb sh -c 'cat /etc/one; echo no >/etc/one'
	row --mount "type=bind,src=$T/dir,dst=/deep/er/mnt,readonly" bb ls /deep/er/mnt
	row --tmpfs /scratch:size=1m,mode=700 bb sh -c 'stat -c %a /scratch; df -k /scratch | tail -n 1 | tr -s " " | cut -d" " -f2'
	row --read-only bb sh -c 'echo no >/file'
	row -v named:/data bb sh -c 'echo kept >/data/kept'
	row -v named:/data bb cat /data/kept
	p volume rm -f named >/dev/null
}

@test "podman run -i: input of every size comes back" {
	local size
	scenario() {
		payload write "$1" 3 | p run --rm -i --network none bb payload cat | payload check "$1" 3
		echo "status ${PIPESTATUS[*]}"
	}
	for size in 0 1 65535 65537 $((LARGE_MB * 1000000)); do
		compare scenario "$size"
		grep -qx "$size bytes agree" "$T/vmrt.out"
	done
}

@test "podman create, start, wait, logs, inspect, rm" {
	scenario() {
		status p create --name "$NAME" --network none bb sh -c 'echo out; echo err >&2; exit 5'
		p inspect -f '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}' "$NAME"
		status p start "$NAME"
		status p wait "$NAME"
		p logs "$NAME"
		p inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}} {{.State.Pid}}' "$NAME"
		status p start -a "$NAME"
		status p rm "$NAME"
		status p inspect "$NAME"
	}
	compare scenario
}

@test "podman run -d, ps, stop with and without a handler, rm -f" {
	scenario() {
		p run -d --name "$NAME" --network none bb payload trap TERM 3 >/dev/null
		wait_for ready podman_log_has ready
		p ps --filter "name=$NAME" --format '{{.Names}} {{.State}}'
		status p rm "$NAME"
		status p stop "$NAME"
		p inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		status p rm "$NAME"
		p run -d --name "$NAME" --network none bb payload ready >/dev/null
		wait_for ready podman_log_has ready
		status p stop -t 1 "$NAME"
		p inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		p start "$NAME"
		status p rm -f -t 0 "$NAME"
	}
	compare scenario
	grep -qx 'exited 137' "$T/vmrt.out"
}

@test "podman kill: by name, by number, by default" {
	scenario() {
		p run -d --name "$NAME" --network none bb payload watch-signals >/dev/null
		wait_for ready podman_log_has ready
		status p kill -s USR1 "$NAME"
		wait_for signal podman_log_has 'got 10'
		status p kill -s 12 "$NAME"
		wait_for signal podman_log_has 'got 12'
		status p kill -s NOPE "$NAME"
		status p kill "$NAME"
		status p wait "$NAME"
		status p kill "$NAME"
	}
	compare scenario
}

@test "podman restart, --restart=on-failure" {
	scenario() {
		p run -d --name "$NAME" --network none bb sh -c 'echo x >>/count; wc -l </count; exec payload trap TERM 0' >/dev/null
		wait_for ready podman_log_has ready
		status p restart "$NAME"
		wait_for "the second run" podman_log_has '2$'
		p rm -f -t 0 "$NAME"
		p run -d --name "$NAME" --restart=on-failure:2 --network none bb sh -c 'echo again >>/again; exit 7' >/dev/null
		wait_for "three runs" podman_has_restarted 2
		p inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' "$NAME"
	}
	compare scenario
}

podman_has_restarted() {
	[ "$(p inspect -f '{{.RestartCount}} {{.State.Status}}' "$NAME")" = "$1 exited" ]
}

@test "podman cp, diff, commit, export" {
	echo copied >"$T/file"
	scenario() {
		p create --name "$NAME" --network none bb sh -c 'cat /in; echo new >/new; rm /etc/notes; exec payload trap TERM 0' >/dev/null
		status p cp "$T/file" "$NAME:/in"
		p start "$NAME"
		wait_for ready podman_log_has ready
		status p cp "$T/file" "$NAME:/running"
		status p cp "$NAME:/running" "$T/out.$RT"
		cat "$T/out.$RT"
		status p stop "$NAME"
		p diff "$NAME" | sort
		p commit -q -c 'CMD ["cat", "/new"]' "$NAME" "image-$NAME" >/dev/null
		run_it "image-$NAME"
		p export "$NAME" | tar -t | grep -E '^(new|running)$' | sort
		p rm "$NAME"
		p rmi -f "image-$NAME" >/dev/null
	}
	compare scenario
}

@test "podman: /etc/hosts, resolv.conf, hostname, devices, /dev/shm" {
	row -h named --add-host example:10.0.0.7 bb sh -c 'cat /etc/hostname; grep example /etc/hosts'
	row bb payload stat /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/shm /dev/fd
	row --shm-size 8m bb sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2'
}

@test "podman: six runs at once" {
	local i
	scenario() {
		for i in 1 2 3 4 5 6; do
			p run --rm --network none bb sh -c "echo $i; exit $i" >"$T/$RT.many.$i" 2>&1 &
			eval "pid$i=$!"
		done
		for i in 1 2 3 4 5 6; do
			eval "wait \$pid$i"
			echo "status $? $(cat "$T/$RT.many.$i")"
		done
	}
	compare scenario
}

@test "podman: a monitor that is killed is a failure" {
	scenario() {
		local pid
		p run -d --name "$NAME" --network none bb payload ready >/dev/null
		wait_for ready podman_log_has ready
		pid=$(p inspect -f '{{.State.Pid}}' "$NAME")
		kill -KILL "$pid"
		status p wait "$NAME"
		p inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
		status p rm "$NAME"
	}
	compare scenario
}

@test "podman: a container of the runtime under test runs another kernel" {
	vm_only "it would be the host's"
	[ "$(RT=vmrt p run --rm --network none bb uname -r)" != "$(uname -r)" ]
}

# Without a comparison: runc needs mounts of the image that a nested host withholds from user namespaces.
@test "podman run --uidmap: root inside is another user outside" {
	chmod 0777 "$T"
	RT=vmrt run_it --uidmap 0:100000:5000 --gidmap 0:100000:5000 -v "$T:/data/v" bb \
		sh -c 'id -u; tr -s " " </proc/self/uid_map; stat -c %u /bin/busybox; touch /data/v/file; payload ids' >"$T/out" 2>&1 || true
	expect_equal "$(cat "$T/out")" "0
 0 100000 5000
0
uid=0,0,0 gid=0,0,0 groups= umask=0022
status 0"
}

@test "podman run -v :O: writes stay in the overlay" {
	mkdir "$T/lower"
	echo below >"$T/lower/file"
	row -v "$T/lower:/data/v:O" bb sh -c 'cat /data/v/file; echo above >/data/v/file; cat /data/v/file'
	expect_equal "$(cat "$T/lower/file")" below
}

@test "podman run: seccomp, sysctls, devices, limits, propagation" {
	row bb sh -c 'payload syscall 246; payload syscall 135 4660; grep Seccomp: /proc/self/status'
	row --sysctl net.ipv4.ip_default_ttl=33 bb cat /proc/sys/net/ipv4/ip_default_ttl
	row --device /dev/fuse bb sh -c 'payload stat /dev/fuse | cut -d" " -f1,2; exec 3<>/dev/fuse && echo open'
	row --memory 32m --memory-swap 32m bb payload allocate 64
	row --oom-score-adj 100 bb cat /proc/self/oom_score_adj
	row --umask 0077 --tz UTC bb payload ids
	mkdir "$T/source"
	row -v "$T/source:/data/v:rslave,ro,noexec" bb sh -c 'payload mounts | grep ^/data/v | { read a b c d e; echo "$c"; }'
	row --pid host --ipc host bb sh -c '[ $$ -ne 1 ] && echo not 1'
	row --uts host bb true
	# Podman's own refusal, for root.
	row --userns keep-id bb id -u
}

@test "what podman saves is a root for vmrun: docker's format and OCI's, layers that were built" {
	local format
	printf 'FROM bb\nRUN echo built >/etc/built; rm /etc/notes\nENV FROM="the image"\n' >"$T/Containerfile"
	RT=runc p build -q --network host --isolation chroot -t built -f "$T/Containerfile" "$T" >/dev/null
	for format in docker-archive oci-archive; do
		p save -q --format "$format" -o "$T/$format" built
		# shellcheck disable=SC2016 # the guest's shell expands it
		(cd "$T" && VMRUN_DIR=$T "$BUILD/vmrun" -r "$format" sh -c 'cat /etc/built; ls /etc/notes; echo $FROM; uname -r') \
			>"$T/out" 2>"$T/err" </dev/null 3>&-
		expect_match "$(cat "$T/out")" '^built
the image
.*-vmrt$'
		grep -q '/etc/notes: No such file' "$T/err" || expect_failed "a whiteout" "$(cat "$T/err")"
	done
}
