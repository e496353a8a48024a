# docker's options for what a container is and may use: each gives with the runtime under test what it gives with runc.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/compare.bash"
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

run_it() {
	status d run --rm --network none --runtime="$RT" "$@"
}

row() {
	compare run_it "$@"
}

CAPS='grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status'

@test "docker run: seccomp by default, unconfined, from a file" {
	local probe='payload syscall 165; payload syscall 135 4660; payload syscall 435; payload syscall 1000; grep Seccomp: /proc/self/status'
	row bb sh -c "$probe"
	row --security-opt seccomp=unconfined bb sh -c "$probe"
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgrp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}' \
		>"$T/profile.json"
	row --security-opt "seccomp=$T/profile.json" bb payload syscall 111
	row --security-opt no-new-privileges -u 1000 bb sh -c "$CAPS"
}

@test "docker run: capabilities added, dropped, all of them" {
	row --cap-drop ALL --cap-add CHOWN bb sh -c "$CAPS"
	row --cap-add SYS_TIME bb sh -c "$CAPS"
	row --cap-drop MKNOD -u 1000 bb sh -c "$CAPS"
}

@test "docker run: ulimits, sysctls, oom score, shm size" {
	row --ulimit nofile=500:600 --ulimit core=0 bb sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	row bb sh -c 'ulimit -Sn; ulimit -Hn'
	row --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=9999 bb sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
	row --oom-score-adj 321 bb cat /proc/self/oom_score_adj
	row --shm-size 3m bb sh -c 'df /dev/shm | tail -n 1 | { read a b c; echo $b; }'
}

@test "docker run: devices" {
	row --device /dev/fuse:/dev/myfuse:r bb sh -c 'payload stat /dev/myfuse; (: </dev/myfuse) && echo r; (: >/dev/myfuse) 2>/dev/null || echo no w'
	row --device-cgroup-rule 'c 1:11 r' --cap-add SYSLOG bb sh -c 'mknod /dev/k c 1 11; (: </dev/k) && echo r; (: >/dev/k) 2>/dev/null || echo no w'
	row bb sh -c 'mknod /dev/k c 1 11; (: </dev/k) 2>/dev/null || echo no r'
}

@test "docker run: a block device of the host" {
	local disk held probe='dd if=/dev/data bs=7 count=1 2>/dev/null; stat -c " %a %F" /dev/data; blockdev --getsize64 /dev/data
		printf content | dd of=/dev/data conv=notrunc,fsync 2>/dev/null || echo no w'
	printf 'content' >"$T/disk"
	truncate -s 1M "$T/disk"
	disk=$(losetup -f --show "$T/disk")
	# It is free when this process ends, whatever happens.
	exec {held}<"$disk"
	losetup -d "$disk"
	row --device "$disk:/dev/data:r" bb sh -c "$probe"
	row --device "$disk:/dev/data" bb sh -c "$probe"
	RT=vmrt run_it --device "$disk:/dev/data" bb sh -c 'printf changed | dd of=/dev/data conv=notrunc,fsync'
	expect_equal "$(head -c 7 "$T/disk")" changed
}

@test "docker run: masked and read-only paths" {
	row bb sh -c 'cat /proc/timer_list | wc -c; echo 1 >/proc/sys/kernel/msgmax; ls /proc/scsi /sys/firmware | wc -l'
	row --security-opt systempaths=unconfined bb sh -c 'grep -c " /proc/timer_list " /proc/self/mountinfo'
}

@test "docker run: propagation and options of mounts" {
	mkdir -p "$T/source"
	row --mount "type=bind,source=$T/source,target=/data/m,readonly" bb sh -c 'payload mounts | grep ^/data/m | cut -d" " -f1,4; touch /data/m/x'
	row --mount "type=tmpfs,target=/data/t,tmpfs-size=65536,tmpfs-mode=0700" bb sh -c 'stat -c %a /data/t; df -k /data/t | tail -n 1 | { read a b c; echo $b; }'
	row --tmpfs /data/t:noexec,nosuid,size=1m bb sh -c 'payload mounts | grep ^/data/t | { read a b c d; echo $b $c; }'
}

@test "docker run: memory and pids limits act" {
	row --memory 64m bb payload allocate 40
	row --memory 32m --memory-swap 32m bb payload allocate 64
	row --pids-limit 5 bb sh -c 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo made'
}

@test "docker run: host namespaces are the virtual machine's" {
	row --pid host bb sh -c '[ $$ -ne 1 ] && echo not 1'
	row --ipc host bb true
	row --ipc none bb sh -c 'payload mounts | grep -c ^/dev/shm'
	row --ipc shareable bb sh -c 'payload mounts | grep -c ^/dev/shm'
	row --cgroupns private bb true
	row --uts host bb true
	row --hostname box --domainname example.org bb cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname
}

# Of the other container's namespaces a VM has none; docker's /dev/shm is a mount of the host, and shared.
joined() {
	d run -d --name "$NAME" --network none --runtime="$RT" --ipc shareable bb sh -c 'echo shared >/dev/shm/file; sleep 1000' >/dev/null
	wait_for "the file" d exec "$NAME" test -s /dev/shm/file
	run_it --ipc "container:$NAME" bb sh -c 'cat /dev/shm/file; echo back >/dev/shm/back'
	status d exec "$NAME" cat /dev/shm/back
	run_it --pid "container:$NAME" bb sh -c 'test -d /proc/1 && echo proc'
	d rm -f "$NAME" >/dev/null
}

@test "docker run --ipc and --pid of another container" {
	compare joined
	expect_equal "$(sed 5q "$T/vmrt.out" | tr '\n' ' ')" "shared status 0 back status 0 proc "
}

# runc cannot on a host that withholds devices from root.
@test "docker run --privileged" {
	RT=vmrt run_it --privileged bb sh -c 'mkdir /m && mount -t tmpfs t /m && echo mounted; grep Seccomp: /proc/self/status
		payload stat /dev/fuse | cut -d" " -f1,2; echo 5 >/proc/sys/vm/swappiness && echo written; ls /dev | grep -c ^sd; true' >"$T/out"
	expect_equal "$(cat "$T/out")" "mounted
Seccomp:	0
/dev/fuse char
written
0
status 0"
}

ask_docker() {
	printf 'GET /_ping HTTP/1.0\r\n\r\n' | d run -i --rm --network none --runtime="$RT" \
		-v "$(docker_dir)/docker.sock:/var/run/docker.sock" bb payload unix-talk /var/run/docker.sock |
		tr -d '\r' | grep -E '^(HTTP|Server|OK)'
}

@test "docker's own socket, mounted into a container, answers" {
	compare ask_docker
	grep -qx OK "$T/vmrt.out"
}

@test "docker stats shows the container and its limits" {
	d run -d --name "t-stats" --network none --runtime=vmrt --memory 64m bb sleep 1000
	d stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' t-stats >"$T/stats"
	expect_match "$(cat "$T/stats")" '^t-stats [1-9][0-9.]*MiB / [0-9.]+[MG]iB [1-9][0-9]*$'
}

oom() {
	status d run --name "$NAME" --network none --runtime="$RT" --memory 32m --memory-swap 32m bb payload allocate 64
	d inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' "$NAME"
}

events() {
	d events --since 1 --until "$(date +%s)" --filter "container=$NAME" --filter event=oom --format '{{.Action}}'
}

has_oom_event() {
	[ -n "$(events)" ]
}

live_oom() {
	d run -d --name "$NAME" --network none --runtime="$RT" --memory 32m --memory-swap 32m \
		bb sh -c 'payload allocate 64; echo "child $?"; sleep 1000' >/dev/null
	wait_for "docker hears of it" has_oom_event
	events | head -n 1
	d inspect -f '{{.State.OOMKilled}} {{.State.Running}}' "$NAME"
	d exec "$NAME" echo well
	d logs "$NAME" 2>/dev/null
	d rm -f "$NAME" >/dev/null
}

@test "docker events shows that a child was killed for want of memory, the container lives" {
	compare live_oom
	expect_equal "$(head -n 4 "$T/vmrt.out" | tr '\n' ' ')" "oom false true well child 137 "
}

@test "docker inspect says that a container was killed for want of memory" {
	compare oom
	grep -qx "true 137" "$T/vmrt.out"
	RT=vmrt NAME=t-well
	d run --name t-well --network none --runtime=vmrt --memory 32m bb true
	expect_equal "$(d inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' t-well)" "false 0"
}
