# shellcheck shell=bash
#
# Kernels of Debian's, unpacked and not installed, kept between runs. apt works on state of its own: the machine's sources
# and lists stay as they are.

# kernel_fetch SUITE META-PACKAGE: prints the directory with its boot/vmlinuz-VERSION.
kernel_fetch() {
	local suite=$1 meta=$2 dir
	dir=${VMRT_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/vmrt}/$suite-$meta
	if [ ! -e "$dir/ready" ]; then
		rm -rf "$dir"
		mkdir -p "$dir/lists/partial" "$dir/archives/partial"
		kernel_unpack "$suite" "$meta" "$dir" >"$dir/log" 2>&1 || {
			tail -n 20 "$dir/log" >&2
			return 1
		}
		rm -r "$dir/lists" "$dir/archives"
		touch "$dir/ready"
	fi
	echo "$dir"
}

kernel_unpack() {
	local suite=$1 meta=$2 dir=$3 package
	local options=(-o "Dir::State::lists=$dir/lists" -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::Cache=$dir" -o APT::Sandbox::User=root)
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${VMRT_DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" \
		>"$dir/sources.list"
	apt-get "${options[@]}" update
	package=$(apt-cache "${options[@]}" depends "$meta" | awk '$1 == "Depends:" { print $2; exit }')
	(cd "$dir" && apt-get "${options[@]}" download "$package" && dpkg -x ./*.deb . && rm ./*.deb)
}
