"""Sends the log of an EC2 training to CloudWatch Logs while it grows, as SageMaker does for its jobs.

`python3 log_shipper.py LOG_FILE END_FILE GROUP STREAM`, started by boot.sh, ends when END_FILE is
there or its parent is gone, after a last attempt to send what is left. It needs the `aws` command, and no
more than Python 3.9, which is python3 on Amazon Linux 2023.
"""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_MAX_EVENTS = 10_000
BATCH_MAX_BYTES = 1_048_576
BATCH_MAX_SPAN_MS = 24 * 3600 * 1000
EVENT_OVERHEAD_BYTES = 26
# 1 MB by now, but 256 KB still in some regions.
MESSAGE_MAX_BYTES = 256 * 1024 - EVENT_OVERHEAD_BYTES

TICK_S = 0.5
SEND_EVERY_S = 5.0
LONGEST_PAUSE_S = 60.0
CALL_LIMIT_S = 30.0
LAST_ATTEMPTS_S = 30.0
READ_BYTES = 1 << 20
# What waits beyond this stays in the file.
WAITING_MAX_BYTES = 8 << 20


@dataclass(frozen=True)
class Event:
    """A line, or a part of a very long one, and when it was seen."""

    timestamp_ms: int
    message: str

    @property
    def size_bytes(self) -> int:
        """As CloudWatch Logs counts it."""
        return len(self.message.encode()) + EVENT_OVERHEAD_BYTES


class LogFile:
    """Hands out what is added to a file, as events in the order of their time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""
        self._newest_ms = 0
        self.at_end = False

    def read(self, *, ended: bool = False) -> list[Event]:
        """What was added, READ_BYTES at most; `ended`: no more will come, so the last line is finished."""
        added = self._file.read(READ_BYTES)
        self.at_end = not added
        text = self._unfinished + self._decoder.decode(added, final=ended and self.at_end)
        *lines, self._unfinished = text.split("\n")
        if len(self._unfinished) > MESSAGE_MAX_BYTES or (ended and self.at_end):
            lines.append(self._unfinished)
            self._unfinished = ""
        # A clock that is set back must not put an event before an older one.
        self._newest_ms = max(self._newest_ms, int(time.time() * 1000))
        return [Event(self._newest_ms, message) for line in lines for message in messages_of(line)]


class LogStream:
    """One stream of a log group, made when first written to; a call's request passes through a file."""

    def __init__(self, group: str, stream: str, request_file: Path) -> None:
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._request_file = request_file
        self._exists = False

    def put(self, events: list[Event]) -> str:
        """Send one batch; gives the error, or nothing."""
        if not self._exists:
            error = self._call("create-log-stream", self._names)
            if error and "ResourceAlreadyExistsException" not in error:
                return error
            self._exists = True
        log_events = [{"timestamp": event.timestamp_ms, "message": event.message} for event in events]
        return self._call("put-log-events", {**self._names, "logEvents": log_events})

    def _call(self, operation: str, request: Mapping[str, object]) -> str:
        command = ["aws", "logs", operation, "--cli-input-json", f"file://{self._request_file}"]
        try:
            self._request_file.write_text(json.dumps(request))
            result = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=CALL_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if result.returncode == 0:
            return ""
        return result.stderr.decode("utf-8", "replace").strip() or f"exit status {result.returncode}"


class Shipper:
    """What was read and not yet sent, and the stream that it goes to."""

    def __init__(self, file: LogFile, stream: LogStream) -> None:
        self._file = file
        self._stream = stream
        self._waiting: deque[Event] = deque()
        self._waiting_bytes = 0
        self._complained = False

    def read(self, *, ended: bool = False) -> None:
        """Take in what was added to the file."""
        if self._waiting_bytes <= WAITING_MAX_BYTES:
            events = self._file.read(ended=ended)
            self._waiting.extend(events)
            self._waiting_bytes += sum(event.size_bytes for event in events)

    def is_done(self) -> bool:
        """Whether all that the file holds was sent."""
        return self._file.at_end and not self._waiting

    def send(self) -> bool:
        """Send what waits; gives whether all of it went. What did not goes first the next time.

        A call that was cut short may have been heard: its lines then stand twice in the stream.
        """
        while self._waiting:
            batch = next_batch(self._waiting)
            error = self._stream.put(batch)
            if error:
                self._complain(error)
                # A batch that is wrong in itself would stand in the way of all that follow.
                if "(InvalidParameterException)" not in error:
                    return False
            for event in batch:
                self._waiting.popleft()
                self._waiting_bytes -= event.size_bytes
            self._complained = bool(error)
        return True

    def _complain(self, error: str) -> None:
        """Once an outage; stderr is the log itself, so that it is read where the lines were missing."""
        if not self._complained:
            self._complained = True
            print(f"ec2_log_shipper: CloudWatch Logs took no lines: {error}", file=sys.stderr, flush=True)


def messages_of(line: str) -> Iterator[str]:
    """The line, in parts that fit; an empty message is not allowed."""
    rest = line.rstrip("\r").encode()
    while rest:
        # A character that is cut in two goes with the next part.
        message = rest[:MESSAGE_MAX_BYTES].decode("utf-8", "ignore")
        yield message
        rest = rest[len(message.encode()) :]


def next_batch(events: Iterable[Event]) -> list[Event]:
    """As many of the first events as one call takes; never none of some."""
    batch: list[Event] = []
    size_bytes = 0
    for event in events:
        size_bytes += event.size_bytes
        if batch and (
            size_bytes > BATCH_MAX_BYTES
            or len(batch) == BATCH_MAX_EVENTS
            or event.timestamp_ms - batch[0].timestamp_ms >= BATCH_MAX_SPAN_MS
        ):
            break
        batch.append(event)
    return batch


def ship(shipper: Shipper, end_file: Path) -> None:
    """Read and send until the end, then for LAST_ATTEMPTS_S at most."""
    parent = os.getppid()
    pause_s = SEND_EVERY_S
    due = time.monotonic()
    while not end_file.exists() and os.getppid() == parent:
        shipper.read()
        if time.monotonic() >= due:
            pause_s = SEND_EVERY_S if shipper.send() else min(2 * pause_s, LONGEST_PAUSE_S)
            due = time.monotonic() + pause_s
        time.sleep(TICK_S)
    give_up = time.monotonic() + LAST_ATTEMPTS_S
    while True:
        shipper.read(ended=True)
        shipper.send()
        if shipper.is_done() or time.monotonic() > give_up:
            break
        time.sleep(TICK_S)


def main(arguments: list[str]) -> None:
    log_file, end_file, group, stream = arguments
    log_stream = LogStream(group, stream, Path(log_file).with_name("log-request.json"))
    ship(Shipper(LogFile(Path(log_file)), log_stream), Path(end_file))


if __name__ == "__main__":
    main(sys.argv[1:])
