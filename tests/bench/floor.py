"""The floor of a cold start: a bare boot of the very machine that vmrt boots.

QEMU's and virtiofsd's arguments are taken from a running container of the bundle that is measured. Only what has to
differ does: the initramfs holds a trivial init (bare-init.c), descriptors and named pipes are the bench's own, and
virtiofsd serves the bundle itself. Must not change any other argument: the ratio would say nothing.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from measure import (Account, Failure, Sample, children_of, output_of, process_name, reap_leftovers,
                     start_detached, time_limit)

BOOT_LIMIT_S = 60
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000


def read_words(path):
    with open(path, "rb") as file:
        return [word.decode() for word in file.read().split(b"\0")[:-1]]


class Machine:
    """The arguments of a running container's QEMU and virtiofsd."""

    def __init__(self, vmrt, bundle, scratch):
        name, pid_file = f"bench-floor-{os.getpid()}", os.path.join(scratch, "floor.pid")
        bundle.set_args("/bin/true")
        start_detached([*vmrt, "create", "--bundle", bundle.directory, "--pid-file", pid_file, name])
        try:
            with open(pid_file, encoding="ascii") as file:
                helpers = children_of(int(file.read()))
            names = {process_name(pid)[:9]: pid for pid in helpers}
            if "qemu-syst" not in names or "virtiofsd" not in names:
                raise Failure(f"vmrt's helpers are {sorted(names)}, not QEMU and virtiofsd")
            self.qemu = read_words(f"/proc/{names['qemu-syst']}/cmdline")
            # QEMU has a root of its own: its kernel's name means nothing outside.
            self.kernel = os.path.join(scratch, "floor.kernel")
            shutil.copyfile(f"/proc/{names['qemu-syst']}/root{self.qemu[self.qemu.index('-kernel') + 1]}", self.kernel)
            self.virtiofsd = read_words(f"/proc/{names['virtiofsd']}/cmdline")
            self.virtiofsd_environment = dict(
                word.partition("=")[::2] for word in read_words(f"/proc/{names['virtiofsd']}/environ"))
        finally:
            output_of([*vmrt, "delete", "--force", name])
            reap_leftovers()


class BareBoot:
    """One kind of init; run() boots it once."""

    def __init__(self, machine, bundle, initramfs, scratch):
        self.machine = machine
        self.bundle = bundle
        self.initramfs = initramfs
        self.scratch = scratch

    def _socket_pair(self, stack):
        ours, theirs = socket.socketpair()
        stack.callback(ours.close)
        stack.callback(theirs.close)
        return theirs.fileno()

    def _share_socket(self, stack):
        """virtiofsd's listening socket, and QEMU's end, which is connected already."""
        path = os.path.join(self.scratch, "share.sock")
        listening, connected = (socket.socket(socket.AF_UNIX) for _ in range(2))
        for end in (listening, connected):
            stack.callback(end.close)
        listening.bind(path)
        listening.listen(1)
        connected.connect(path)
        os.unlink(path)
        return listening.fileno(), connected.fileno()

    def _pipe(self, name):
        base = os.path.join(self.scratch, name)
        for suffix in ("in", "out"):
            with contextlib.suppress(FileExistsError):
                os.mkfifo(f"{base}.{suffix}", 0o600)
        return base

    def _chardev(self, value, share_fd, stack, descriptors):
        identity = re.search(r"\bid=([^,]*)", value).group(1)
        if value.startswith("pipe,"):
            return re.sub(r"path=.*", f"path={self._pipe(identity)}", value)
        if value.startswith("socket,"):
            descriptors.append(share_fd if identity == "share" else self._socket_pair(stack))
            return re.sub(r"fd=\d+", f"fd={descriptors[-1]}", value)
        raise Failure(f"the bare boot does not know QEMU's '-chardev {value}'")

    def _netdev(self, value, stack, descriptors):
        """A tap of the bench's own (its network namespace is private), which goes when its descriptor does."""
        if not value.startswith("tap,"):
            return value
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, tap)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"bench%d", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        descriptors.append(tap)
        return re.sub(r"\bfd=\d+", f"fd={tap}", value)

    def _qemu_words(self, share_fd, stack, descriptors):
        words, option = [self.machine.qemu[0]], None
        for word in self.machine.qemu[1:]:
            if option == "-kernel":
                word = self.machine.kernel
            elif option == "-initrd":
                word = self.initramfs
            elif option == "-chardev":
                word = self._chardev(word, share_fd, stack, descriptors)
            elif option == "-netdev":
                word = self._netdev(word, stack, descriptors)
            elif "fd=" in word and option != "-append":
                raise Failure(f"the bare boot does not know QEMU's '{option} {word}'")
            words.append(word)
            option = word
        return words

    def _virtiofsd_words(self, listening_fd):
        words = []
        for word in self.machine.virtiofsd:
            word = re.sub(r"^--fd=\d+$", f"--fd={listening_fd}", word)
            words.append(re.sub(r"^(source=|--shared-dir=).*", rf"\g<1>{self.bundle.directory}", word))
        return words

    def run(self):
        with contextlib.ExitStack() as stack:
            listening_fd, connected_fd = self._share_socket(stack)
            descriptors = []
            qemu_words = self._qemu_words(connected_fd, stack, descriptors)
            virtiofsd_words = self._virtiofsd_words(listening_fd)
            errors = stack.enter_context(open(os.path.join(self.scratch, "floor.log"), "w+b"))
            account = Account()
            begin = time.monotonic()
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": errors}
            qemu = subprocess.Popen(qemu_words, pass_fds=descriptors, env={}, **quiet)
            virtiofsd = subprocess.Popen(virtiofsd_words, pass_fds=[listening_fd],
                                         env=self.machine.virtiofsd_environment, **quiet)
            try:
                with time_limit(BOOT_LIMIT_S, "a bare boot"):
                    status = qemu.wait()
                wall = time.monotonic() - begin
            finally:
                for child in (qemu, virtiofsd):
                    child.send_signal(signal.SIGKILL)
                    child.wait()
            # The init that fails ends, which is a panic, which is status 1.
            if status != 0:
                errors.seek(0)
                raise Failure(f"the bare boot failed (QEMU: status {status}): {errors.read().decode().strip()}")
            return Sample(wall, account.close())
