# --root with images and bundles: what engines and builders write, and what means harm.

load ../lib/load
# shellcheck source=tests/lib/vmrun.bash
source "$TOP/tests/lib/vmrun.bash"

setup() {
	vmrun_setup
	BUSYBOX=$(command -v busybox)
}
teardown() { test_teardown; }

# image KIND FILE COMPRESSION [WRONG]: the specification comes on standard input.
image() {
	python3 "$TOP/tests/lib/image.py" "$1" "$T/$2" "${@:3}"
}

# Two layers: the second takes away, empties and replaces what the first has.
layers() {
	cat <<-END
		{"config": {"Env": ["PATH=/tools", "FROM=the image", "LANG=C"], "WorkingDir": "/data", "User": "someone:2000",
			"Entrypoint": ["sh", "-c"], "Cmd": ["pwd; id -u; id -g; echo \$FROM"]},
		"layers": [
			[["dir", "tools", ""], ["copy", "tools/busybox", "$BUSYBOX"], ["link", "tools/sh", "busybox"],
			 ["link", "tools/id", "/tools/busybox"], ["link", "tools/cat", "busybox"], ["link", "tools/ls", "busybox"],
			 ["dir", "etc", ""], ["file", "etc/passwd", "someone:x:1234:1234::/:/bin/sh\n"], ["file", "etc/gone", "x"],
			 ["dir", "data", ""], ["file", "data/old", "x"], ["dir", "data/sub", ""], ["file", "data/sub/old", "x"],
			 ["dir", "kind", ""], ["file", "kind/x", "x"], ["link", "way", "/data"]],
			[["file", "etc/.wh.gone", ""], ["file", "data/new", "new text"], ["file", "data/.wh..wh..opq", ""],
			 ["file", "kind", "a file now"], ["device", "disk", ""], ["file", "way/in", "through a link"],
			 ["hard", "etc/hard", "/data/new"]]
		]}
	END
}

@test "docker's and OCI archives, plain and compressed: layers, whiteouts, the image's own program and environment" {
	local kind packed
	for kind in docker:none oci:zstd; do
		packed=${kind#*:} kind=${kind%:*}
		layers | image "$kind" image.tar "$packed"
		# shellcheck disable=SC2016 # the guest's shell expands it
		vmrun -r "$T/image.tar" sh -c 'cd /; ls data etc kind disk; cat data/new data/in etc/hard kind; echo; echo "$PATH $FROM"; echo x >/data/x; id -u'
		expect_status 0
		expect_out 'kind

data:
in
new

etc:
hard
passwd
new textthrough a linknew texta file now
/tools the image
0'
	done
	vmrun -r "$T/image.tar"
	expect_status 0
	expect_out '/data
1234
2000
the image'
	vmrun -r "$T/image.tar" -w / -u 7 -e FROM=me sh -c 'cat /etc/gone; echo $FROM; pwd; id -u' 
	expect_out 'me
/
7'
	gzip -c "$T/image.tar" >"$T/image.tar.gz"
	vmrun -r "$T/image.tar.gz" cat /data/new
	expect_out 'new text'
	[ -z "$(grep vmrun- /proc/self/mountinfo)" ] || expect_failed "no mount on the host"
}

@test "a tar of a root file system; a bundle; an archive's root is gone with vmrun, whatever ends it" {
	layers | image plain root.tar gzip
	vmrun -r "$T/root.tar" /tools/sh -c 'cat etc/passwd || cat /etc/passwd; echo mine >file'
	expect_status 0
	expect_out 'someone:x:1234:1234::/:/bin/sh'
	expect_equal "$(cat "$WORK/file")" mine
	mkdir -p "$T/bundle"
	ln -s "$ROOTFS" "$T/bundle/rootfs"
	echo '{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/etc", "user": {"uid": 1000, "gid": 2000},
		"env": ["A=of the bundle"], "args": ["sh", "-c", "pwd; id -u; id -g; echo $A"]}}' >"$T/bundle/config.json"
	vmrun -r "$T/bundle"
	expect_status 0
	expect_out '/etc
1000
2000
of the bundle'
	vmrun_start -r "$T/root.tar" /tools/sh -c 'echo ready; exec /tools/busybox sleep 1000'
	wait_for "the command" grep -q ready "$OUT"
	kill -KILL "$VMRUN_PID"
	vmrun_wait
	wait_for "all of it to go" eval '[ -z "$(ls "$ROOT")" ]'
	[ -z "$(grep -l "$ROOT/vmrun-.*/image" /proc/[0-9]*/mountinfo 2>/dev/null)" ] || expect_failed "no mount"
}

# unpack FILE: by the program that does it for vmrun. Nothing beside its directory may change.
unpack() {
	rm -rf "$T/out"
	mkdir "$T/out"
	status=0
	OUT=$T/call.out ERR=$T/call.err
	"$BUILD/vmrun-unpack" "$T/$1" "$T/out" >"$OUT" 2>"$ERR" || status=$?
}

@test "an image that means harm harms nothing: names, links, whiteouts, devices, digests" {
	layers | image plain root.tar none
	vmrun -r "$T/root.tar" /tools/cat /data/old
	expect_out x
	mkdir "$T/beside"
	echo untouched >"$T/beside/file"
	local before what entries error
	before=$(ls -lA "$T/beside")
	while IFS='|' read -r what entries error; do
		echo "{\"layers\": [[[\"dir\", \"d\", \"\"]], [$entries]]}" | image oci hostile.tar none
		unpack hostile.tar
		[ -z "$error" ] || expect_err_has "$error"
		expect_equal "$status" "$([ -z "$error" ] && echo 0 || echo 1)" "$what"
		expect_equal "$(ls -lA "$T/beside")" "$before" "$what"
		[ ! -e /etc/evil ] || expect_failed "no file beside" "$what"
	done <<-END
		dots|["file", "d/../../../etc/evil", "x"]|leads outside of it: 'd/../../../etc/evil'
		hard link up|["hard", "x", "../../beside/file"]|leads outside of it
		absolute name|["file", "$T/beside/file", "evil"]|
		link out, file behind it|["link", "l", "$T/beside"], ["file", "l/file", "evil"]|unpacking 'l/
		link up, file behind it|["link", "l", "../../beside"], ["file", "l/file", "evil"]|unpacking 'l/
		link in place of a file|["link", "f", "$T/beside/file"], ["file", "f", "evil"]|
		whiteout of all|["file", "d/.wh...", ""]|a whiteout of nothing
		whiteout of itself|["file", "d/.wh..", ""]|a whiteout of nothing
		whiteout behind a link|["link", "l", "$T/beside"], ["file", "l/.wh.file", ""]|
		emptied behind a link|["link", "l", "$T/beside"], ["file", "l/.wh..wh..opq", ""]|
		device|["device", "d/sda", ""]|
		link to the blobs|["link", "l", "../blobs"], ["file", "l/0", "evil"]|unpacking 'l/
	END
	expect_equal "$(cat "$T/beside/file")" untouched
	[ -z "$(find "$T/out" -type b)" ] || expect_failed "no device"
	for what in digest layer config; do
		layers | image "$([ $what = digest ] && echo oci || echo docker)" hostile.tar gzip "$what"
		unpack hostile.tar
		expect_status 1
		expect_err_has 'is not what its digest says: sha256:'
	done
	echo 'no archive at all' >"$T/text"
	vmrun -r "$T/text" true
	expect_status 125
	expect_match "$(cat "$ERR")" "^vmrun: option --root: '$T/text': reading the image: "
	vmrun --keep -r "$T/root.tar" true
	expect_status 125
	expect_err_has 'an archive is unpacked for one run: not with --dry-run or --keep'
}

# tar_of_names FILE NAME-EXPRESSION LINK-EXPRESSION: Python makes them.
tar_of_names() {
	python3 -c 'import sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
    tar.addfile(tarfile.TarInfo("manifest.json" if "image" in sys.argv[1] else "d"))
    info = tarfile.TarInfo(eval(sys.argv[2]))
    info.linkname = eval(sys.argv[3])
    info.type = tarfile.LNKTYPE if info.linkname else tarfile.REGTYPE
    tar.addfile(info)' "$T/$1" "$2" "$3"
}

@test "names longer than any file's are refused before they take memory" {
	local file name link
	for file in root image; do
		for name in "'a/' * 400000 + 'f'|''" "'f'|'a/' * 400000" "'n' * 4096|''"; do
			link=${name#*|} name=${name%|*}
			tar_of_names $file.tar "$name" "$link"
			unpack $file.tar
			expect_status 1
			expect_err_has 'the image has a name of more than 4095 bytes: '
		done
	done
	tar_of_names root.tar "'a/' * 2000 + 'f'" "''"
	unpack root.tar
	expect_status 0
	expect_equal "$(find "$T/out/root/a" -name f | wc -l)" 1
}

@test "what gets out of the image's root is in its directory still, not on the host" {
	mkdir "$T/out"
	echo 'no archive at all' >"$T/text"
	# Its line finds no room in the pipe: so it can be looked at.
	python3 - "$BUILD/vmrun-unpack" "$T" <<-'END'
		import os, subprocess, sys, time

		program, t = sys.argv[1:]
		lines, line = os.pipe()
		os.set_blocking(line, False)
		try:
		    while True:
		        os.write(line, b"x" * 4096)
		except BlockingIOError:
		    os.set_blocking(line, True)
		outside = os.open(t, os.O_RDONLY)
		unpack = subprocess.Popen([program, t + "/text", t + "/out"], stderr=line, pass_fds=[outside])
		proc = f"/proc/{unpack.pid}"
		end = time.monotonic() + 60
		while not os.readlink(proc + "/root").endswith("/root") and time.monotonic() < end:
		    time.sleep(0.01)
		blobs = [fd for fd in os.listdir(proc + "/fd") if os.readlink(f"{proc}/fd/{fd}").endswith("/blobs")]
		directories = [fd for fd in os.listdir(proc + "/fd") if os.path.isdir(f"{proc}/fd/{fd}")]
		tops = [os.stat(f"{proc}/fd/{fd}" + "/.." * 64) for fd in directories]
		os.close(line)
		os.close(lines)
		unpack.wait()
		assert blobs and directories == blobs, (blobs, directories)
		assert all(os.path.samestat(top, os.stat(t + "/out")) for top in tops), tops
	END
}

@test "an opaque directory hides what is below it too, wherever in the layer that is said" {
	local own='["dir", "a", ""], ["dir", "a/.config", ""], ["file", "a/.config/deep/new", "x"], ["file", "a/.b", "x"]' order
	local opaque='["file", "a/.wh..wh..opq", ""]'
	for order in "$own, $opaque" "$opaque, $own"; do
		image oci opaque.tar none <<-END
			{"layers": [
				[["file", "a/.config/old", "x"], ["file", "a/.config/deep/er/old", "x"], ["link", "a/.config/deep/link", "/beside"],
				 ["file", "a/old", "x"], ["file", "a/.b", "old"], ["file", "beside/old", "x"], ["link", "way", "a"]],
				[$order]]}
		END
		unpack opaque.tar
		expect_status 0
		expect_equal "$(cd "$T/out/root" && find a beside ! -type d | sort | xargs)" 'a/.b a/.config/deep/new beside/old' "$order"
		[ ! -e "$T/out/root/a/.config/deep/er" ] || expect_failed "no empty directory of the first layer's"
	done
	image oci opaque.tar none <<<'{"layers": [[["file", "d/old", "x"], ["link", "etc", "d"]], [["file", "d/new", "x"], ["file", ".wh..wh..opq", ""]]]}'
	unpack opaque.tar
	expect_equal "$(cd "$T/out/root" && find . ! -type d)" './d/new'
}
