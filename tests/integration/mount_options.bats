# What every option of a mount does, read back from /proc/self/mountinfo inside.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# check NAME PATTERN: the options and propagation of the mount at /data/NAME.
check() {
	local line
	line=$(grep -E "^/data/$1 " "$OUT") || expect_failed "a mount at /data/$1"
	expect_match "$line" "$2" "/data/$1"
}

# One bind mount per row: name, options, a pattern for "OPTIONS PROPAGATION" (mountinfo's fields).
BINDS='
plain|bind|rw[^ ]* private
ro|bind,ro|ro[^ ]* private
rw-last|bind,ro,rw|rw[^ ]* private
nosuid|bind,nosuid|rw,nosuid[^ ]* private
nodev|bind,nodev|rw,nodev[^ ]* private
noexec|bind,noexec|rw,noexec[^ ]* private
exec|bind,noexec,exec|rw[^x]* private
all|rbind,ro,nosuid,nodev,noexec|ro,nosuid,nodev,noexec[^ ]* private
noatime|bind,noatime|rw,noatime[^ ]* private
nodiratime|bind,nodiratime,noatime|rw,noatime,nodiratime[^ ]* private
relatime|bind,relatime|rw,relatime[^ ]* private
rro|rbind,rro|ro[^ ]* private
rnosuid|rbind,rnosuid|rw,nosuid[^ ]* private
rnodev|rbind,rnodev|rw,nodev[^ ]* private
rnoexec|rbind,rnoexec|rw,noexec[^ ]* private
rnoatime|rbind,rnoatime|rw,noatime[^ ]* private
rrw|rbind,ro,rrw|rw[^ ]* private
shared|bind,shared|rw[^ ]* shared
rshared|rbind,rshared|rw[^ ]* shared
private|rbind,rprivate|rw[^ ]* private
unbindable|bind,unbindable|rw[^ ]* unbindable
two|bind,shared,private|rw[^ ]* private
'


add_bind_row() {
	local IFS=,
	# shellcheck disable=SC2086 # split into options
	bind "$T/source" "/data/$1" $2
}

check_row() {
	check "$1" "$3"
}

each_row() {
	local rows=$1 action=$2 name options pattern
	while IFS='|' read -r name options pattern; do
		[ -z "$name" ] || "$action" "$name" "$options" "$pattern"
	done <<<"$rows"
}

@test "every option of a bind mount has its effect" {
	mkdir "$T/source"
	each_row "$BINDS" add_bind_row
	run_container /payload mounts
	expect_status 0
	each_row "$BINDS" check_row
}

FILE_SYSTEMS='
size|size=64k,mode=0711|rw[^ ]* private .*size=64k,mode=711
ro|ro|ro[^ ]* private
strictatime|strictatime|rw private
nosuid|nosuid,nodev,noexec|rw,nosuid,nodev,noexec[^ ]* private
sync|sync|rw[^ ]* private rw,sync
nosymfollow|nosymfollow|rw,[^ ]*nosymfollow private
shared|rshared|rw[^ ]* shared
'

add_tmpfs_row() {
	# shellcheck disable=SC2016 # jq's variables
	config '.mounts += [{destination: "/data/\($n)", source: "tmpfs", type: "tmpfs", options: ($o | split(","))}]' \
		--arg n "$1" --arg o "$2"
}

@test "every option of a file system has its effect" {
	each_row "$FILE_SYSTEMS" add_tmpfs_row
	run_container /payload mounts
	expect_status 0
	each_row "$FILE_SYSTEMS" check_row
}

@test "rro makes what is mounted below read-only too, rw does not" {
	mkdir -p "$T/source/below"
	mount -t tmpfs below "$T/source/below"
	bind "$T/source" /data/rw rbind rw
	bind "$T/source" /data/rro rbind rro
	run_container /bin/sh -c 'echo x >/data/rw/below/a; echo x >/data/rro/file; echo x >/data/rro/below/b; ls /data/rw/below'
	umount "$T/source/below"
	expect_out a
	expect_equal "$(grep -c 'Read-only file system' "$ERR")" 2
}

@test "ro and its like are for the top mount: what is mounted below keeps its own" {
	mkdir -p "$T/source/below"
	mount -t tmpfs below "$T/source/below"
	mkdir "$T/source/below/a b" "$T/source/below/a b/deep"
	mount -t tmpfs -o ro deep "$T/source/below/a b/deep"
	bind "$T/source" /data/ro rbind ro
	bind "$T/source" /data/noexec rbind noexec nosuid
	run_container /bin/sh -c 'echo x >/data/ro/file; echo x >/data/ro/below/a; echo x >"/data/ro/below/a b/c"; echo x >"/data/ro/below/a b/deep/d"
		ls /data/noexec/below; cp /payload /data/noexec/below/; /data/noexec/below/payload exit 0 && echo runs
		cp /payload /data/noexec/; /data/noexec/payload exit 0 && echo "runs too"; true'
	umount -R "$T/source/below"
	expect_out "a
a b
runs"
	expect_equal "$(grep -c 'Read-only file system' "$ERR")" 2
	expect_equal "$(grep -ci 'permission denied' "$ERR")" 1
}

@test "what the host mounts below a source later comes along with rslave" {
	mkdir -p "$T/source/below" "$T/private"
	mount --bind "$T/source" "$T/source"
	mount --make-shared "$T/source"
	bind "$T/source" /data/slave rbind rslave
	bind "$T/source" /data/private rbind rprivate
	args /bin/sh -c 'echo up; until [ -e /data/slave/below/file ]; do :; done; ls /data/private/below; echo seen; read x'
	launch up
	mount -t tmpfs below "$T/source/below"
	touch "$T/source/below/file"
	wait_for "the container sees it" file_has "$T/out" seen
	# Lazily: virtiofsd holds the files that the guest's kernel remembers, in its copy of the mount.
	umount -l "$T/source/below"
	wait_exit
	umount -l "$T/source"
	expect_status 1
	expect_out "up
seen"
}

@test "tmpcopyup begins with what it covers" {
	mkdir -p "$ROOTFS/data/full/sub"
	echo kept >"$ROOTFS/data/full/sub/file"
	ln -s sub/file "$ROOTFS/data/full/link"
	chmod 0640 "$ROOTFS/data/full/sub/file"
	config '.mounts += [{destination: "/data/full", source: "tmpfs", type: "tmpfs", options: ["tmpcopyup"]}]'
	run_container /bin/sh -c 'cat /data/full/link; stat -c %a /data/full/sub/file; echo new >/data/full/sub/file; payload mounts | grep -c "^/data/full tmpfs"'
	expect_status 0
	expect_out "kept
640
1"
	expect_equal "$(cat "$ROOTFS/data/full/sub/file")" kept
}

@test "an overlay mount keeps its lower layer" {
	mkdir "$T"/{lower,upper,work}
	echo below >"$T/lower/file"
	config '.mounts += [{destination: "/data/over", source: "overlay", type: "overlay",
		options: ["lowerdir=\($t)/lower", "upperdir=\($t)/upper", "workdir=\($t)/work", "private"]}]' --arg t "$T"
	run_container /bin/sh -c 'cat /data/over/file; echo above >/data/over/file; cat /data/over/file'
	expect_status 0
	expect_out "below
above"
	expect_equal "$(cat "$T/lower/file")" below
	expect_equal "$(cat "$T/upper/file")" above
}

@test "the root's propagation is as asked for" {
	vm_only "runc 1.1 leaves it private"
	local propagation
	for propagation in private shared slave unbindable; do
		config '.linux.rootfsPropagation = $p' --arg p "$propagation"
		run_container /payload mounts
		expect_status 0
		expect_match "$(grep '^/ ' "$OUT")" "^/ [^ ]+ [^ ]+ $propagation " "rootfsPropagation $propagation" ||
			# a slave without a master is private
			{ [ "$propagation" = slave ] && expect_match "$(grep '^/ ' "$OUT")" '^/ [^ ]+ [^ ]+ private '; }
	done
}

@test "a mount that cannot be made is named by its source and destination" {
	mkdir "$T/source"
	bind "$T/source" /etc/notes
	run_container /bin/true
	expect_status 1
	expect_err_has "error mounting \"$T/source\" to rootfs at \"/etc/notes\": mount $T/source:/etc/notes (via /proc/self/fd/"
	expect_err_has "not a directory"
}

@test "an id-mapped mount is refused by name" {
	vm_only "runc's own check differs"
	mkdir "$T/source"
	bind "$T/source" /data/mapped idmap
	create
	expect_refusal "id-mapped mounts are not supported"
}
