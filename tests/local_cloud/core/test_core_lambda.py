"""Functions: errors in AWS's shape, reserved and provisioned concurrency."""

import io
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.ministack_adapter.lambda_code import UNUSED_KEPT, UnpackedCode
from tests.support.cloud_bench import Bench, zipped
from tests.support.waiting import wait_until

ECHO = "def handler(event, context): return event"


def test_an_exception_is_told_by_its_class(bench: Bench) -> None:
    name = bench.function(
        "class TooSmall(Exception): pass\ndef handler(event, context): raise TooSmall('only 3')"
    )
    answer, error = bench.invoke(name)
    assert error == "Unhandled"
    assert answer["errorType"] == "TooSmall"
    assert answer["errorMessage"] == "only 3"
    assert answer["requestId"]
    assert "raise TooSmall" in answer["stackTrace"][0]


def test_an_exception_does_not_end_the_environment(bench: Bench) -> None:
    name = bench.function(
        "calls = []\ndef handler(event, context): calls.append(1); raise ValueError(len(calls))"
    )
    assert [bench.invoke(name)[0]["errorMessage"] for _ in range(2)] == ["1", "2"]


def test_a_module_that_cannot_be_imported(bench: Bench) -> None:
    answer, error = bench.invoke(bench.function("import no_such_module"))
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"].startswith("Unable to import module 'index': No module named")


def test_a_function_that_ends_its_own_process(bench: Bench) -> None:
    answer, _ = bench.invoke(bench.function("import os\ndef handler(event, context): os._exit(3)"))
    assert answer["errorType"] == "Runtime.ExitError"


def test_a_function_that_times_out(bench: Bench) -> None:
    name = bench.function("import time\ndef handler(event, context): time.sleep(30)", timeout_s=1)
    answer, _ = bench.invoke(name)
    assert answer["errorType"] == "Sandbox.Timedout"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_a_function_is_throttled_at_its_reserved_concurrency(
    bench: Bench, cloud_client: Callable[..., Any], tmp_path: Path
) -> None:
    busy, go_on = tmp_path / "busy", tmp_path / "go-on"
    code = f"""
import pathlib, time
def handler(event, context):
    pathlib.Path({str(busy)!r}).touch()
    while not pathlib.Path({str(go_on)!r}).exists():
        time.sleep(0.02)
"""
    functions, name = cloud_client("lambda"), bench.function(code)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    first = threading.Thread(target=bench.invoke, args=(name,))
    first.start()
    wait_until(busy.exists)
    with pytest.raises(functions.exceptions.TooManyRequestsException) as error:
        bench.invoke(name)
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    go_on.touch()
    first.join()
    assert bench.invoke(name) == (None, None)


def test_a_hundred_executions_stay_unreserved(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    functions, name = cloud_client("lambda"), bench.function(ECHO)
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]") as refusal:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901)
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterValueException"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=6)
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 6
    unreserved = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.delete_function_concurrency(FunctionName=name)
    settings = functions.get_account_settings()["AccountLimit"]
    assert settings["UnreservedConcurrentExecutions"] == unreserved + 6


def _with_alias(bench: Bench, functions: Any, code: str = ECHO) -> str:
    name = bench.function(code)
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return name


def test_provisioned_environments_are_started_before_the_first_call(
    bench: Bench, cloud_client: Callable[..., Any], tmp_path: Path
) -> None:
    functions = cloud_client("lambda")
    code = f"""
import pathlib, uuid
pathlib.Path({str(tmp_path)!r}, uuid.uuid4().hex).touch()
def handler(event, context): return event
"""
    name = _with_alias(bench, functions, code)
    at = {"FunctionName": name, "Qualifier": "live"}
    reply = functions.put_provisioned_concurrency_config(**at, ProvisionedConcurrentExecutions=3)
    assert reply["Status"] == "IN_PROGRESS"
    assert reply["AllocatedProvisionedConcurrentExecutions"] == 0
    ready = wait_until(lambda: _config_if(functions, at, "READY"))
    assert ready["AvailableProvisionedConcurrentExecutions"] == 3
    assert len(list(tmp_path.iterdir())) == 3
    assert bench.invoke(name, 5, Qualifier="live") == (5, None)
    assert len(list(tmp_path.iterdir())) == 3
    listed = functions.list_provisioned_concurrency_configs(FunctionName=name)
    assert [config["Status"] for config in listed["ProvisionedConcurrencyConfigs"]] == ["READY"]
    assert listed["ProvisionedConcurrencyConfigs"][0]["FunctionArn"].endswith(":live")
    functions.delete_provisioned_concurrency_config(**at)
    with pytest.raises(functions.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        functions.get_provisioned_concurrency_config(**at)


def _config_if(functions: Any, at: dict[str, str], status: str) -> Any:
    config = functions.get_provisioned_concurrency_config(**at)
    return config if config["Status"] == status else None


def test_provisioned_concurrency_that_cannot_start_fails(
    bench: Bench, cloud_client: Callable[..., Any]
) -> None:
    functions = cloud_client("lambda")
    at = {"FunctionName": _with_alias(bench, functions, "raise ValueError('broken')"), "Qualifier": "live"}
    functions.put_provisioned_concurrency_config(**at, ProvisionedConcurrentExecutions=1)
    assert (
        "FUNCTION_ERROR_INIT_FAILURE"
        in wait_until(lambda: _config_if(functions, at, "FAILED"))["StatusReason"]
    )


def test_provisioned_concurrency_has_its_limits(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    functions = cloud_client("lambda")
    name = _with_alias(bench, functions)

    def refusal(qualifier: str, wanted: int) -> str:
        with pytest.raises(functions.exceptions.InvalidParameterValueException) as error:
            functions.put_provisioned_concurrency_config(
                FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=wanted
            )
        return str(error.value)

    assert "cannot be applied to unpublished function versions" in refusal("$LATEST", 1)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    assert "should not be greater than the reservedConcurrentExecution" in refusal("live", 3)


def test_calls_are_counted_as_lambda_counts_them(
    bench: Bench, cloud_client: Callable[..., Any], tmp_path: Path
) -> None:
    """A throttled request is no invocation; an alias has figures of its own."""
    functions = cloud_client("lambda")
    name = bench.function(ECHO)
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    config = {"FunctionName": name, "Qualifier": "live"}
    wait_until(
        lambda: functions.get_provisioned_concurrency_config(**config)["Status"] == "READY", timeout_s=60
    )
    for _ in range(3):
        functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
    functions.invoke(FunctionName=name, Payload=b"{}")
    functions.delete_provisioned_concurrency_config(**config)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")

    def total(metric: str, statistic: str, resource: str | None = None) -> float:
        dimensions = {"FunctionName": name, **({"Resource": resource} if resource else {})}
        return _statistic(cloud_client("cloudwatch"), metric, statistic, dimensions)

    assert total("Invocations", "Sum") == 4
    assert total("Throttles", "Sum") == 1
    assert total("Invocations", "Sum", f"{name}:live") == 3
    assert total("ConcurrentExecutions", "Maximum") == 1
    assert total("ProvisionedConcurrencyUtilization", "Maximum", f"{name}:live") == 0.5
    assert total("ProvisionedConcurrencySpilloverInvocations", "Sum", f"{name}:live") == 0


def _statistic(cloudwatch: Any, metric: str, statistic: str, dimensions: dict[str, str]) -> float:
    now = datetime.now(UTC)
    query = {
        "Id": "asked",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": 3600,
            "Stat": statistic,
        },
    }
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query],
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(hours=1),
    )
    values = answer["MetricDataResults"][0]["Values"]
    return float(max(values) if statistic == "Maximum" else sum(values))


def test_functions_that_share_files_keep_their_own(bench: Bench) -> None:
    code = "from pathlib import Path\nimport lib\nhere = Path(__file__).resolve().parent\n"
    code += "def handler(event, context): return [{own!r}, lib.VALUE, (here / 'data.txt').read_text()]"
    shared = {"lib/__init__.py": "VALUE = 1", "data.txt": "data"}
    first, second = (bench.function(code.format(own=own), files=shared) for own in ("first", "second"))
    third = bench.function(code.format(own="first"), files={**shared, "data.txt": "Data"})
    assert bench.invoke(first) == (["first", 1, "data"], None)
    assert bench.invoke(second) == (["second", 1, "data"], None)
    assert bench.invoke(third) == (["first", 1, "Data"], None)


def test_code_that_no_process_runs_goes_at_last(tmp_path: Path) -> None:
    code = UnpackedCode()

    def start(number: int) -> Path:
        """A worker's folder with a link to code of its own beside a file that all have."""
        place = tmp_path / f"worker-{number}" / "code"
        place.mkdir(parents=True)
        with zipfile.ZipFile(io.BytesIO(zipped({"own.py": f"x = {number}", "same.py": "y = 1"}))) as archive:
            code.link(archive, place)
        return place

    used = start(0)
    folder = used.resolve()
    for number in range(1, UNUSED_KEPT + 10):
        code.unlink_below(start(number).parent)
    assert (used / "own.py").read_text() == "x = 0"
    assert len(list(folder.parent.iterdir())) == UNUSED_KEPT + 1
    # What the first one has brought along is there for others, also after its end.
    code.unlink_below(used.parent)
    for number in range(UNUSED_KEPT + 10, 2 * UNUSED_KEPT + 20):
        code.unlink_below(start(number).parent)
    assert not folder.exists()
    assert (start(1000) / "same.py").read_text() == "y = 1"
