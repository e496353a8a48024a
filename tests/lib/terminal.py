#!/usr/bin/env python3
"""A person at a terminal, scripted: runs a command on a pty of its own and follows steps.

    terminal.py [STEP…] -- COMMAND [ARG…]

    size:ROWSxCOLUMNS   sets the terminal's size (before the command starts, if it is the first step)
    expect:TEXT         waits until TEXT has come out behind what the last expect found
    send:TEXT           types; \\r, \\n, \\t, \\xNN are taken as in C
    signal:NAME         sends a signal to the command
    stopped:            waits until the command has stopped itself, and tells the terminal's mode
    raw:                waits until the terminal is raw: what was typed before would act here
    mode:               tells the terminal's mode: raw or cooked
    file:PATH           waits until the file exists
    pause:              waits $TERMINAL_PAUSE_S: for a moment that has no mark

Prints what came out, then "[status N]" and the terminal's mode at the end. Fails (status 99) when a step is not reached
within the limit, $TERMINAL_LIMIT_S or 20 s.
"""

import errno
import fcntl
import os
import select
import signal
import struct
import sys
import termios
import time

LIMIT_S = float(os.environ.get("TERMINAL_LIMIT_S", "20"))


class Terminal:
    def __init__(self, command, size):
        self.master, slave = os.openpty()
        self.slave = slave
        self.seen = b""
        self.at = 0
        self.notes = []
        if size:
            self.resize(size)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for number in range(3):
                os.dup2(slave, number)
            os.closerange(3, 64)
            os.execvp(command[0], command)

    def resize(self, text):
        rows, columns = text.split("x")
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))

    def mode(self):
        return "cooked" if termios.tcgetattr(self.slave)[3] & termios.ICANON else "raw"

    def pump(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise

    def until(self, what, condition):
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                self.give_up(what)
            self.pump(0.02)

    def give_up(self, what):
        # The line discipline signals first and echoes afterwards: where the echo appears is chance.
        seen = self.seen.replace(b"^C", b"").decode(errors="replace")
        sys.stdout.write(seen if seen.endswith("\n") or not seen else seen + "\n")
        print(f"\n[not within {LIMIT_S} s: {what}]", flush=True)
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(99)

    def found(self, text):
        at = self.seen.find(text, self.at)
        if at >= 0:
            self.at = at + len(text)
        return at >= 0

    def is_stopped(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        return pid != 0 and os.WIFSTOPPED(status)

    def has_ended(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)
        return pid != 0

    def step(self, step):
        verb, _, text = step.partition(":")
        raw = text.encode().decode("unicode_escape").encode("latin-1")
        if verb == "size":
            self.resize(text)
        elif verb == "expect":
            self.until(step, lambda: self.found(raw))
        elif verb == "send":
            os.write(self.master, raw)
        elif verb == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + text))
        elif verb == "stopped":
            self.until(step, self.is_stopped)
            self.notes.append(f"stopped, {self.mode()}")
        elif verb == "raw":
            self.until(step, lambda: self.mode() == "raw")
        elif verb == "mode":
            self.notes.append(self.mode())
        elif verb == "pause":
            time.sleep(float(os.environ["TERMINAL_PAUSE_S"]))
        elif verb == "file":
            self.until(step, lambda: os.path.exists(text))
        else:
            sys.exit(f"terminal.py: unknown step {step}")

    def finish(self):
        self.until("the command's end", self.has_ended)
        # The slave stays open here: there is no end of file to wait for, only nothing more.
        before = -1
        while before != len(self.seen):
            before = len(self.seen)
            self.pump(0.05)
        # The line discipline signals first and echoes afterwards: where the echo appears is chance.
        seen = self.seen.replace(b"^C", b"").decode(errors="replace")
        sys.stdout.write(seen if seen.endswith("\n") or not seen else seen + "\n")
        for note in self.notes:
            print(f"[{note}]")
        # A command that was killed has somebody else give the terminal back: a moment later.
        deadline = time.monotonic() + LIMIT_S
        while self.status < 0 and self.mode() == "raw" and time.monotonic() < deadline:
            time.sleep(0.02)
        print(f"[status {self.status}] [{self.mode()}]", flush=True)


def main():
    split = sys.argv.index("--")
    steps, command = sys.argv[1:split], sys.argv[split + 1 :]
    size = steps.pop(0)[5:] if steps and steps[0].startswith("size:") else None
    terminal = Terminal(command, size)
    for step in steps:
        terminal.step(step)
    terminal.finish()


main()
