"""Throughput of a container's stdio, without its start: the clock runs from the first byte to the last.

Must not lose a byte unnoticed: every part counts what arrives.
"""

import os
import subprocess
import threading
import time

from measure import Account, Failure, Sample, describe_failure, time_limit

CHUNK_BYTES = 1 << 16
STREAM_LIMIT_S = 300


class Stream:
    """A container in the foreground with pipes of ours."""

    def __init__(self, argv):
        self.argv = argv
        self.account = Account()
        self.child = subprocess.Popen(argv, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)

    def wait_for_byte(self):
        if len(self.child.stdout.read(1)) != 1:
            raise Failure(describe_failure(self.argv, self.child.wait(), self.child.stderr.read()))

    def send(self, size):
        chunk = bytes(CHUNK_BYTES)
        for _ in range(size // CHUNK_BYTES):
            view = memoryview(chunk)
            while view:
                view = view[self.child.stdin.write(view):]

    def receive(self, size):
        have = 0
        while have < size:
            chunk = os.read(self.child.stdout.fileno(), CHUNK_BYTES)
            if not chunk:
                raise Failure(f"'{' '.join(self.argv)}': {have} of {size} bytes of output")
            have += len(chunk)

    def close(self, begin, size):
        wall = time.monotonic() - begin
        self.child.stdin.close()
        rest = self.child.stdout.read()
        stderr = self.child.stderr.read()
        status = self.child.wait()
        self.child.stdout.close()
        self.child.stderr.close()
        if status != 0:
            raise Failure(describe_failure(self.argv, status, stderr))
        if rest:
            raise Failure(f"'{' '.join(self.argv)}': {len(rest)} bytes more than were sent")
        return Sample(wall, self.account.close(), mb_per_s=size / 1e6 / wall)


def program_in(_size):
    return ["sh", "-c", "echo -n r; cat >/dev/null; echo -n d"]


def program_out(size):
    return ["sh", "-c", f"echo -n r; exec dd if=/dev/zero bs=65536 count={size // CHUNK_BYTES} 2>/dev/null"]


def program_cat(_size):
    return ["cat"]


def run_in(argv, size):
    with time_limit(STREAM_LIMIT_S, "writing to a container"):
        stream = Stream(argv)
        stream.wait_for_byte()
        begin = time.monotonic()
        stream.send(size)
        stream.child.stdin.close()
        stream.wait_for_byte()
        return stream.close(begin, size)


def run_out(argv, size):
    with time_limit(STREAM_LIMIT_S, "reading from a container"):
        stream = Stream(argv)
        stream.wait_for_byte()
        begin = time.monotonic()
        stream.receive(size)
        return stream.close(begin, size)


def run_cat(argv, size):
    with time_limit(STREAM_LIMIT_S, "a stream through a container"):
        stream = Stream(argv)
        # A first byte there and back: then it runs.
        stream.child.stdin.write(b"r")
        stream.wait_for_byte()
        begin = time.monotonic()
        sender = threading.Thread(target=stream.send, args=(size,), daemon=True)
        sender.start()
        stream.receive(size)
        sender.join()
        return stream.close(begin, size)


DIRECTIONS = {"in": (program_in, run_in), "out": (program_out, run_out), "cat": (program_cat, run_cat)}
