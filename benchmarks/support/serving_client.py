"""The one client of all servers: sends photos over N kept-alive connections and measures each answer.

`python -m support.serving_client PHOTOS` reads one JSON line a turn from its input, `{"port", "connections",
"warm_s", "seconds", "first_photo"}`, and prints one JSON line a turn. Requests lie ready as bytes and
sockets are watched by one selector: 20 to 40 µs of processor time an answer, so that the client is never what
limits. It runs on the servers' cores; `cpu_share` says how much of them it took.
"""

import json
import os
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

_READ_BYTES = 1 << 16


def main(photos: Path) -> None:
    """Take turns."""
    requests = [_request(file.read_bytes()) for file in sorted(photos.iterdir())]
    for line in sys.stdin:
        print(json.dumps(_turn(requests, json.loads(line))), flush=True)


def _turn(requests: list[bytes], turn: dict[str, Any]) -> dict[str, Any]:
    """Load the server for a while; every connection sends its next photo when the last one is answered."""
    load = _Load(turn["port"], requests, turn["connections"], turn["first_photo"])
    load.run_until(time.perf_counter() + turn["warm_s"])
    load.latencies_s.clear()
    cpu, started = time.process_time(), time.perf_counter()
    load.run_until(started + turn["seconds"])
    took_s = time.perf_counter() - started
    cpu_s = time.process_time() - cpu
    ordered = sorted(load.latencies_s)
    load.end()
    return {
        "throughput": len(ordered) / took_s,
        "median_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "answers": len(ordered),
        "failures": load.failures,
        "cpu_us_per_answer": 1e6 * cpu_s / len(ordered),
        "cpu_share": cpu_s / (took_s * (os.cpu_count() or 1)),
        "labels": load.labels,
    }


class _Load:
    def __init__(self, port: int, requests: list[bytes], connections: int, first_photo: int) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._next = first_photo
        # Of each connection: which photo it asked about, since when, and what has come of the answer.
        self._connections: dict[int, socket.socket] = {}
        self._asked: dict[int, tuple[int, float]] = {}
        self._received: dict[int, bytes] = {}
        self.latencies_s: list[float] = []
        self.failures = 0
        self.labels: dict[int, str] = {}
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection, selectors.EVENT_READ)
            self._connections[connection.fileno()] = connection
            self._ask(connection)

    def run_until(self, deadline: float) -> None:
        """Until then, and until there was an answer."""
        while (left_s := deadline - time.perf_counter()) > 0 or not self.latencies_s:
            for key, _ in self._selector.select(max(left_s, 0.01)):
                self._receive(self._connections[key.fd])

    def end(self) -> None:
        """Leave, whatever is still to be answered."""
        self._selector.close()
        for connection in self._connections.values():
            connection.close()

    def _ask(self, connection: socket.socket) -> None:
        photo = self._next % len(self._requests)
        self._next += 1
        self._received[connection.fileno()] = b""
        self._asked[connection.fileno()] = (photo, time.perf_counter())
        connection.sendall(self._requests[photo])

    def _receive(self, connection: socket.socket) -> None:
        number = connection.fileno()
        data = self._received[number] + connection.recv(_READ_BYTES)
        # What the client does with it is not the server's time.
        now = time.perf_counter()
        self._received[number] = data
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        photo, since = self._asked[number]
        self.latencies_s.append(now - since)
        if not data.startswith(b"HTTP/1.1 200 "):
            self.failures += 1
        elif photo not in self.labels:
            answer = json.loads(body)
            self.labels[photo] = answer["classes"][answer["scores"].index(max(answer["scores"]))]
        self._ask(connection)


def _content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _request(photo: bytes) -> bytes:
    head = (
        "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
        "Accept: application/json\r\n"
        f"Content-Length: {len(photo)}\r\n\r\n"
    )
    return head.encode() + photo


if __name__ == "__main__":
    main(Path(sys.argv[1]))
