# Who the process is and what it may do: user, groups, capabilities, limits, environment, directory, names.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

@test "user, group and additional groups are set" {
	config '.process.user = {uid: 1000, gid: 1001, additionalGids: [2000, 10, 1001]}'
	run_container /payload ids
	expect_out "uid=1000,1000,1000 gid=1001,1001,1001 groups=2000,10,1001 umask=0022" ||
		expect_out "uid=1000,1000,1000 gid=1001,1001,1001 groups=10,1001,2000 umask=0022"
}

@test "a group that is named twice is there once" {
	config '.process.user.additionalGids = [2000, 77, 2000, 77]'
	run_container /payload ids
	expect_status 0
	expect_out "uid=0,0,0 gid=0,0,0 groups=77,2000 umask=0022" ||
		expect_out "uid=0,0,0 gid=0,0,0 groups=2000,77 umask=0022"
}

@test "without additional groups there are none" {
	run_container /payload ids
	expect_out "uid=0,0,0 gid=0,0,0 groups= umask=0022"
}

@test "the umask is set" {
	config '.process.user.umask = 63'
	run_container /bin/sh -c '/payload ids; echo >/data/file; /payload stat /data/file'
	expect_out "uid=0,0,0 gid=0,0,0 groups= umask=0077
/data/file file 0600 uid=0 gid=0 size=1 nlink=1"
}

@test "large user and group numbers work" {
	chmod 1777 "$ROOTFS/data"
	config '.process.user = {uid: 2000000000, gid: 2000000001}'
	run_container /bin/sh -c '/payload ids; echo >/data/file; /payload stat /data/file'
	expect_out "uid=2000000000,2000000000,2000000000 gid=2000000001,2000000001,2000000001 groups= umask=0022
/data/file file 0644 uid=2000000000 gid=2000000001 size=1 nlink=1"
	expect_equal "$(stat -c %u:%g "$ROOTFS/data/file")" 2000000000:2000000001
}

@test "all five capability sets are as configured" {
	config '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN", "CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]} |
		.process.user.uid = 1000'
	run_container /payload caps
	expect_status 0
	# Executed by a user who is not root, a file without capabilities keeps what is ambient.
	expect_out "inheritable=0000000000000020
permitted=0000000000000020
effective=0000000000000020
bounding=0000000000002021
ambient=0000000000000020"
}

@test "an ambient capability that is not inheritable is passed over, as runc does with what its own spec asks for" {
	config '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"],
		ambient: ["CAP_KILL"]}'
	run_container /payload caps
	expect_status 0
	expect_out_line "permitted=0000000000000020"
	expect_out_line "ambient=0000000000000000"
}

@test "root gets what is permitted" {
	config '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN", "CAP_KILL"]}'
	run_container /payload caps
	expect_out "inheritable=0000000000000000
permitted=0000000000000021
effective=0000000000000021
bounding=0000000000000021
ambient=0000000000000000"
}

@test "without capabilities there are none" {
	config 'del(.process.capabilities)'
	run_container /payload caps
	expect_out "inheritable=0000000000000000
permitted=0000000000000000
effective=0000000000000000
bounding=0000000000000000
ambient=0000000000000000"
}

@test "a user without capabilities cannot do what needs them" {
	config '.process.user = {uid: 1000, gid: 1000}'
	run_container /bin/sh -c 'echo x >/etc/notes; chown 0 /payload; id -u'
	expect_status 0
	expect_out 1000
	expect_equal "$(grep -c -i 'permission denied\|not permitted' "$ERR")" 2
	expect_equal "$(cat "$ROOTFS/etc/notes")" "plain text"
}

@test "noNewPrivileges is set and not set" {
	config '.process.noNewPrivileges = true'
	run_container /payload nnp
	expect_out no_new_privs=1
	config '.process.noNewPrivileges = false'
	run_container /payload nnp
	expect_out no_new_privs=0
}

@test "rlimits are set" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_NPROC", soft: 50, hard: 60}, {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}]'
	run_container /payload rlimits
	expect_status 0
	expect_out_line "NOFILE 100 200"
	expect_out_line "CORE 0 0"
	expect_out_line "NPROC 50 60"
	expect_out_line "STACK 1048576 2097152"
}

@test "rlimits above the host's own are no matter for a virtual machine" {
	vm_only "the kernel refuses it to runc without CAP_SYS_RESOURCE"
	args /payload rlimits
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1048576, hard: 1048576},
		{type: "RLIMIT_MEMLOCK", soft: "INFINITY", hard: "INFINITY"}]'
	# jq would round it.
	sed -i 's/"INFINITY"/18446744073709551615/' "$BUNDLE/config.json"
	run_container
	expect_out_line "NOFILE 1048576 1048576"
	expect_out_line "MEMLOCK -1 -1"
}

@test "an unknown rlimit is refused by name" {
	config '.process.rlimits = [{type: "RLIMIT_COFFEE", soft: 1, hard: 1}]'
	create
	expect_refusal RLIMIT_COFFEE
}

@test "the environment is exactly the configured one" {
	config '.process.env = ["PATH=/bin", "A=1", "EMPTY=", "SPACES= a  b ", "UTF=ä€", "EQUALS=x=y=z", "QUOTES=\"'"'"'$x\\"]'
	run_container payload env
	expect_status 0
	grep -v '^HOME=' "$OUT" >"$T/env"
	expect_equal "$(cat "$T/env")" 'PATH=/bin
A=1
EMPTY=
SPACES= a  b 
UTF=ä€
EQUALS=x=y=z
QUOTES="'"'"'$x\'
}

@test "HOME is looked up in the container when it is not given" {
	run_container /payload env
	expect_out_line HOME=/root
	config '.process.user = {uid: 1000, gid: 1000}'
	run_container /payload env
	expect_out_line HOME=/home
	config '.process.env += ["HOME=/mine"]'
	run_container /payload env
	expect_out_line HOME=/mine
	expect_no_out_line HOME=/home
}

@test "arguments come through byte by byte" {
	run_container /payload args '' ' ' 'two words' '$HOME' '"quoted"' "it's" '--option=x' 'ä€' 'back\slash' $'line\nbreak' '*'
	expect_out "[]
[ ]
[two words]
[\$HOME]
[\"quoted\"]
[it's]
[--option=x]
[ä€]
[back\\slash]
[line
break]
[*]"
}

@test "a long argument list comes through" {
	local long
	long=$(printf 'x%.0s' {1..50000})
	run_container /bin/sh -c 'echo ${#1} ${#2}; shift 2; echo $#' sh "$long" "$long" {1..1000}
	expect_status 0
	expect_out "50000 50000"$'\n'1000
}

@test "the working directory is set and belongs to the container" {
	config '.process.cwd = "/usr/bin"'
	run_container /payload cwd
	expect_out /usr/bin
}

@test "a working directory that only root can enter is entered before the user is set" {
	mkdir -m 0700 "$ROOTFS/secret"
	config '.process.cwd = "/secret" | .process.user = {uid: 1000, gid: 1000}'
	run_container /payload cwd
	expect_status 0
	expect_out /secret
}

@test "the host name is set" {
	config '.hostname = "host-of-test"'
	run_container /payload hostname
	expect_out host-of-test
}

@test "the domain name is set" {
	vm_only "runc 1.1 ignores it"
	config '.domainname = "example.org"'
	run_container /payload show /proc/sys/kernel/domainname
	expect_out example.org
}

@test "the process is number 1 of its pid namespace and alone" {
	run_container /payload pid
	expect_match "$(cat "$OUT")" '^pid=1 ppid=0 '
	run_container /payload processes
	expect_out processes=1
}

@test "without a pid namespace the process is not number 1" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	run_container /payload pid
	expect_status 0
	expect_match "$(cat "$OUT")" '^pid=[0-9]+ '
	[[ $(cat "$OUT") != "pid=1 "* ]] || expect_failed "another number"
}

@test "the kernel is not the host's" {
	vm_only "it is the host's"
	run_container /payload kernel
	expect_status 0
	[ "$(cat "$OUT")" != "$(uname -r) $(uname -m)" ] || expect_failed "another kernel"
	expect_match "$(cat "$OUT")" "^[0-9]+\.[0-9]+.* $(uname -m)$"
}
