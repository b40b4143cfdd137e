"""Which release answers now: the live pointer, one SSM parameter."""

import time
from dataclasses import dataclass
from typing import Any, TypeGuard

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

from functions.common.observability import logger
from functions.inference.errors import NoLiveModelError, PointerUnreadableError


@dataclass(frozen=True)
class Release:
    """A model behind an endpoint."""

    release: str
    endpoint_name: str
    run_id: str


class LivePointer:
    """Reads the pointer at most every `cache_s` seconds; the last value stands in while SSM fails."""

    def __init__(self, parameter: str, *, cache_s: int, provider: SSMProvider) -> None:
        self._parameter = parameter
        self._cache_s = cache_s
        self._provider = provider
        self._last: dict[str, Any] | None = None
        self._trust_last_until = 0.0

    def current(self) -> Release:
        """The live release. Raises NoLiveModelError, PointerUnreadableError."""
        if self._last is not None and time.monotonic() < self._trust_last_until:
            return _release(self._last)
        return self._read(force_fetch=False)

    def reread(self) -> Release:
        """The live release as SSM knows it this moment. Raises what `current` raises."""
        return self._read(force_fetch=True)

    def _read(self, *, force_fetch: bool) -> Release:
        try:
            pointer = self._provider.get(
                self._parameter, max_age=self._cache_s, transform="json", force_fetch=force_fetch
            )
        except (GetParameterError, TransformParameterError) as error:
            return self._last_known(error)
        if not _is_pointer(pointer):
            return self._last_known(ValueError("its value is neither {} nor a release"))
        self._last = pointer
        return _release(pointer)

    def _last_known(self, error: Exception) -> Release:
        logger.error(
            "the live pointer cannot be read",
            extra={"parameter": self._parameter, "reason": str(error), "last_known": self._last},
        )
        if self._last is None:
            raise PointerUnreadableError("the live release is not known at the moment; try again") from error
        # Not again at each request: every try costs the caller seconds.
        self._trust_last_until = time.monotonic() + self._cache_s
        return _release(self._last)


def _is_pointer(value: Any) -> TypeGuard[dict[str, Any]]:
    fields = ("release", "endpoint_name", "run_id")
    return isinstance(value, dict) and (not value or all(isinstance(value.get(name), str) for name in fields))


def _release(pointer: dict[str, Any]) -> Release:
    if not pointer:
        raise NoLiveModelError("no model is live yet: drop a dataset, and wait for its run to end as live")
    return Release(pointer["release"], pointer["endpoint_name"], pointer["run_id"])
