"""The host's memory for idle containers: each process's share (PSS) and its peak (VmHWM).

Must not measure before the guests have given back what their boot needed and idling does not.
"""

import os
import time

from measure import Failure, children_of, output_of, process_name, reap_leftovers, start_detached, tree_of

SETTLED_SHARE = 0.01
SETTLE_STEP_S = 2
SETTLE_LIMIT_S = 40
KINDS = {"qemu-syst": "qemu", "virtiofsd": "virtiofsd", "vmrt-moni": "monitor"}


def field_kib(path, name):
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise Failure(f"'{path}' has no {name}")


def pss_by_kind(monitors):
    """MB per kind of process, the sum over all containers."""
    found = dict.fromkeys(KINDS.values(), 0.0)
    for monitor in monitors:
        for pid in tree_of(monitor):
            kind = KINDS.get(process_name(pid)[:9])
            if not kind:
                raise Failure(f"a container has an unknown process '{process_name(pid)}'")
            found[kind] += field_kib(f"/proc/{pid}/smaps_rollup", "Pss") * 1024 / 1e6
    return found


def settled_pss(monitors):
    """Two looks in a row that differ by less than a hundredth; the last one at the limit."""
    before = pss_by_kind(monitors)
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        time.sleep(SETTLE_STEP_S)
        now = pss_by_kind(monitors)
        change = abs(sum(now.values()) - sum(before.values())) / sum(before.values())
        if change < SETTLED_SHARE or time.monotonic() > deadline:
            return now
        before = now


def peak_mb(monitors):
    """The largest QEMU has ever been."""
    peaks = [field_kib(f"/proc/{pid}/status", "VmHWM") for monitor in monitors
             for pid in children_of(monitor) if process_name(pid).startswith("qemu-syst")]
    return max(peaks) * 1024 / 1e6


def measure(vmrt, bundle, count, scratch):
    """Figures for each of `count` idle containers: MB of each kind, their sum, and QEMU's peak."""
    names = [f"bench-memory-{os.getpid()}-{number}" for number in range(count)]
    monitors = []
    try:
        for name in names:
            bundle.set_args("/bin/sleep", "1000")
            pid_file = os.path.join(scratch, "memory.pid")
            start_detached([*vmrt, "run", "--detach", "--bundle", bundle.directory, "--pid-file", pid_file, name])
            with open(pid_file, encoding="ascii") as file:
                monitors.append(int(file.read()))
        pss = {kind: value / count for kind, value in settled_pss(monitors).items()}
        return {**pss, "sum": sum(pss.values()), "qemu peak rss": peak_mb(monitors)}
    finally:
        for name in names[:len(monitors) + 1]:
            output_of([*vmrt, "delete", "--force", name])
        reap_leftovers()
