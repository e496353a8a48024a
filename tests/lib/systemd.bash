# shellcheck shell=bash
#
# A systemd of the test's own: PID 1 of a pid namespace on the host's file system, with a /run of its own and no units
# but a message bus. Its cgroups are below one that the test makes.

systemd_units() {
	local dir=$1
	mkdir -p "$dir"
	cat >"$dir/default.target" <<-'END'
		[Unit]
		DefaultDependencies=no
		Requires=dbus.socket dbus.service
		After=dbus.service
	END
	cat >"$dir/dbus.socket" <<-'END'
		[Unit]
		DefaultDependencies=no
		[Socket]
		ListenStream=/run/dbus/system_bus_socket
	END
	cat >"$dir/dbus.service" <<-'END'
		[Unit]
		DefaultDependencies=no
		Requires=dbus.socket
		[Service]
		Type=notify
		NotifyAccess=main
		ExecStart=@/usr/bin/dbus-daemon @dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation
	END
}

# The directories of the hierarchies as this process sees them.
systemd_cgroups() {
	findmnt -n -l -t cgroup,cgroup2 -o TARGET | grep '^/sys/fs/cgroup'
}

# Runs as the machine's first program in its namespaces.
systemd_become() {
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/units
	cp "$1"/* /run/units
	umount -R /sys/fs/cgroup
	mount -t proc proc /proc
	exec env -i container=vmrt-test PATH="$PATH" SYSTEMD_UNIT_PATH=/run/units SYSTEMD_LOG_TARGET=console \
		SYSTEMD_PROC_CMDLINE="$2" /usr/lib/systemd/systemd --system
}

systemd_enter_cgroup() {
	local mount file
	for mount in $(systemd_cgroups); do
		mkdir "$mount/$1"
		for file in cpuset.cpus cpuset.mems; do
			[ -s "$mount/$1/$file" ] || cat "$mount/$file" >"$mount/$1/$file" 2>/dev/null || true
		done
		echo "$BASHPID" >"$mount/$1/cgroup.procs"
	done
}

# systemd_start [KERNEL-WORDS]: sets MACHINE, the pid of its PID 1.
systemd_start() {
	systemd_units "$T/units"
	MACHINE_CGROUP=vmrt-systemd-$ID
	(
		systemd_enter_cgroup "$MACHINE_CGROUP"
		exec unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --propagation private \
			bash -c "$(declare -f systemd_become); systemd_become \"\$@\"" - "$T/units" "${1-}" 3>&-
	) >"$T/systemd.log" 2>&1 </dev/null &
	MACHINE_JOB=$!
	wait_for "systemd's process" systemd_find
	wait_for "systemd on its bus" machine busctl --quiet status org.freedesktop.systemd1
}

systemd_find() {
	MACHINE=$(pgrep -P "$MACHINE_JOB") && [ "$(cat "/proc/$MACHINE/comm")" = systemd ]
}

# Runs a command in it.
machine() {
	nsenter --all --target "$MACHINE" -- "$@" 3>&- >"$T/machine.out" 2>"$T/machine.err" </dev/null
}

systemd_stop() {
	local mount
	[ -n "${MACHINE-}" ] || return 0
	kill -KILL "$MACHINE" 2>/dev/null || true
	wait "$MACHINE_JOB" 2>/dev/null || true
	for mount in $(systemd_cgroups); do
		find "$mount/$MACHINE_CGROUP" -depth -type d -exec rmdir {} +
	done
}
