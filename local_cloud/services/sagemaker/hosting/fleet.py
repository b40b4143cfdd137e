"""The instances of one production variant: started, shared out, replaced, taken away."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local_cloud.processes import Processes
from local_cloud.services.sagemaker.hosting.instance import Instance

_logger = logging.getLogger(__name__)


class NotHealthyError(Exception):
    """An instance did not pass its health check: the text is the FailureReason."""


@dataclass(frozen=True)
class FleetTiming:
    """Seconds and counts.

    A container that ends before it is ready is started `starts` times. One that serves is asked for its
    health every `ping_every_s`, and replaced after `failed_pings` in a row: a busy one may miss some. One
    that is serverless ends after `serverless_idle_s` without a request.
    """

    poll_s: float = 0.2
    drain_s: float = 60.0
    starts: int = 3
    ping_every_s: float = 10.0
    failed_pings: int = 6
    serverless_idle_s: float = 300.0


class Fleet:
    """Keeps `desired` instances in service. Every method may be called from any thread."""

    def __init__(
        self,
        variant: str,
        new_instance: Callable[[], Instance],
        *,
        processes: Processes,
        startup_timeout_s: float,
        timing: FleetTiming,
    ) -> None:
        self._variant = variant
        self._new_instance = new_instance
        self._processes = processes
        self._startup_timeout_s = startup_timeout_s
        self._timing = timing
        self._changed = threading.Condition()
        self._ready: list[Instance] = []
        self._missed_pings: dict[str, int] = {}
        self._next_ping = 0.0
        self._replacing = 0
        self._desired = 0
        self._stopped = False

    @property
    def count(self) -> int:
        """How many instances are in service."""
        with self._changed:
            return len(self._ready)

    def instances(self) -> list[Instance]:
        """The instances in service."""
        with self._changed:
            return list(self._ready)

    def resize(self, desired: int) -> None:
        """Returns when `desired` instances are in service and no more.

        Raises NotHealthyError when a new one fails; then none of the new ones stays.
        """
        with self._changed:
            missing = desired - len(self._ready) - self._replacing
            self._desired = desired if missing <= 0 else self._desired
        if missing > 0:
            self._add(missing)
            with self._changed:
                self._desired = desired
        self._retire_surplus()

    def acquire(self) -> Instance | None:
        """The instance with the fewest requests in flight, to be given back by `release`; None if none."""
        with self._changed:
            if not self._ready:
                return None
            instance = min(self._ready, key=lambda candidate: candidate.in_flight)
            instance.in_flight += 1
            return instance

    def release(self, instance: Instance) -> None:
        """The request that `acquire` gave the instance for is over."""
        with self._changed:
            instance.in_flight -= 1
            self._changed.notify_all()

    def check_health(self) -> None:
        """Asks each instance for its health, when it is time; ends one that has not answered for long."""
        now = time.monotonic()
        if now < self._next_ping:
            return
        self._next_ping = now + self._timing.ping_every_s
        for instance in self.instances():
            if instance.is_running() and self._is_unhealthy(instance):
                instance.stop()

    def replace_lost(self) -> None:
        """Takes instances that have ended out of service; others are started in their place."""
        for instance in self.instances():
            if not instance.is_running():
                _logger.warning("Instance %s of variant %s is replaced", instance.id, self._variant)
                self._remove(instance)
        with self._changed:
            lost = 0 if self._stopped else self._desired - len(self._ready) - self._replacing
            self._replacing += max(lost, 0)
        for _ in range(lost):
            threading.Thread(target=self._replace, name=f"replace-{self._variant}", daemon=True).start()

    def stop(self, *, drain: bool) -> None:
        """Ends every instance; with `drain`, after its requests."""
        with self._changed:
            self._stopped = True
            self._desired = 0
            instances, self._ready = self._ready, []
        self._end(instances, drain=drain)

    def _add(self, count: int) -> None:
        with ThreadPoolExecutor(max_workers=count) as pool:
            started = [pool.submit(self._start_one) for _ in range(count)]
        failure = next((each.exception() for each in started if each.exception()), None)
        instances = [each.result() for each in started if not each.exception()]
        with self._changed:
            keep = failure is None and not self._stopped
            if keep:
                self._ready.extend(instances)
        if not keep:
            self._end(instances, drain=False)
        if failure is not None:
            raise failure

    def _start_one(self) -> Instance:
        """Starts an instance and waits until it is healthy; a container that ends early is started again."""
        instance = self._new_instance()
        deadline = time.monotonic() + self._startup_timeout_s
        for _ in range(self._timing.starts):
            if self._stopped or time.monotonic() >= deadline:
                break
            instance.start(self._processes)
            while instance.is_running() and time.monotonic() < deadline and not self._stopped:
                if instance.is_healthy():
                    return instance
                time.sleep(self._timing.poll_s)
        instance.stop()
        raise NotHealthyError(
            f"The primary container for production variant {self._variant} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    def _replace(self) -> None:
        try:
            instance = self._start_one()
        except NotHealthyError as error:
            # The next look tries again, not at once: it would only keep the machine busy.
            _logger.warning("%s", error)
            time.sleep(self._timing.ping_every_s)
            instance = None
        with self._changed:
            self._replacing -= 1
            wanted = not self._stopped and len(self._ready) < self._desired
            if instance is not None and wanted:
                self._ready.append(instance)
        if instance is not None and not wanted:
            instance.stop()

    def _retire_surplus(self) -> None:
        with self._changed:
            excess = max(len(self._ready) - self._desired, 0)
            surplus = sorted(self._ready, key=lambda item: item.in_flight)[:excess]
            self._ready = [item for item in self._ready if item not in surplus]
        self._end(surplus, drain=True)

    def _remove(self, instance: Instance) -> None:
        with self._changed:
            self._ready = [item for item in self._ready if item is not instance]
            self._missed_pings.pop(instance.id, None)

    def _is_unhealthy(self, instance: Instance) -> bool:
        missed = 0 if instance.is_healthy() else self._missed_pings.get(instance.id, 0) + 1
        self._missed_pings[instance.id] = missed
        return missed >= self._timing.failed_pings

    def _end(self, instances: list[Instance], *, drain: bool) -> None:
        deadline = time.monotonic() + (self._timing.drain_s if drain else 0)
        with self._changed:
            while any(item.in_flight for item in instances) and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
        if instances:
            with ThreadPoolExecutor(max_workers=len(instances)) as pool:
                list(pool.map(Instance.stop, instances))
