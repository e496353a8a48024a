"""Where the time of one start goes, from the lines that `vmrt --debug run` prints. Must not know what a phase is."""

import re
import subprocess
import time

from measure import Account, Failure, Sample, describe_failure

HOST_PHASE = re.compile(r"^vmrt: \[ *([0-9.]+) ms\] phase: (.*?)(?: \(.*\))?$")
GUEST_PHASES = re.compile(r"guest: init: done at us: (.*)$")


class Phases:
    def __init__(self):
        self.order = []  # names as they come, "guest: ..." for those of init, on the guest's clock

    def _note(self, figures, name, milliseconds):
        figures[name] = milliseconds
        if name not in self.order:
            self.order.append(name)

    def run(self, argv):
        """One start; a Sample with milliseconds by phase."""
        account = Account()
        begin = time.monotonic()
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        wall = time.monotonic() - begin
        if done.returncode != 0:
            raise Failure(describe_failure(argv, done.returncode, done.stderr))
        figures = {}
        for line in done.stderr.decode("utf-8", "replace").splitlines():
            host, guest = HOST_PHASE.match(line), GUEST_PHASES.search(line)
            if host:
                self._note(figures, host.group(2), float(host.group(1)))
            for mark in guest.group(1).split(", ") if guest else ():
                name, _, microseconds = mark.rpartition(" ")
                self._note(figures, f"guest: {name}", int(microseconds) / 1000)
        if not figures:
            raise Failure("vmrt --debug printed no phases")
        return Sample(wall, account.close(), **figures)
