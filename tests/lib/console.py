#!/usr/bin/env python3
"""An engine's end of --console-socket: takes the master of a terminal and relays it.

    console.py SOCKET LOG <COMMANDS

LOG gets one line on what was received ("name=… descriptors=… mode=…"), then what the terminal says, then "[end]" at the
terminal's end (EIO). COMMANDS, a line each: "size ROWSxCOLUMNS", "send TEXT" (with \\r, \\xNN), "close" (hangs up).
"""

import array
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import termios


def receive(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.chdir(os.path.dirname(path))
    listener.bind(os.path.basename(path))
    listener.listen(1)
    connection, _ = listener.accept()
    os.unlink(os.path.basename(path))
    # As the engines do: room for exactly one descriptor.
    name, control, flags, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    descriptors = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data)
    is_whole = not flags & socket.MSG_CTRUNC and connection.recv(1) == b""
    return name, list(descriptors), is_whole


def mode(master):
    settings = termios.tcgetattr(master)
    return "cooked" if settings[3] & (termios.ICANON | termios.ECHO | termios.ISIG) else "raw"


def main():
    path, log_path = sys.argv[1:]
    name, descriptors, is_whole = receive(path)
    log = open(log_path, "wb", buffering=0)
    master = descriptors[0]
    log.write(
        f"name={name.decode()} descriptors={len(descriptors)} whole={is_whole} mode={mode(master)}\n".encode()
    )
    commands, pending = sys.stdin.fileno(), b""
    watched = [master, commands]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""
            if not data:
                log.write(b"[end]\n")
                return
            log.write(data)
        if commands in ready:
            data = os.read(commands, 4096)
            if not data:
                watched.remove(commands)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                verb, _, text = line.decode().partition(" ")
                if verb == "size":
                    rows, columns = text.split("x")
                    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
                elif verb == "send":
                    os.write(master, text.encode().decode("unicode_escape").encode("latin-1"))
                elif verb == "close":
                    return


main()
