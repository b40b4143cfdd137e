"""The phases of a request, each a trace subsegment and a latency metric."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from aws_lambda_powertools.metrics import MetricUnit

from functions.common.observability import metrics, tracer


@contextmanager
def phase(name: Literal["Fetch", "Prepare", "Invoke"]) -> Iterator[None]:
    """Times what is inside, whether it succeeds or not: metric `<name>Latency` in milliseconds."""
    started = time.perf_counter()
    with tracer.provider.in_subsegment(name=f"## {name.lower()}"):
        try:
            yield
        finally:
            elapsed_ms = (time.perf_counter() - started) * 1000
            metrics.add_metric(name=f"{name}Latency", unit=MetricUnit.Milliseconds, value=elapsed_ms)
