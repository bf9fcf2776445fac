#!/usr/bin/env python3
"""What core NATS takes for the fan-out that `aftercall load alerts` measures: the yardstick, on the same machine.

    benches/compare_nats.py [--subscribers 1000] [--connections 10] [--rate 100] [--seconds 8] [--bytes 640]

Needs `nats-server` (Debian: apt-get install nats-server). Starts one on a loopback port, opens the subscribers over so many
connections, publishes at the rate, and prints what was delivered, the delays and the server's CPU a delivery. Core NATS keeps
nothing, filters by subject only, and gives a slow subscriber up; what it costs is the least that such a fan-out can cost.
"""

import argparse
import json
import os
import pathlib
import selectors
import socket
import subprocess
import tempfile
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--rate", type=int, default=100, help="messages a second, each of which every subscriber gets")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--bytes", type=int, default=640, help="of a message; a change of the refund sample has about as many")
    return parser.parse_args()


def cpu_seconds(process_id):
    """User and system time of a process, from the fields after its bracketed name."""
    fields = pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(directory):
    """A server on a port that was free; its address."""
    command = ["nats-server", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", directory]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    ports = pathlib.Path(directory) / f"nats-server_{server.pid}.ports"
    until = time.monotonic() + 10
    while not (ports.exists() and ports.stat().st_size):
        if server.poll() is not None or time.monotonic() > until:
            raise SystemExit("nats-server did not start")
        time.sleep(0.05)
    host, port = json.loads(ports.read_text())["nats"][0].removeprefix("nats://").rsplit(":", 1)
    return server, (host, int(port))


def connect(address, commands):
    """A connection whose commands the server has taken."""
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b'CONNECT {"verbose":false,"echo":false}\r\n' + commands + b"PING\r\n")
    received = b""
    while b"PONG\r\n" not in received:
        received += connection.recv(4096)
    return connection


class Reader:
    """Counts what comes on a connection, and notes how long it took."""

    HEADER = b"\r\nMSG "

    def __init__(self, connection):
        self.connection, self.rest = connection, b"\r\n"

    def read(self, delays):
        data = self.rest + self.connection.recv(1 << 18)
        now, count = time.monotonic_ns(), data.count(self.HEADER)
        if count:
            # The newest of them has waited least and the oldest longest; each is taken for the newest that is whole.
            sent = data.rfind(b"\nat ")
            if sent >= 0 and len(data) >= sent + 24:
                delays.append((now - int(data[sent + 4 : sent + 24]), count))
        self.rest = data[-len(self.HEADER) + 1 :]
        return count


def quantile(delays, share):
    delays.sort()
    left = share * sum(count for _, count in delays)
    for delay, count in delays:
        left -= count
        if left <= 0:
            return delay / 1e6
    return float("nan")


def main():
    asked = arguments()
    with tempfile.TemporaryDirectory() as directory:
        server, address = start(directory)
        try:
            measure(asked, server, address)
        finally:
            server.terminate()
            server.wait()


def measure(asked, server, address):
    each = asked.subscribers // asked.connections
    subscriptions = b"".join(b"SUB changes %d\r\n" % number for number in range(1, each + 1))
    selector = selectors.DefaultSelector()
    for _ in range(asked.connections):
        connection = connect(address, subscriptions)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, Reader(connection))
    publisher = connect(address, b"")
    count = asked.rate * asked.seconds
    expected, heard, delays = count * each * asked.connections, 0, []
    used, began = cpu_seconds(server.pid), time.monotonic()
    published = 0
    while heard < expected and time.monotonic() < began + asked.seconds + 30:
        due = min(count, int((time.monotonic() - began) * asked.rate) + 1)
        while published < due:
            payload = b"\nat %020d " % time.monotonic_ns()
            payload += b"x" * max(0, asked.bytes - len(payload))
            publisher.sendall(b"PUB changes %d\r\n%s\r\n" % (len(payload), payload))
            published += 1
        wait = 0.05 if published == count else max(0.0, began + published / asked.rate - time.monotonic())
        for key, _ in selector.select(wait):
            heard += key.data.read(delays)
    took, used = time.monotonic() - began, cpu_seconds(server.pid) - used
    print(f"subscribers, connections     {asked.subscribers}, {asked.connections}")
    print(f"deliveries                   {heard} at {heard / took:.0f}/s; missing {expected - heard}")
    print(f"publish to receipt           p50 {quantile(delays, 0.5):.2f} ms, p99 {quantile(delays, 0.99):.2f} ms")
    print(f"server's CPU a delivery      {used / max(1, heard) * 1e6:.2f} µs")


if __name__ == "__main__":
    main()
