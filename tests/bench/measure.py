"""Running one thing and taking its time: wall clock, and the CPU time of all processes that it made.

The bench is a subreaper: whatever a run leaves behind becomes its child, and a run is over when that has ended too.
Must not know what is run and must not judge a figure.
"""

import contextlib
import ctypes
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNET = 0x40000000
LEFTOVERS_LIMIT_S = 15
RUN_LIMIT_S = 120


class Failure(Exception):
    """Something that is measured did not do what it is measured for."""


class Skip(Exception):
    """Something cannot be measured here; the text is the reason."""


class Sample:
    """One run: seconds of wall clock, seconds of CPU (None: not known), and other figures by name."""

    def __init__(self, wall, cpu=None, **figures):
        self.wall = wall
        self.cpu = cpu
        self.figures = figures

    def as_dict(self):
        return {"wall_s": self.wall, "cpu_s": self.cpu, **self.figures}


def stand_apart():
    """A subreaper, in a network namespace of its own: no link of a run's is ever the machine's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise Failure(f"becoming a subreaper: {os.strerror(ctypes.get_errno())}")
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Failure(f"making a network namespace: {os.strerror(ctypes.get_errno())}")


def children_of(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    return found


def tree_of(pid):
    """A process and all of its descendants."""
    return [pid] + [grandchild for child in children_of(pid) for grandchild in tree_of(child)]


def process_name(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()


@contextlib.contextmanager
def time_limit(seconds, what):
    def on_alarm(_signal, _frame):
        raise Failure(f"{what}: not within {seconds} s")

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def reap_leftovers(spared=()):
    """Waits for what the last run left behind, so that its CPU time is in the account."""
    with time_limit(LEFTOVERS_LIMIT_S, "the end of all processes of a run"):
        while True:
            left = [pid for pid in children_of(os.getpid()) if pid not in spared]
            if not left:
                return
            with contextlib.suppress(ChildProcessError):
                os.waitpid(left[0], 0)


class Account:
    """The CPU time from here on to close(). `group` counts it (cpu.py); `spared` are children that live on."""

    group = None

    def __init__(self, spared=()):
        self.spared = spared
        self.begin = self.group.used()

    def close(self):
        reap_leftovers(self.spared)
        return self.group.used() - self.begin


def describe_failure(argv, status, stderr):
    how = f"exit status {status}" if status >= 0 else f"signal {-status}"
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return f"'{' '.join(argv)}': {how}" + (f": {lines[-1]}" if lines else "")


def run(argv, spared=()):
    """Runs a command that must succeed, with no input and no output, to its end."""
    account = Account(spared)
    with open("/dev/null", "rb") as null, time_limit(RUN_LIMIT_S, f"'{' '.join(argv)}'"):
        begin = time.monotonic()
        child = subprocess.Popen(argv, stdin=null, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        stderr = child.stderr.read()
        status = child.wait()
        wall = time.monotonic() - begin
        child.stderr.close()
    if status != 0:
        raise Failure(describe_failure(argv, status, stderr))
    return Sample(wall, account.close())


def output_of(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_LIMIT_S, check=False)
    if done.returncode != 0:
        raise Failure(describe_failure(argv, done.returncode, done.stderr))
    return done.stdout.decode()


def start_detached(argv):
    """A command whose container goes on; that one keeps the standard streams, so they are no pipes of ours."""
    with tempfile.TemporaryFile() as stderr, time_limit(RUN_LIMIT_S, f"'{' '.join(argv)}'"):
        status = subprocess.call(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        if status != 0:
            stderr.seek(0)
            raise Failure(describe_failure(argv, status, stderr.read()))


class Case:
    """One way to do a thing: a name and a function that does it once and returns a Sample."""

    def __init__(self, name, run_once):
        self.name = name
        self.run_once = run_once
        self.samples = []

    def values(self, figure):
        return [value for value in (getattr(s, figure, s.figures.get(figure)) for s in self.samples)
                if value is not None]

    def median(self, figure):
        values = self.values(figure)
        return statistics.median(values) if values else None

    def ratio_to(self, base, figure):
        """Median of the rounds' ratios: both cases of a round have met the same noise."""
        pairs = list(zip(self.values(figure), base.values(figure)))
        return statistics.median(a / b for a, b in pairs) if pairs and all(b for _, b in pairs) else None


def interleave(cases, rounds):
    """All cases once per round, each round beginning with another one; one more, not counted, warms the caches."""
    for number in range(rounds + 1):
        begin = number % len(cases)
        for case in cases[begin:] + cases[:begin]:
            sample = case.run_once()
            if number > 0:
                case.samples.append(sample)
        if sys.stderr.isatty():
            print(f"\r  round {number} of {rounds} ", end="\n" if number == rounds else "", file=sys.stderr, flush=True)
