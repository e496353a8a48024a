# go test -exec vmrun, with Debian's Go. A suite of its own, as Go is larger than all the rest: make check-go.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() { vmrun_setup; }
teardown() {
	chmod -R u+w "$T/go" 2>/dev/null || true
	rm -rf "$T/go"
	test_teardown
}

@test "go test -exec vmrun runs each package in a VM, with its coverage, profiles and failures" {
	mkdir -p "$WORK/sub" "$T/go"
	export GOCACHE=$T/go/cache GOPATH=$T/go GOTMPDIR=$T/go GOFLAGS=-mod=mod GO111MODULE=on
	printf 'module example.org/m\n\ngo 1.19\n' >"$WORK/go.mod"
	printf 'package m\n\nfunc Half(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\treturn n / 2\n}\n' >"$WORK/m.go"
	cat >"$WORK/m_test.go" <<-'END'
		package m

		import ("os"; "os/exec"; "strings"; "testing")

		func TestHalf(t *testing.T) {
			if Half(4) != 2 { t.Fatal("4") }
			out, err := exec.Command("uname", "-r").Output()
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "-vmrt") { t.Fatal(string(out), err) }
			if os.WriteFile("made", []byte("in the VM"), 0644) != nil { t.Fatal("write") }
		}
	END
	printf 'package sub\n\nimport "testing"\n\nfunc TestFails(t *testing.T) { t.Fatal("as it should") }\n' >"$WORK/sub/s_test.go"
	status=0
	OUT=$T/call.out ERR=$T/call.err
	(cd "$WORK" && timeout 250 go test -exec "$VMRUN" -coverprofile=cover.out -cpuprofile=cpu.out .) >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 0
	expect_match "$(cat "$OUT")" '^ok[[:space:]]+example.org/m[[:space:]].*coverage: 66.7% of statements'
	grep -q '^example.org/m/m.go:.* 1 1$' "$WORK/cover.out" || expect_failed "the profile" "$(cat "$WORK/cover.out")"
	[ -s "$WORK/cpu.out" ] || expect_failed "cpu.out"
	expect_equal "$(cat "$WORK/made")" 'in the VM'
	status=0
	(cd "$WORK" && timeout 250 go test -exec "$VMRUN" ./...) >"$OUT" 2>"$ERR" 3>&- || status=$?
	expect_status 1
	expect_match "$(cat "$OUT")" 'ok[[:space:]]+example.org/m[[:space:]]'
	expect_out_has 'as it should'
}
