"""listener.py SOCKET OUT: plays a service manager: writes each datagram that comes, its newlines as '|', as a line."""
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
with open(sys.argv[2], "w", encoding="utf-8") as out:
    while True:
        print(listener.recv(4096).decode().replace("\n", "|"), file=out, flush=True)
