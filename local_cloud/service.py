"""The one shape of a service that is added to the emulator."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class AwsError(Exception):
    """An error that the caller sees as AWS would send it.

    `code` is AWS's own error code (`ValidationException`), `status` the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Call:
    """One AWS JSON 1.1 request: `action` is the API's name, `parameters` the decoded body."""

    action: str
    parameters: dict[str, Any]
    account_id: str
    region: str
    caller_arn: str | None


@dataclass(frozen=True)
class HttpCall:
    """One request to a raw HTTP route; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    account_id: str
    region: str
    caller_arn: str | None


@dataclass(frozen=True)
class HttpReply:
    """The answer of a raw HTTP route, sent as it is."""

    status: int
    headers: dict[str, str]
    body: bytes


ActionHandler = Callable[[Call], dict[str, Any]]
RouteHandler = Callable[[HttpCall, re.Match[str]], HttpReply]


class Service(Protocol):
    """AWS JSON 1.1 by X-Amz-Target, plus raw HTTP routes where the API has them.

    Handlers run in worker threads, several at once. Times in replies and in state are epoch
    seconds or datetimes: the front converts them to the protocol's epoch numbers.
    """

    name: str
    """The name that requests are signed for, e.g. `sagemaker`."""
    target_prefix: str
    """What stands before the dot in X-Amz-Target, e.g. `SageMaker`."""

    def actions(self) -> Mapping[str, ActionHandler]:
        """API action name -> its handler."""
        ...

    def routes(self) -> Mapping[str, RouteHandler]:
        """Regular expression that must match the whole path -> its handler."""
        ...

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs after a restart: JSON values and datetimes."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up the state of the server that ran before."""
        ...

    def reset(self) -> None:
        """Forgets everything and ends what runs."""
        ...

    def stop(self) -> None:
        """Ends its processes and threads; the state stays as it is."""
        ...
