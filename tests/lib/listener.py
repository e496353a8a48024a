"""listener.py SOCKET OUT: plays a service manager: writes each datagram that comes, its newlines as '|', and the sender's
pid as a line."""
import socket
import struct
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
listener.bind(sys.argv[1])
with open(sys.argv[2], "a", encoding="utf-8") as out:
    while True:
        data, control, _, _ = listener.recvmsg(4096, socket.CMSG_SPACE(12))
        pid = struct.unpack("iII", control[0][2])[0]
        print(data.decode().replace("\n", "|"), pid, file=out, flush=True)
