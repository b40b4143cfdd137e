"""Calls to AWS that never stop the audit: a refusal or a failure becomes a named gap."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.common.observability import logger
from functions.iam_audit.snapshot import Gap

# AWS service name, as boto3 knows it -> a client. Throttling is retried by the clients themselves.
Clients = Callable[[str], Any]


class Sweep:
    """Reads lists and details, and notes what could not be read. `calls` counts pages one by one."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.gaps: list[Gap] = []
        self.calls = 0
        self._refused: set[str] = set()

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every page of a list; what a failure leaves unread is a gap, and the pages before it count."""
        try:
            client = self.clients(service)
            for page in client.get_paginator(operation).paginate(**parameters):
                self.calls += 1
                yield page
        except (ClientError, BotoCoreError) as error:
            self._note(service, operation, error)

    def detail(
        self, service: str, operation: str, *, absent: tuple[str, ...] = (), **parameters: Any
    ) -> Mapping[str, Any] | None:
        """One answer; None when the thing is not there (an error code in `absent`), or could not be read.

        After a refusal the operation is not tried again: what refuses one thing refuses the next.
        """
        if f"{service}:{operation}" in self._refused:
            return None
        self.calls += 1
        try:
            answer: Mapping[str, Any] = getattr(self.clients(service), operation)(**parameters)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in absent:
                return None
            self._note(service, operation, error)
            return None
        return answer

    def was_refused(self, service: str, operation: str) -> bool:
        return f"{service}:{operation}" in self._refused

    def first(self, things: list[Any], most: int, service: str, operation: str, what: str) -> list[Any]:
        """The first so many of the things: a call for each of more would outlast the function's time."""
        if len(things) > most:
            self.gap(
                action_name(service, operation), f"only the first {most} of {len(things)} {what} were read"
            )
        return things[:most]

    def gap(self, name: str, reason: str) -> None:
        self.gaps.append(Gap(name, reason))

    def _note(self, service: str, operation: str, error: Exception) -> None:
        self._refused.add(f"{service}:{operation}")
        name = action_name(service, operation)
        logger.warning(
            "the audit could not read a part of the account", extra={"gap": name, "cause": str(error)}
        )
        self.gap(name, str(error))


# Where the name of the permission differs from that of the operation.
_SERVICES = {"stepfunctions": "states", "s3control": "s3"}
_OPERATIONS = {
    "s3:get_public_access_block": "GetBucketPublicAccessBlock",
    "s3control:get_public_access_block": "GetAccountPublicAccessBlock",
    "s3:list_buckets": "ListAllMyBuckets",
}


def action_name(service: str, operation: str) -> str:
    """The permission that a call needs: `lambda:GetFunctionCodeSigningConfig`."""
    known = _OPERATIONS.get(f"{service}:{operation}")
    return f"{_SERVICES.get(service, service)}:{known or operation.title().replace('_', '')}"
