"""The output of a process, line by line, into CloudWatch Logs."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# PutLogEvents takes at most 10,000 events and 1 MiB a call, 26 bytes of overhead an event counted in:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_CALL_MAX_EVENTS = 10_000
_CALL_MAX_BYTES = 1_048_576
_EVENT_OVERHEAD_BYTES = 26
_EVENT_MAX_CHARACTERS = 60_000
_LONGEST_UNFINISHED_LINE = 64 * 1024

_logger = logging.getLogger(__name__)


class LogTail:
    """Hands out what was added to a file since the last look, in whole lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def new_lines(self, *, at_end: bool = False) -> list[str]:
        """The lines finished since the last call; `at_end` also gives an unfinished last one."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).replace(b"\r\n", b"\n").split(b"\n")
        if self._rest and (at_end or len(self._rest) > _LONGEST_UNFINISHED_LINE):
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines]


class LogStream:
    """One stream of CloudWatch Logs. What cannot be delivered is told once, and never fails a job."""

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._group = group
        self._stream = stream
        self._exists = False
        self._gave_up = False

    def put(self, lines: Sequence[str], timestamp: float) -> None:
        """Sends `lines`, all with the same epoch `timestamp`."""
        if not lines or self._gave_up:
            return
        try:
            self._create()
            for messages in _calls(lines):
                events = [{"timestamp": int(timestamp * 1000), "message": message} for message in messages]
                self._client.put_log_events(
                    logGroupName=self._group, logStreamName=self._stream, logEvents=events
                )
        except (BotoCoreError, ClientError) as error:
            self._gave_up = True
            _logger.warning("No more logs go to %s/%s: %s", self._group, self._stream, error)

    def _create(self) -> None:
        if self._exists:
            return
        for create, names in (
            (self._client.create_log_group, {"logGroupName": self._group}),
            (
                self._client.create_log_stream,
                {"logGroupName": self._group, "logStreamName": self._stream},
            ),
        ):
            try:
                create(**names)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise
        self._exists = True


def _calls(lines: Sequence[str]) -> Iterator[list[str]]:
    messages: list[str] = []
    size_bytes = 0
    for message in (part for line in lines for part in _parts(line)):
        message_bytes = len(message.encode()) + _EVENT_OVERHEAD_BYTES
        if messages and (size_bytes + message_bytes > _CALL_MAX_BYTES or len(messages) == _CALL_MAX_EVENTS):
            yield messages
            messages, size_bytes = [], 0
        messages.append(message)
        size_bytes += message_bytes
    yield messages


def _parts(line: str) -> list[str]:
    # An empty message is not a valid event.
    whole = line or " "
    return [whole[at : at + _EVENT_MAX_CHARACTERS] for at in range(0, len(whole), _EVENT_MAX_CHARACTERS)]
