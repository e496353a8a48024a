"""unix-server.py SOCKET MODE OUT: serves a Unix stream socket. Each connection is a line "uid=U gid=G" in OUT.

  echo     sends back what comes, until its end
  count    reads to the end, then sends the number of bytes and their SHA-256
  sink     reads to the end, slowly; the number of bytes and their SHA-256 are a line in OUT
  deaf     reads nothing
  give N   sends N bytes of a known pattern, and closes
  close    closes at once
  dgram, seqpacket   nothing: a socket of that type"""
import hashlib
import os
import socket
import struct
import sys
import threading
import time


def pattern(size):
    block = bytes(range(251)) * 300
    return (block * (size // len(block) + 1))[:size]


def serve(connection, mode):
    with connection:
        if mode[0] == "echo":
            while data := connection.recv(65536):
                connection.sendall(data)
        elif mode[0] == "count":
            size, digest = 0, hashlib.sha256()
            while data := connection.recv(65536):
                size += len(data)
                digest.update(data)
            connection.sendall(f"{size} {digest.hexdigest()}\n".encode())
        elif mode[0] == "sink":
            size, digest = 0, hashlib.sha256()
            while data := connection.recv(16384):
                size += len(data)
                digest.update(data)
                time.sleep(0.02)
            with open(sys.argv[-1], "a", encoding="utf-8") as out:
                print(f"{size} {digest.hexdigest()}", file=out)
        elif mode[0] == "deaf":
            threading.Event().wait()
        elif mode[0] == "give":
            try:
                connection.sendall(pattern(int(mode[1])))
            except BrokenPipeError:
                with open(sys.argv[-1], "a", encoding="utf-8") as out:
                    print("broken pipe", file=out)


def main():
    path, mode = sys.argv[1], sys.argv[2:-1]
    kind = {"dgram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}.get(mode[0], socket.SOCK_STREAM)
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path + ".new")
    if kind != socket.SOCK_DGRAM:
        listener.listen(4)
    os.rename(path + ".new", path)
    while True:
        if kind != socket.SOCK_STREAM:
            threading.Event().wait()
        connection, _ = listener.accept()
        who = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        _, uid, gid = struct.unpack("iII", who)
        with open(sys.argv[-1], "a", encoding="utf-8") as out:
            print(f"uid={uid} gid={gid}", file=out)
        threading.Thread(target=serve, args=(connection, mode), daemon=True).start()


main()
