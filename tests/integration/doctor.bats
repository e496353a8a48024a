# vmrt doctor: what it says of a good host, and of hosts that lack something.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

doctor() {
	call doctor "$@"
	expect_err ''
}

# line_of CHECK: "status|found|mend" of the last call's JSON.
line_of() {
	jq -r --arg c "$1" '.[] | select(.check == $c) | [.status, .found, .mend // ""] | join("|")' "$OUT"
}

# cure CHECK: what the last call says that mends it, without the restart of a daemon.
cure() {
	local command
	command=$(jq -r --arg c "$1" '.[] | select(.check == $c).mend' "$OUT")
	bash -ec "${command%% && systemctl*}" || expect_failed "a command that works: $command"
}

settings() {
	jq -n "$@" >"$T/vmrt.json"
	export VMRT_CONFIG=$T/vmrt.json
}

@test "doctor finds a host on which containers run" {
	vm_only "others have none"
	doctor
	expect_status 0
	! grep -q '^fail' "$OUT" || expect_failed "nothing that fails"
	doctor --json
	expect_status 0
	expect_equal "$(jq -r '[.[].check] | sort | join(" ")' "$OUT")" \
		"cgroups docker host kernel kernel kvm podman privileges qemu settings tun uid range users virtiofsd" "the checks"
	expect_match "$(line_of qemu)" '^ok\|/.*qemu-system-' "where QEMU is"
	expect_match "$(line_of virtiofsd)" '^ok\|/.*virtiofsd, version [0-9]' "where virtiofsd is"
	# Every finding that is not good but can be mended says how.
	expect_equal "$(jq '[.[] | select(.status == "ok" and .mend != null)] | length' "$OUT")" 0 "no cure for the healthy"
}

@test "doctor names what is missing and exits 1" {
	vm_only "others have none"
	local check
	settings '{qemu: "/no/qemu", virtiofsd: "/etc/passwd", kernel: "/no/kernel", "uid-first": 1}'
	doctor --json
	expect_status 1
	expect_match "$(line_of qemu)" '^fail\|qemu: ./no/qemu.*\|jq .del\(\.qemu\). '
	expect_match "$(line_of virtiofsd)" '^fail\|virtiofsd: ./etc/passwd.*\|jq .del\(\.virtiofsd\). '
	expect_match "$(line_of kernel)" '^fail\|.*/no/kernel.*\|make install'
	expect_match "$(line_of 'uid range')" '^warn\|1-65536: belongs to others too: user .*\|jq .*uid-first'
	# The cures cure, one after the other.
	for check in qemu virtiofsd 'uid range'; do
		cure "$check"
		call doctor --json
		expect_match "$(line_of "$check")" '^ok\|'
	done
	expect_equal "$(jq -c keys "$T/vmrt.json")" '["kernel","uid-count","uid-first"]' "what is left of the settings"
	settings '{accel: "warp"}'
	doctor --json
	expect_status 1
	expect_match "$(line_of settings)" "^fail\\|.*accel.*\\|[$][{]EDITOR:-vi[}] $T/vmrt.json"
	settings '{accel: "tcg"}'
	doctor --json
	expect_status 0
	expect_match "$(line_of kvm)" '^ok\|not used'
}

# doctor with other files in /etc: those of the folder $T/etc lie over the host's. Both engines are there.
doctor_with_etc() {
	mkdir -p "$T/bin"
	ln -sf /bin/true "$T/bin/dockerd"
	ln -sf /bin/true "$T/bin/podman"
	status=0
	OUT=$T/call.out ERR=$T/call.err
	unshare --mount --propagation private bash -c \
		'mount -t overlay -o "lowerdir=$0/etc:/etc" overlay /etc &&
			mount -t overlay -o "lowerdir=$0/bin:/usr/local/bin" overlay /usr/local/bin && exec "$1" doctor --json' \
		"$T" "$VMRT" \
		>"$OUT" 2>"$ERR" </dev/null 3>&- || status=$?
}

@test "doctor reads the engines' configuration, and its cures cure" {
	vm_only "others have none"
	local cure
	mkdir -p "$T/etc/docker" "$T/etc/containers/containers.conf.d"
	jq -n --arg v "$VMRT" '{runtimes: {vmrt: {path: $v}}}' >"$T/etc/docker/daemon.json"
	printf '[engine]\n[engine.runtimes]\n# vmrt = ["/no"]\nvmrt = ["%s"]\n' "$VMRT" >"$T/etc/containers/containers.conf.d/v.conf"
	doctor_with_etc
	expect_match "$(line_of docker)" "^ok\|/etc/docker/daemon.json: runtime vmrt is '$VMRT'"
	expect_match "$(line_of podman)" "^ok\|/etc/containers/containers.conf.d/v.conf: runtime vmrt is '$VMRT'"
	echo '{"runtimes": {"vmrt": {"path": "/no/vmrt"}}}' >"$T/etc/docker/daemon.json"
	printf '[engine.runtimes]\nvmrt = ["/bin/true"]\n' >"$T/etc/containers/containers.conf.d/v.conf"
	doctor_with_etc
	expect_status 1
	expect_match "$(line_of docker)" "^fail\|.*'/no/vmrt'.*\|mkdir -p .*ln -sf '$VMRT' '/no/vmrt'"
	expect_match "$(line_of podman)" '^warn\|.*which is not this program'
	echo '{' >"$T/etc/docker/daemon.json"
	doctor_with_etc
	expect_status 1
	expect_match "$(line_of docker)" '^fail\|.*parse error'
	echo '{"debug": true}' >"$T/etc/docker/daemon.json"
	doctor_with_etc
	expect_status 0
	expect_match "$(line_of docker)" '^warn\|/etc/docker/daemon.json has no runtime vmrt'
	cure=$(jq -r '.[] | select(.check == "docker").mend' "$OUT")
	cure=${cure//\/etc\//$T/etc/}
	bash -c "${cure%% && systemctl*}"
	expect_equal "$(jq -c . "$T/etc/docker/daemon.json")" "{\"debug\":true,\"runtimes\":{\"vmrt\":{\"path\":\"$VMRT\"}}}" "what the cure wrote"
}

@test "doctor's cures of engines that call another path, and its word on a host without tun" {
	vm_only "others have none"
	mkdir -p "$T/etc/docker" "$T/etc/containers"
	echo '{"runtimes": {"vmrt": {"path": "'"$T"'/new/place/vmrt"}}}' >"$T/etc/docker/daemon.json"
	doctor_with_etc
	expect_status 1
	cure docker
	doctor_with_etc
	expect_match "$(line_of docker)" "^ok\|.*'$T/new/place/vmrt'"
	rm "$T/new/place/vmrt"
	cp "$VMRT" "$T/new/place/vmrt"
	chmod a-x "$T/new/place/vmrt"
	doctor_with_etc
	expect_match "$(line_of docker)" "^fail\|.*Permission denied\|chmod"
	cure docker
	doctor_with_etc
	expect_match "$(line_of docker)" '^warn\|.*which is not this program'
	status=0
	unshare --mount --propagation private bash -c 'mount -t tmpfs tmpfs /dev/net && exec "$1" doctor --json' bash "$VMRT" \
		>"$OUT" 2>"$ERR" </dev/null 3>&- || status=$?
	expect_status 1
	expect_match "$(line_of tun)" '^fail\|/dev/net/tun: No such file.*\|modprobe tun'
	# The first check that fails ends nothing: all the others are there.
	expect_equal "$(jq '[.[] | select(.status == "fail")] | length' "$OUT")" 1 "failures"
}
