"""Which release answers now: the live pointer, one SSM parameter.

The cache is our own: Powertools' Parameters imports boto3, which doubles the AWS code of a cold start.
"""

import json
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError

from functions.common.observability import logger
from functions.inference.errors import NoLiveModelError, PausedError, PointerUnreadableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


# Of an ml.m5.large endpoint on 2026-07-31, 6 min 47 s: github.com/scott2borg/cs401r-2026-instructor
START_MINUTES = 7


# What a release is that is asked: a candidate gets requests of the acceptance test only.
Track = Literal["live", "canary", "candidate"]


class Release(NamedTuple):
    """A model behind an endpoint."""

    release: str
    endpoint_name: str
    run_id: str
    track: Track = "live"


class LivePointer:
    """Reads the pointer at most every `cache_s` seconds; the last value stands in while SSM fails."""

    def __init__(self, parameter: str, *, cache_s: int, ssm: "Callable[[], SSMClient]") -> None:
        self._parameter = parameter
        self._cache_s = cache_s
        self._ssm = ssm
        self._last: dict[str, Any] | None = None
        self._good_until = 0.0

    def current(self) -> Release:
        """The live release, or for its share of the requests the canary.

        Raises NoLiveModelError, PausedError, PointerUnreadableError.
        """
        if self._last is not None and time.monotonic() < self._good_until:
            return _choose(self._last)
        return self.reread()

    def without_canary(self) -> Release:
        """The live release, as it was known last. Raises what `current` raises."""
        return _live(self._last or {})

    def reread(self) -> Release:
        """What `current` gives, as SSM knows it this moment. Raises what `current` raises."""
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
        return _choose(self._last)

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
    return isinstance(value, dict) and (not value or _names_release(value))


def _names_release(value: Any) -> TypeGuard[dict[str, Any]]:
    fields = ("release", "endpoint_name", "run_id")
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in fields)


def _choose(pointer: dict[str, Any]) -> Release:
    """By chance, request by request."""
    canary = pointer.get("canary")
    share = canary.get("share") if _names_release(canary) else None
    if canary and isinstance(share, float | int) and random.random() < share:  # noqa: S311  (no secret)
        return Release(canary["release"], canary["endpoint_name"], canary["run_id"], "canary")
    return _live(pointer)


def _live(pointer: dict[str, Any]) -> Release:
    if not pointer:
        raise NoLiveModelError("no model is live yet: drop a dataset, and wait for its run to end as live")
    if pointer.get("paused_at"):
        raise PausedError(
            "the deployment is paused: `dropserve resume` starts an endpoint, which takes about "
            f"{START_MINUTES} minutes; a drop that is released does so too"
        )
    return Release(pointer["release"], pointer["endpoint_name"], pointer["run_id"])
