"""The function and its endpoint at twice what they can do; results in benchmarks/results/soak.json.

Six workers of the function, as the template reserves, before the model server that the endpoint runs.
Requests arrive at twice the rate that was measured before; every 20 seconds, clients of the model server
leave in the middle of their requests. Every answer must be the prediction that the endpoint gives when it is
calm, or 429 or 503 with Retry-After; no request may be lost; memory must not grow. Ends with status 1 when
one of these does not hold.
`--quick` takes one minute and writes no results.
"""

import argparse
import contextlib
import json
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import psutil

from benchmarks.support.inference.demo_endpoint import Demo, running_demo
from benchmarks.support.inference.soak_lambda import Answer, Function
from benchmarks.support.processes import ProgramError
from benchmarks.support.results import RESULTS, write_results

CONCURRENCY = 6
OVERLOAD = 2.0
LEAVE_EVERY_S, LEAVERS = 20.0, 16
MEMORY_EVERY_S = 5.0
# Two runs of one model differ by so much at most: the precision that it is served with.
PROBABILITY_TOLERANCE = 0.03
MEMORY_GROWTH = 1.1


@dataclass
class Record:
    """What happened."""

    sent: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    memory_bytes: list[int] = field(default_factory=list)
    left: int = 0


def main() -> int:
    """Prepare, load, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="one minute, no results written")
    options = parser.parse_args()
    minutes = 1 if options.quick else options.minutes
    with tempfile.TemporaryDirectory(prefix="dropserve-soak-") as name, _stage(Path(name)) as stage:
        results = _soak(*stage, minutes * 60)
    print(json.dumps(results, indent=1))
    if not options.quick:
        write_results(RESULTS / "soak.json", results)
    return 0 if results["held"] else 1


@contextlib.contextmanager
def _stage(folder: Path) -> Iterator[tuple[Function, Demo, list[dict[str, Any]]]]:
    """The function, what it calls, and for each event what the answer must be."""
    with running_demo(folder) as demo:
        function = Function(demo.stubs.environment(), CONCURRENCY)
        try:
            events = [{"url": demo.photo_url(number)} for number in range(demo.photo_count)]
            calm = [function.invoke(event).result() for event in events]
            right = [_top(answer) for answer in calm]
            cases = [{"event": event, "right": top} for event, top in zip(events, right, strict=True)]
            yield function, demo, cases
        finally:
            function.end()


def _soak(function: Function, demo: Demo, expected: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    capacity = _capacity(function, expected)
    record = Record()
    began = time.monotonic()
    next_leave, next_memory, number = began + LEAVE_EVERY_S, began, 0
    waiting: list[tuple[Future[Answer], float, dict[str, Any]]] = []
    while (now := time.monotonic()) < began + seconds:
        if now >= next_leave:
            next_leave += LEAVE_EVERY_S
            record.left += _leave(demo.server_port)
        if now >= next_memory:
            next_memory += MEMORY_EVERY_S
            record.memory_bytes.append(_memory(function, psutil.Process(demo.server_pid)))
        while number < (now - began) * capacity * OVERLOAD:
            case = expected[number % len(expected)]
            waiting.append((_timed(function.invoke(case["event"]), record), now, case))
            record.sent += 1
            number += 1
        waiting = _judge_the_done(waiting, record)
        time.sleep(0.002)
    while waiting and time.monotonic() < began + seconds + 60:
        waiting = _judge_the_done(waiting, record)
        time.sleep(0.01)
    return _results(record, capacity, len(waiting), seconds)


def _capacity(function: Function, expected: list[dict[str, Any]]) -> float:
    """Answers a second while each worker gets its next request at once."""
    began, count = time.monotonic(), 0
    running: set[Future[Answer]] = set()
    while time.monotonic() < began + 10:
        while len(running) < CONCURRENCY:
            running.add(function.invoke(expected[count % len(expected)]["event"]))
            count += 1
        running = {each for each in running if not each.done()}
        time.sleep(0.001)
    finished = count - len(running)
    for each in running:
        each.result()
    return finished / 10


def _timed(future: "Future[Answer]", record: Record) -> "Future[Answer]":
    began = time.monotonic()

    def note(done: "Future[Answer]") -> None:
        if done.exception() is None and done.result()["statusCode"] == 200:
            record.latencies_s.append(time.monotonic() - began)

    future.add_done_callback(note)
    return future


def _judge_the_done(
    waiting: list[tuple["Future[Answer]", float, dict[str, Any]]], record: Record
) -> list[tuple["Future[Answer]", float, dict[str, Any]]]:
    left = []
    for future, sent_at, case in waiting:
        if not future.done():
            left.append((future, sent_at, case))
        elif future.exception() is None:
            answer = future.result()
            record.answers[answer["statusCode"]] += 1
            fault = _fault(answer, case["right"])
            if fault:
                record.wrong.append(fault)
    return left


def _fault(answer: Answer, right: tuple[str, float]) -> str | None:
    """Why the answer is not one of those allowed."""
    status = answer["statusCode"]
    if status in {429, 503}:
        return None if answer["headers"].get("Retry-After") else f"{status} without Retry-After"
    if status != 200:
        return f"{status}: {answer['body'][:200]}"
    label, probability = _top(answer)
    if label != right[0] or abs(probability - right[1]) > PROBABILITY_TOLERANCE:
        return f"{label} {probability:.3f} instead of {right[0]} {right[1]:.3f}"
    return None


def _top(answer: Answer) -> tuple[str, float]:
    if answer["statusCode"] != 200:
        raise ProgramError(f"the calm endpoint answered {answer['statusCode']}: {answer['body']}")
    best = json.loads(answer["body"])["predictions"][0]
    return best["label"], best["probability"]


def _leave(port: int) -> int:
    """Clients that send half of a request, or do not wait for its answer; how many they were."""
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 8\r\n\r\n"
    for number in range(LEAVERS):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head + (b"half" if number % 2 else b"no photo"))
    return LEAVERS


def _memory(function: Function, server: psutil.Process) -> int:
    """Resident bytes of the function's workers and of the model server."""
    processes = [server, *(psutil.Process(worker.pid) for worker in function.workers)]
    return sum(process.memory_info().rss for process in processes)


def _results(record: Record, capacity: float, lost: int, seconds: float) -> dict[str, Any]:
    quarter = max(1, len(record.memory_bytes) // 4)
    growth = mean(record.memory_bytes[-quarter:]) / mean(record.memory_bytes[quarter : 2 * quarter])
    cuts = quantiles(record.latencies_s, n=100)
    unanswered = record.sent - sum(record.answers.values())
    held = not record.wrong and not unanswered and growth < MEMORY_GROWTH and record.answers[200] > 0
    return {
        "held": held,
        "seconds": seconds,
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(record.sent / seconds, 1),
        "sent": record.sent,
        "answers": {str(status): count for status, count in sorted(record.answers.items())},
        "wrong": len(record.wrong),
        "wrong_examples": record.wrong[:5],
        "lost": unanswered,
        "still_waiting": lost,
        "clients_that_left": record.left,
        "latency_ms": {"median": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)},
        "memory_growth": round(growth, 3),
        "method": " ".join((__doc__ or "").split()),
    }


if __name__ == "__main__":
    sys.exit(main())
