"""Functions: their processes are guarded and act as their role, and their errors have AWS's shape."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local_cloud.iam.identity import credentials_for
from local_cloud.ministack_adapter import lambda_code, patch_points
from local_cloud.processes import Processes

# An exception of the handler is an answer: ministack would end the worker, Lambda keeps it.
WORKER_ERROR = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
WORKER_FAILURE = (
    '{"status": "ok", "result": None, "failure": {"message": str(e), "type": type(e).__name__, '
    '"stack": traceback.format_list(traceback.extract_tb(e.__traceback__)[1:]), '
    '"trace": traceback.format_exc()}}'
)
INIT_FAILED = "Worker init failed: "
WORKER_DIED = "Worker process died"

_last_response = threading.local()


def install(processes: Processes) -> None:
    """Replaces how workers are started, whom they act as, and how their failures are told."""
    _guard_workers(processes)
    lambda_code.install()
    _hash_code_once()
    for module in (lambda_runtime, lambda_svc):
        patch_points.replace(module, "execution_credentials", _role_credentials, "config")
    patch_points.edit_text(lambda_runtime, "_PYTHON_WORKER_SCRIPT", WORKER_ERROR, WORKER_FAILURE)
    _remember_worker_responses()
    _shape_errors()


def stop_all() -> None:
    """Ends every worker."""
    patch_points.take(lambda_runtime, "reset")()


def _guard_workers(processes: Processes) -> None:
    module = patch_points.take(lambda_runtime, "subprocess")
    guarded = SimpleNamespace(**vars(module))
    guarded.Popen = processes.popen
    patch_points.replace(lambda_runtime, "subprocess", guarded)


def _hash_code_once() -> None:
    """A save of the state names every function's code by its hash: hashing it takes longer than the rest."""
    folder = patch_points.take(lambda_svc, "CODE_BLOB_DIR")
    known: dict[int, tuple[bytes, str]] = {}

    def write(code_zip: bytes) -> str:
        # The code is kept with its hash, so that no other object can have its id.
        code, sha = known.get(id(code_zip), (b"", ""))
        if code is not code_zip or not Path(folder, f"{sha}.zip").exists():
            sha = original(code_zip)
            known[id(code_zip)] = (code_zip, sha)
        return sha

    original = patch_points.replace(lambda_svc, "_write_code_blob", write, "code_zip")


def _role_credentials(config: dict[str, Any]) -> dict[str, str]:
    variables = credentials_for(config["Role"], config["FunctionName"])
    # The address and the region are the worker's own affair: the function's settings may name others.
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return {key: variables[key] for key in keys}


def _remember_worker_responses() -> None:
    worker_class = patch_points.take(lambda_runtime, "Worker")

    def invoke(self: Any, event: Any, request_id: str, **options: Any) -> dict[str, Any]:
        response: dict[str, Any] = original(self, event, request_id, **options)
        _last_response.value = response
        return response

    original = patch_points.replace(
        worker_class,
        "invoke",
        invoke,
        *("self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn"),
    )


def _shape_errors() -> None:
    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        _last_response.value = None
        result: dict[str, Any] = original(func, event, request_id)
        failure = (_last_response.value or {}).get("failure")
        if failure:
            return _failed_result(failure, result.get("log", ""), request_id)
        if result.get("error") and not result.get("throttle"):
            result["body"] = _error_body(result["body"], func.get("config") or func, request_id)
        return result

    original = patch_points.replace(
        lambda_svc, "_execute_function_warm", execute, "func", "event", "request_id"
    )


def _failed_result(failure: dict[str, Any], log: str, request_id: str) -> dict[str, Any]:
    """The outcome of a handler that raised: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    trace = f"[ERROR] {failure['type']}: {failure['message']}\n{failure['trace']}"
    body = {
        "errorMessage": failure["message"],
        "errorType": failure["type"],
        "requestId": request_id,
        "stackTrace": failure["stack"],
    }
    return {"body": body, "error": True, "log": "\n".join(filter(None, [log, trace]))}


def _error_body(body: dict[str, Any], config: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The payload when the runtime failed, not the handler."""
    message = str(body["errorMessage"])
    if message.startswith(INIT_FAILED):
        module = config["Handler"].rpartition(".")[0]
        text = f"Unable to import module '{module}': {message.removeprefix(INIT_FAILED)}"
        return {
            "errorMessage": text,
            "errorType": "Runtime.ImportModuleError",
            "requestId": request_id,
            "stackTrace": [],
        }
    if message == WORKER_DIED:
        text = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {"errorMessage": text, "errorType": "Runtime.ExitError"}
    if body["errorType"] == "Sandbox.Timedout":
        return {**body, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return body
