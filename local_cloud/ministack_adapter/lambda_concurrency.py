"""Reserved and provisioned concurrency of functions, as the Lambda API has them.

Rules and messages: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html and
https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
Of accounts with a small quota: https://github.com/awslabs/fhir-works-on-aws-deployment/issues/691 (10),
https://github.com/aws-samples/s3-to-lambda-patterns/issues/36 (50)
"""

import contextvars
import threading
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json, json_response, request_scope
from ministack.services import lambda_svc

from local_cloud.ministack_adapter import patch_points

# That many stay unreserved; in an account with a smaller quota, all of it.
UNRESERVED_MINIMUM = 100
IN_PROGRESS, READY, FAILED = "IN_PROGRESS", "READY", "FAILED"

Reply = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Replaces ministack's handlers, which keep numbers only."""
    for name in ("_functions", "_execution_record_for_config", "_get_func_record_for_qualifier"):
        patch_points.take(lambda_svc, name)
    patch_points.take(lambda_svc, "_ACCOUNT_CONCURRENCY_CAP")
    patch_points.replace(lambda_svc, "_put_function_concurrency", _put_reserved, "func_name", "data")
    patch_points.replace(
        lambda_svc, "_put_provisioned_concurrency", _put_provisioned, "func_name", "qualifier", "data"
    )
    patch_points.replace(
        lambda_svc, "_get_provisioned_concurrency", _get_provisioned, "func_name", "qualifier"
    )
    patch_points.replace(
        lambda_svc, "_delete_provisioned_concurrency", _delete_provisioned, "func_name", "qualifier"
    )
    _keep_provisioned_workers()


def resume() -> None:
    """Starts the provisioned environments of functions that were restored from disk."""
    for (account_id, region, _name), func in list(_all_functions()):
        for qualifier, config in func.get("provisioned_concurrency", {}).items():
            with request_scope(account_id, region):
                _provision(func, qualifier, config)


def set_account_limit(executions: int) -> None:
    """The account's quota of concurrent executions, from now on."""
    lambda_svc._ACCOUNT_CONCURRENCY_CAP = executions


def _put_reserved(func_name: str, data: dict[str, Any]) -> Reply:
    func = lambda_svc._functions.get(func_name)
    if func is None:
        return _no_function(func_name)
    wanted = data.get("ReservedConcurrentExecutions")
    if not isinstance(wanted, int) or wanted < 0:
        return _invalid("ReservedConcurrentExecutions must be an integer of at least 0.")
    others = _reserved_total(without=func_name)
    if _account_limit() - others - wanted < _unreserved_minimum():
        return _too_few_unreserved("ReservedConcurrentExecutions")
    if wanted < _provisioned_total(func):
        return _invalid(
            f"ReservedConcurrentExecutions {wanted} should not be lower than function's total "
            f"provisioned concurrency [{_provisioned_total(func)}]."
        )
    func["concurrency"] = wanted
    return _ok({"ReservedConcurrentExecutions": wanted})


def _put_provisioned(func_name: str, qualifier: str | None, data: dict[str, Any]) -> Reply:
    if qualifier is None:
        return _invalid("Qualifier is required: the name of an alias or the number of a version.")
    func, refusal = _function_with_qualifier(func_name, qualifier)
    if func is None:
        return refusal
    wanted = data.get("ProvisionedConcurrentExecutions")
    if not isinstance(wanted, int) or wanted < 1:
        return _invalid("ProvisionedConcurrentExecutions must be an integer of at least 1.")
    too_many = _refuse_provisioned(func, qualifier, wanted)
    if too_many:
        return too_many
    config = {
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": IN_PROGRESS,
        "LastModified": _now(),
    }
    func.setdefault("provisioned_concurrency", {})[qualifier] = config
    reply = _ok(config, 202)
    _provision(func, qualifier, config)
    return reply


def _refuse_provisioned(func: dict[str, Any], qualifier: str, wanted: int) -> Reply | None:
    if _version_of(func, qualifier) == "$LATEST":
        return _invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    reserved, others = func.get("concurrency"), _provisioned_total(func, without=qualifier)
    if reserved is None:
        # Taken from what is unreserved: https://github.com/anomalyco/sst/issues/5829
        left = _account_limit() - _reserved_total() - others - wanted
        return _too_few_unreserved("ConcurrentExecutions") if left < _unreserved_minimum() else None
    if others + wanted > int(reserved):
        return _invalid(
            "Requested Provisioned Concurrency should not be greater than the "
            "reservedConcurrentExecution for function"
        )
    return None


def _get_provisioned(func_name: str, qualifier: str | None) -> Reply:
    if qualifier is None:  # the list has the same path and no Qualifier
        return _list_provisioned(func_name)
    func, refusal = _function_with_qualifier(func_name, qualifier)
    if func is None:
        return refusal
    config = func.get("provisioned_concurrency", {}).get(qualifier)
    if config is None:
        message = "No Provisioned Concurrency Config found for this function"
        missing: Reply = error_response_json("ProvisionedConcurrencyConfigNotFoundException", message, 404)
        return missing
    return _ok(config)


def _list_provisioned(func_name: str) -> Reply:
    func = lambda_svc._functions.get(func_name)
    if func is None:
        return _no_function(func_name)
    arn = func["config"]["FunctionArn"]
    configs = [
        {"FunctionArn": f"{arn}:{qualifier}", **config}
        for qualifier, config in func.get("provisioned_concurrency", {}).items()
    ]
    return _ok({"ProvisionedConcurrencyConfigs": configs})


def _delete_provisioned(func_name: str, qualifier: str | None) -> Reply:
    func, refusal = _function_with_qualifier(func_name, qualifier)
    if func is None:
        return refusal
    func.get("provisioned_concurrency", {}).pop(qualifier, None)
    return 204, {}, b""


def _provision(func: dict[str, Any], qualifier: str, config: dict[str, Any]) -> None:
    """Starts the environments in a thread, which then sets the status of `config`."""
    config.update(Status=IN_PROGRESS, AvailableProvisionedConcurrentExecutions=0)
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run,
        args=(_start_environments, func, qualifier, config),
        name=f"provision-{qualifier}",
        daemon=True,
    ).start()


def _start_environments(func: dict[str, Any], qualifier: str, config: dict[str, Any]) -> None:
    version = _version_of(func, qualifier)
    record = func["versions"].get(version, func)
    wanted = config["RequestedProvisionedConcurrentExecutions"]
    workers = []
    try:
        for _ in range(wanted):
            worker, _how = lambda_runtime.acquire_worker(
                record["config"]["FunctionName"], record["config"], record["code_zip"], qualifier=version
            )
            workers.append(worker)
            lambda_runtime.ensure_spawned(worker)
    except Exception as error:  # noqa: BLE001 - whatever the function's own code raises as it is imported
        config.update(Status=FAILED, StatusReason=f"FUNCTION_ERROR_INIT_FAILURE: {error}")
        lambda_svc.invalidate_worker(record["config"]["FunctionName"], qualifier=version)
        return
    finally:
        for worker in workers:
            lambda_runtime.release_worker(worker)
    config.update(
        Status=READY,
        AllocatedProvisionedConcurrentExecutions=wanted,
        AvailableProvisionedConcurrentExecutions=wanted,
    )


def _keep_provisioned_workers() -> None:
    """Idle workers are ended after a while; provisioned ones stay."""
    patch_points.take(lambda_runtime, "_workers")
    worker_key = patch_points.take(lambda_runtime, "_worker_key", "func_name", "config", "qualifier")

    def reap(ttl: float | None = None) -> int:
        for _scope, func in list(_all_functions()):
            for qualifier, config in func.get("provisioned_concurrency", {}).items():
                key = worker_key(func["config"]["FunctionName"], func["config"], _version_of(func, qualifier))
                kept = config["RequestedProvisionedConcurrentExecutions"]
                for worker in lambda_runtime._workers.get(key, [])[:kept]:
                    worker.last_used = time.time()
        reaped: int = original(ttl)
        return reaped

    original = patch_points.replace(lambda_runtime, "reap_idle_workers", reap, "ttl")
    # lambda_svc calls it by a name of its own.
    patch_points.replace(lambda_svc, "reap_idle_workers", reap, "ttl")


def _all_functions() -> Any:
    return patch_points.take(lambda_svc, "_functions")._data.items()


def _function_with_qualifier(func_name: str, qualifier: str | None) -> tuple[dict[str, Any] | None, Reply]:
    func = lambda_svc._functions.get(func_name)
    if func is None:
        return None, _no_function(func_name)
    refusal = lambda_svc._validate_function_qualifier_exists(func_name, qualifier)
    if refusal:
        return None, refusal
    return func, (200, {}, b"")


def _version_of(func: dict[str, Any], qualifier: str) -> str:
    alias = func.get("aliases", {}).get(qualifier)
    return str(alias["FunctionVersion"]) if alias else qualifier


def _account_limit() -> int:
    return int(lambda_svc._ACCOUNT_CONCURRENCY_CAP)


def _unreserved_minimum() -> int:
    return min(UNRESERVED_MINIMUM, _account_limit())


def _too_few_unreserved(specified: str) -> Reply:
    return _invalid(
        f"Specified {specified} for function decreases account's UnreservedConcurrentExecution below its "
        f"minimum value of [{_unreserved_minimum()}]."
    )


def _reserved_total(without: str | None = None) -> int:
    return sum(
        int(func.get("concurrency") or 0) for name, func in lambda_svc._functions.items() if name != without
    )


def _provisioned_total(func: dict[str, Any], without: str | None = None) -> int:
    return sum(
        int(config["RequestedProvisionedConcurrentExecutions"])
        for qualifier, config in func.get("provisioned_concurrency", {}).items()
        if qualifier != without
    )


def _no_function(func_name: str) -> Reply:
    arn = lambda_svc._func_arn(func_name)
    reply: Reply = error_response_json("ResourceNotFoundException", f"Function not found: {arn}", 404)
    return reply


def _invalid(message: str) -> Reply:
    reply: Reply = error_response_json("InvalidParameterValueException", message, 400)
    return reply


def _ok(body: dict[str, Any], status: int = 200) -> Reply:
    reply: Reply = json_response(dict(body), status)
    return reply


def _now() -> str:
    return str(patch_points.take(lambda_svc, "_now_iso")())
