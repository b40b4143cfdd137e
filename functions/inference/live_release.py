"""Which release answers now: the live pointer, one SSM parameter.

The cache is our own: Powertools' Parameters imports boto3, which doubles the AWS code of a cold start.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from functions.common.observability import logger
from functions.inference.errors import NoLiveModelError, PausedError, PointerUnreadableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


# Of an ml.m5.large endpoint on 2026-07-31, 6 min 47 s: github.com/scott2borg/cs401r-2026-instructor
START_MINUTES = 7


class Release(NamedTuple):
    """A model behind an endpoint."""

    release: str
    endpoint_name: str
    run_id: str


class LivePointer:
    """Reads the pointer at most every `cache_s` seconds; the last value stands in while SSM fails."""

    def __init__(self, parameter: str, *, cache_s: int, ssm: "Callable[[], SSMClient]") -> None:
        self._parameter = parameter
        self._cache_s = cache_s
        self._ssm = ssm
        self._last: dict[str, Any] | None = None
        self._good_until = 0.0

    def current(self) -> Release:
        """The live release. Raises NoLiveModelError, PausedError, PointerUnreadableError."""
        if self._last is not None and time.monotonic() < self._good_until:
            return _release(self._last)
        return self.reread()

    def reread(self) -> Release:
        """The live release as SSM knows it this moment. Raises what `current` raises."""
        try:
            self._last = self._read()
        # OSError: a socket's own errors, which botocore passes on while a body is read.
        except (BotoCoreError, ClientError, OSError, ValueError) as error:
            logger.error(
                "the live pointer cannot be read",
                extra={"parameter": self._parameter, "reason": str(error), "last_known": self._last},
            )
            if self._last is None:
                raise PointerUnreadableError(
                    "the live release is not known at the moment; try again"
                ) from error
        # After a failure too: every try would cost the caller seconds.
        self._good_until = time.monotonic() + self._cache_s
        return _release(self._last)

    def _read(self) -> dict[str, Any]:
        """Empty before the first release. Raises ValueError for what is no pointer, and botocore's errors."""
        try:
            text = self._ssm().get_parameter(Name=self._parameter)["Parameter"]["Value"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return {}
            raise
        pointer = json.loads(text)
        if not _is_pointer(pointer):
            raise ValueError("its value is neither {} nor a release")
        return dict(pointer)


def _is_pointer(value: Any) -> bool:
    fields = ("release", "endpoint_name", "run_id")
    return isinstance(value, dict) and (not value or all(isinstance(value.get(name), str) for name in fields))


def _release(pointer: dict[str, Any]) -> Release:
    if not pointer:
        raise NoLiveModelError("no model is live yet: drop a dataset, and wait for its run to end as live")
    if pointer.get("paused_at"):
        raise PausedError(
            "the deployment is paused: `dropserve resume` starts an endpoint, which takes about "
            f"{START_MINUTES} minutes; a drop that is released does so too"
        )
    return Release(pointer["release"], pointer["endpoint_name"], pointer["run_id"])
