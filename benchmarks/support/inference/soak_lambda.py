"""Lambda for the soak: a few worker processes that answer one event at a time, and 429 when all are busy."""

import json
import os
import queue
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from benchmarks.support.line_process import LineProcess
from benchmarks.support.processes import BENCHMARKS

Answer = dict[str, Any]
# What Lambda's Invoke answers beyond a function's reserved concurrency.
_THROTTLED: Answer = {"statusCode": 429, "headers": {"Retry-After": "1"}, "body": "{}"}


class Function:
    """The function with its reserved concurrency."""

    def __init__(self, environment: dict[str, str], concurrency: int) -> None:
        environment = {**environment, "PYTHONPATH": str(BENCHMARKS.parent)}
        self.workers = [
            LineProcess("benchmarks.support.inference.soak_lambda", environment=environment)
            for _ in range(concurrency)
        ]
        self._idle: queue.SimpleQueue[LineProcess] = queue.SimpleQueue()
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
            worker.end()

    def _answer(self, worker: LineProcess, event: Any) -> Answer:
        try:
            answer: Answer = worker.ask(event)
            return answer
        finally:
            self._idle.put(worker)


def main() -> None:
    """Answer each line of stdin, an event, by a line on stdout; what the handler prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    from benchmarks.support.inference.lambda_process import Context  # noqa: PLC0415
    from functions.inference.handler import handler  # noqa: PLC0415 - its logger takes stdout as it is then

    for line in sys.stdin:
        answers.write(json.dumps(handler(json.loads(line), Context())) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
