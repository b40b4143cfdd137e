"""What serves a serverless variant: a process that starts with a request and ends when nobody asks.

On AWS each request at work has an environment of its own; here they share one process, which tells no caller
apart. https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

import threading
import time
from collections.abc import Callable

from local_cloud.processes import Processes
from local_cloud.services.sagemaker.hosting.fleet import Fleet, FleetTiming, NotHealthyError
from local_cloud.services.sagemaker.hosting.instance import Instance, NoAnswerError


class TooManyRequestsError(Exception):
    """As many requests as MaxConcurrency allows are at work."""


class ServerlessFleet(Fleet):
    """At most `max_concurrency` requests at once, and no process without one for `serverless_idle_s`."""

    def __init__(  # noqa: PLR0913  one keyword more than a fleet has
        self,
        variant: str,
        new_instance: Callable[[], Instance],
        *,
        processes: Processes,
        startup_timeout_s: float,
        timing: FleetTiming,
        max_concurrency: int,
    ) -> None:
        super().__init__(
            variant, new_instance, processes=processes, startup_timeout_s=startup_timeout_s, timing=timing
        )
        self._places = threading.BoundedSemaphore(max_concurrency)
        self._at_work = 0
        self._last_used = time.monotonic()
        # Held while the process starts or ends.
        self._switching = threading.Lock()

    def acquire(self) -> Instance | None:
        """The process, started if there is none.

        Raises TooManyRequestsError, and NoAnswerError when it does not start.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyRequestsError
        with self._changed:
            self._at_work += 1
        try:
            with self._switching:
                self._forget_lost()
                if not self.count:
                    self.resize(1)
            instance = super().acquire()
        except NotHealthyError as error:
            self._end_request()
            raise NoAnswerError(str(error)) from error
        if instance is None:
            self._end_request()
        return instance

    def release(self, instance: Instance) -> None:
        super().release(instance)
        self._end_request()

    def check_health(self) -> None:
        """Also ends the process that nobody asks any more."""
        # One that starts just now is not idle.
        if self._switching.acquire(blocking=False):
            try:
                with self._changed:
                    idle_s = time.monotonic() - self._last_used
                    unused = self._at_work == 0 and idle_s > self._timing.serverless_idle_s
                if unused:
                    self.resize(0)
            finally:
                self._switching.release()
        super().check_health()

    def replace_lost(self) -> None:
        """Takes a process that has ended out of service; the next request starts another."""
        if self._switching.acquire(blocking=False):
            try:
                self._forget_lost()
            finally:
                self._switching.release()

    def _forget_lost(self) -> None:
        with self._changed:
            self._desired = 0
        super().replace_lost()

    def _end_request(self) -> None:
        with self._changed:
            self._at_work -= 1
            self._last_used = time.monotonic()
        self._places.release()
