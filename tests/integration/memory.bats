# What the guest does not need any more goes back to the host.

load ../lib/load

setup() { test_setup; }
teardown() { test_teardown; }

# MiB of the guest's memory that the host has given.
guest_memory() {
	local qemu
	qemu=$(ps -o pid=,comm= --ppid "$PID" | awk '$2 ~ /^qemu/ { print $1 }')
	awk '/^RssShmem:/ { print int($2 / 1024) }' "/proc/$qemu/status"
}

has_given_back() {
	[ "$(guest_memory)" -lt "$1" ]
}

@test "a container that freed 512 MiB gives it back to the host" {
	vm_only "there is one kernel"
	local full
	config 'del(.linux.resources)'
	mkfifo "$T/in"
	exec 8<>"$T/in"
	STDIN=$T/in
	args /bin/sh -c 'echo ready; read go; /payload allocate 512 && echo allocated; read go; echo end'
	launch ready
	echo go >&8
	wait_for "the memory was used" file_has "$T/out" allocated
	# It was there: the kernel remembers the most that QEMU ever had.
	full=$(awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$(ps -o pid=,comm= --ppid "$PID" | awk '$2 ~ /^qemu/ { print $1 }')/status")
	((full > 512)) || expect_failed "512 MiB in use, got $full at most"
	# Free page reporting looks every two seconds.
	wait_seconds 60 "the host has the memory back" has_given_back $((full - 450))
	echo go >&8
	wait_exit
	expect_out_line end
	exec 8>&-
}
