"""CloudWatch's metrics of functions, as Lambda sends them: of the function, and of the alias that was called.

ministack counts a throttled request as an invocation, and some of them twice, and no call of another service.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import responses
from ministack.services import lambda_svc

from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.cloudwatch import metric_points

NAMESPACE = "AWS/Lambda"

_lock = threading.Lock()
# Calls in service, by account, region, function and alias; of the function itself with no alias.
_in_service: Counter[tuple[str, ...]] = Counter()


def install() -> None:
    """Replaces ministack's own counting by one at the place that every call comes through.

    There a call by an alias or a version is held to the function's reserved concurrency as well.
    """
    metric_points.check()
    patch_points.take(lambda_svc, "_functions")
    patch_points.replace(
        lambda_svc, "_emit_lambda_metrics", _nothing, "function_name", "duration_ms", "error", "throttle"
    )
    acquire = patch_points.take(lambda_svc, "_acquire_execution_slot", "func", "config")
    dispatch = patch_points.take(
        lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started"
    )

    def acquire_counted(func: dict[str, Any], config: dict[str, Any]) -> Any:
        # A version's own record does not know what is reserved, for all versions and aliases together.
        slot, limit = acquire(lambda_svc._functions.get(config.get("FunctionName", "")) or func, config)
        if slot is None:
            for dimensions in _dimensions(config):
                _record("Throttles", 1, "Count", dimensions)
        return slot, limit

    def dispatch_counted(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> Any:
        return _count(func, config, lambda: dispatch(func, config, event, request_id, started))

    patch_points.replace(lambda_svc, "_acquire_execution_slot", acquire_counted, "func", "config")
    patch_points.replace(
        lambda_svc,
        "_execute_function_dispatch",
        dispatch_counted,
        *("func", "config", "event", "request_id", "started"),
    )


def _nothing(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
    """Every call is counted where it is executed."""


def _count(func: dict[str, Any], config: dict[str, Any], execute: Callable[[], Any]) -> Any:
    scope = (responses.get_account_id(), responses.get_region())
    keys = [(*scope, *dimensions.values()) for dimensions in _dimensions(config)]
    with _lock:
        _in_service.update(keys)
        together = [_in_service[key] for key in keys]
    began = time.time()
    result: Any = None
    try:
        result = execute()
        return result
    finally:
        with _lock:
            _in_service.subtract(keys)
        failed = not isinstance(result, dict) or bool(result.get("error"))
        provisioned = _provisioned(func, config)
        for dimensions, concurrency in zip(_dimensions(config), together, strict=True):
            _record("Invocations", 1, "Count", dimensions)
            _record("Errors", int(failed), "Count", dimensions)
            _record("Throttles", 0, "Count", dimensions)
            _record("Duration", round((time.time() - began) * 1000), "Milliseconds", dimensions)
            _record("ConcurrentExecutions", concurrency, "Count", dimensions)
            if provisioned and "Resource" in dimensions:
                _record_provisioned(concurrency, provisioned, dimensions)


def _record_provisioned(concurrency: int, provisioned: int, dimensions: dict[str, str]) -> None:
    used = min(concurrency, provisioned)
    spilt = concurrency > provisioned
    _record("ProvisionedConcurrentExecutions", used, "Count", dimensions)
    _record("ProvisionedConcurrencyUtilization", used / provisioned, "Count", dimensions)
    _record("ProvisionedConcurrencyInvocations", int(not spilt), "Count", dimensions)
    _record("ProvisionedConcurrencySpilloverInvocations", int(spilt), "Count", dimensions)


def _dimensions(config: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Of the function; and of its alias or version where one was named, as the ARN that was called has it."""
    name = str(config.get("FunctionName", ""))
    yield {"FunctionName": name}
    _, _, qualifier = str(config.get("FunctionArn", "")).partition(f":function:{name}:")
    if qualifier:
        yield {"FunctionName": name, "Resource": f"{name}:{qualifier}"}


def _provisioned(func: dict[str, Any], config: dict[str, Any]) -> int:
    """Environments that stand ready for the alias that was called."""
    record = lambda_svc._functions.get(config.get("FunctionName", "")) or func
    _, _, qualifier = str(config.get("FunctionArn", "")).rpartition(":")
    ready = record.get("provisioned_concurrency", {}).get(qualifier, {})
    return int(ready.get("AvailableProvisionedConcurrentExecutions", 0))


def _record(name: str, value: float, unit: str, dimensions: dict[str, str]) -> None:
    metric_points.add(NAMESPACE, name, value, unit, dimensions)
