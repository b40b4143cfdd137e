"""A stand-in for Lambda's runtime: reads a JSON list of events on stdin, writes the answers to a file."""

import json
import sys
import time
from pathlib import Path

from functions.inference.handler import handler

LEFT_MS = 20_000


class Context:
    function_name = "dropserve-inference"
    function_version = "1"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:dropserve-inference:live"

    def __init__(self, number: int, left_ms: int = LEFT_MS) -> None:
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012}"
        self._ends_at = time.monotonic() + left_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends_at - time.monotonic()) * 1000)


if __name__ == "__main__":
    events = json.load(sys.stdin)
    answers = [handler(event, Context(number)) for number, event in enumerate(events)]
    Path(sys.argv[1]).write_text(json.dumps(answers))
