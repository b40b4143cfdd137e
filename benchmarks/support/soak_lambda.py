"""Lambda for the soak: a few worker processes that answer one event at a time, and 429 when all are busy."""

import json
import os
import queue
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
# What Lambda's Invoke answers beyond a function's reserved concurrency.
_THROTTLED: Answer = {"statusCode": 429, "headers": {"Retry-After": "1"}, "body": "{}"}


class Worker:
    """One process that has imported the handler."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.soak_lambda"],
            cwd=Path(__file__).parents[1],
            env={**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self, event: Any) -> Answer:
        """The handler's answer. Raises RuntimeError when the process ended."""
        assert self.process.stdin and self.process.stdout  # noqa: S101 - both are pipes
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a worker of the function ended")
        answer: Answer = json.loads(line)
        return answer


class Function:
    """The function with its reserved concurrency."""

    def __init__(self, environment: dict[str, str], concurrency: int) -> None:
        self.workers = [Worker(environment) for _ in range(concurrency)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self.workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(concurrency)

    def invoke(self, event: Any) -> "Future[Answer]":
        """The answer to come; at once, and 429, when every worker is busy."""
        try:
            worker = self._idle.get_nowait()
        except queue.Empty:
            throttled: Future[Answer] = Future()
            throttled.set_result(_THROTTLED)
            return throttled
        return self._threads.submit(self._answer, worker, event)

    def end(self) -> None:
        """End every worker, once it has answered."""
        self._threads.shutdown()
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    def _answer(self, worker: Worker, event: Any) -> Answer:
        try:
            return worker.answer(event)
        finally:
            self._idle.put(worker)


def main() -> None:
    """Answer each line of stdin, an event, by a line on stdout; what the handler prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    from functions.inference.handler import handler  # noqa: PLC0415 - its logger takes stdout as it is then
    from support.lambda_process import Context  # noqa: PLC0415

    for line in sys.stdin:
        answers.write(json.dumps(handler(json.loads(line), Context())) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
