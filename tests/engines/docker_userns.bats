# dockerd --userns-remap: every container in a user namespace whose root is another user outside. Without a comparison where
# runc cannot: a nested host withholds mounts and devices from user namespaces.

load ../lib/load
# shellcheck source=/dev/null
source "$TOP/tests/lib/docker.bash"

# Their own /etc/subuid and /etc/subgid, in the daemons' mount namespace alone.
docker_prepare() {
	local dir file
	dir=$(docker_dir)
	for file in subuid subgid; do
		echo 'daemon:200000:65536' >"$dir/$file"
		docker_inside sh -c '[ -e /etc/'$file' ] || exit 1; mount --bind "$1" /etc/'$file sh "$dir/$file"
	done
	echo '{"userns-remap": "daemon:daemon"}' >"$dir/daemon.json"
	# The remapped root has to pass.
	chmod a+x "$dir" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
}

@test "docker --userns-remap: root inside is another user outside, for files, exec and cp" {
	mkdir -m 0777 "$T/v"
	d run -d --name t-userns --network none --runtime=vmrt -v "$T/v:/data/v" bb \
		sh -c 'touch /data/v/of-root /inside; chown 7:8 /data/v/of-root; id -u; tr -s " " </proc/self/uid_map; stat -c %u:%g /bin/busybox /dev/null /etc/hosts; sleep 1000'
	NAME=t-userns wait_for "its output" docker_log_has '^0:0'
	expect_equal "$(d logs t-userns | head -n 5)" "0
 0 200000 65536
0:0
0:0
0:0"
	expect_equal "$(stat -c %u:%g "$T/v/of-root")" 200007:200008
	expect_equal "$(d exec -u 5 t-userns sh -c 'id -u; touch /data/v/of-five; stat -c %u /data/v/of-five')" "5
5"
	expect_equal "$(stat -c %u "$T/v/of-five")" 200005
	echo content >"$T/file"
	d cp "$T/file" t-userns:/copied
	expect_equal "$(d exec t-userns sh -c 'cat /copied; stat -c %u /copied /inside')" "content
0
0"
	# What only the machine's root may do, root inside may not.
	expect_equal "$(d exec t-userns sh -c 'mount -t tmpfs t /mnt 2>/dev/null || echo no mount; echo 1 2>/dev/null >/proc/sys/vm/swappiness || echo no write')" "no mount
no write"
	expect_equal "$(d run --rm --network none --runtime=vmrt --userns host bb sh -c 'tr -s " " </proc/self/uid_map')" " 0 0 4294967295"
}
