"""CPU time of everything that a run made, by a control group that the bench and all its children are in.

Not by wait(): the kernel reaps what is left of a pid namespace without adding its times to anybody's, and that is how
QEMU ends. Works with the cpuacct controller of version 1 and with version 2. Must not limit anything.
"""

import os
import resource
import sys

from measure import Failure


def own_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def find_hierarchies():
    """Mount point, kind and options of every cgroup file system."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    return [(mount[4], mount[mount.index("-") + 1], mount[-1].split(",")) for mount in mounts
            if mount[mount.index("-") + 1] in ("cgroup", "cgroup2")]


def find_accounting():
    """Where a group is made, and the file and unit (per second) of its CPU time."""
    for root, kind, options in find_hierarchies():
        if kind == "cgroup" and "cpuacct" in options:
            return root, "cpuacct.usage", 1e9
    for root, kind, _ in find_hierarchies():
        if kind == "cgroup2":
            return root, "cpu.stat", 1e6
    raise Failure("no cgroup hierarchy counts CPU time here")


class CpuGroup:
    def __init__(self):
        root, self.file, self.unit = find_accounting()
        self.name = f"vmrt-bench-{os.getpid()}"
        self.path = os.path.join(root, self.name)
        self.previous = os.path.join(root, self._own_group().lstrip("/"))
        try:
            os.mkdir(self.path)
            self._enter(self.path)
        except OSError as error:
            raise Failure(f"making a control group: {error}") from error

    def _own_group(self):
        """This process's path in that hierarchy."""
        wanted = "cpuacct" if self.file == "cpuacct.usage" else ""
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                if wanted in controllers.split(","):
                    return path
        raise Failure("this process is in no control group")

    @staticmethod
    def _enter(path):
        with open(os.path.join(path, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))

    def used(self):
        """Seconds so far, without this process's own."""
        with open(os.path.join(self.path, self.file), encoding="ascii") as file:
            words = file.read().split()
        total = words[0] if len(words) == 1 else words[words.index("usage_usec") + 1]
        return int(total) / self.unit - own_cpu()

    def close(self):
        self._enter(self.previous)
        # Runtimes make the group in every hierarchy and leave it there.
        for root, _, _ in find_hierarchies():
            for directory, _, _ in os.walk(os.path.join(root, self.name), topdown=False):
                try:
                    os.rmdir(directory)
                except OSError as error:
                    print(f"bench: '{directory}' stays: {error.strerror}", file=sys.stderr)
