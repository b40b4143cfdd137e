"""The phases of a request, each a trace subsegment and a latency metric, for one image or several at once."""

import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from aws_lambda_powertools.metrics import MetricUnit

from functions.common.observability import logger, metrics, tracer

Value = TypeVar("Value")
Result = TypeVar("Result")


def run_phase(
    name: Literal["Fetch", "Preprocess", "Invoke"],
    work: Callable[[Value], Result],
    values: Sequence[Value | Exception],
    *,
    at_once: int,
) -> list[Result | Exception]:
    """What `work` gives or raises for each value, `at_once` of them at a time.

    A value that is an error already stays what it is. Metric `<name>Latency`: milliseconds of all together,
    and none when there was nothing to do.
    """
    to_do = [value for value in values if not isinstance(value, Exception)]
    if not to_do:
        return [value for value in values if isinstance(value, Exception)]
    started = time.perf_counter()
    with tracer.provider.in_subsegment(name=f"## {name.lower()}") as subsegment:
        done = iter(_results_of(work, to_do, at_once))
        results = [value if isinstance(value, Exception) else next(done) for value in values]
        failed = sum(isinstance(result, Exception) for result in results)
        if failed and subsegment:
            subsegment.put_annotation("failed", True)
    elapsed_ms = (time.perf_counter() - started) * 1000
    # In the share of the requests that POWERTOOLS_LOGGER_SAMPLE_RATE says.
    logger.debug(name, extra={"images": len(results), "failed": failed, "elapsed_ms": elapsed_ms})
    metrics.add_metric(name=f"{name}Latency", unit=MetricUnit.Milliseconds, value=elapsed_ms)
    return results


def _results_of(
    work: Callable[[Value], Result], values: list[Value], at_once: int
) -> list[Result | Exception]:
    def attempt(value: Value) -> Result | Exception:
        try:
            return work(value)
        except Exception as error:  # noqa: BLE001  (it is the value's result, and is told at the edge)
            return error

    if min(at_once, len(values)) == 1:
        return [attempt(value) for value in values]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - a request of one image needs none

    with ThreadPoolExecutor(min(at_once, len(values)), thread_name_prefix="image") as threads:
        return list(threads.map(attempt, values))
