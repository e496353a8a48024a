"""Throughput and latency of a container's network: a TCP server in it (payload tcp-load), a client here.

The container's namespace is joined with the bench's own by a veth pair, for every runtime alike. Must not lose a byte
unnoticed: both ends count what arrives.
"""

import contextlib
import socket
import statistics
import struct
import subprocess
import time

from measure import Account, Failure, Sample, time_limit

PORT = 7000
CHUNK_BYTES = 1 << 18
TURNS = 500
LIMIT_S = 300
CONNECT_LIMIT_S = 60


def ip(*words):
    done = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Network:
    """A namespace by name for one container, `number` telling it from others."""

    def __init__(self, name, number):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.address = f"10.97.{number}.2"
        ip("netns", "add", name)
        ip("link", "add", f"bench{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"10.97.{number}.1/24", "dev", f"bench{number}")
        ip("link", "set", f"bench{number}", "up")
        for words in (["addr", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"]):
            ip("-n", name, *words)

    def close(self):
        with contextlib.suppress(Failure):
            ip("netns", "del", self.name)

    def connect(self, command):
        """A connection that does what the one byte says; waits for the server."""
        with time_limit(CONNECT_LIMIT_S, f"connecting to the server at {self.address}"):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    connection = socket.create_connection((self.address, PORT))
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(command)
                    return connection


def measure(network, spared, command, exchange):
    """One exchange over a new connection; `exchange` returns the bytes that passed and more figures."""
    connection = network.connect(command)
    account = Account(spared)
    with connection, time_limit(LIMIT_S, "an exchange with a container"):
        begin = time.monotonic()
        size, figures = exchange(connection)
        wall = time.monotonic() - begin
    return Sample(wall, account.close(), mb_per_s=size / 1e6 / wall, **figures)


def receive(connection, size):
    buffer = bytearray(CHUNK_BYTES)
    have = 0
    while have < size:
        count = connection.recv_into(buffer, min(size - have, CHUNK_BYTES))
        if not count:
            raise Failure(f"{have} of {size} bytes from a container")
        have += count


def measure_in(network, spared, size):
    def exchange(connection):
        chunk = bytes(CHUNK_BYTES)
        for left in range(size, 0, -CHUNK_BYTES):
            connection.sendall(chunk[:min(left, CHUNK_BYTES)])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(8, socket.MSG_WAITALL)
        if len(answer) != 8 or struct.unpack("<Q", answer)[0] != size:
            raise Failure(f"a container says {answer} to {size} bytes")
        return size, {}

    return measure(network, spared, b"i", exchange)


def measure_out(network, spared, size):
    def exchange(connection):
        connection.sendall(struct.pack("<Q", size))
        receive(connection, size)
        return size, {}

    return measure(network, spared, b"o", exchange)


def measure_turns(network, spared, _size):
    """One byte there and back, many times; the median in microseconds."""
    def exchange(connection):
        times = []
        for _ in range(TURNS):
            begin = time.monotonic()
            connection.sendall(b"x")
            receive(connection, 1)
            times.append(time.monotonic() - begin)
        return TURNS, {"turn_us": statistics.median(times) * 1e6}

    return measure(network, spared, b"e", exchange)
