"""The command line: its JSON, its errors, its exit codes, its quick start."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
)
from typer.testing import CliRunner

from deploy_scripts import cli, local_target
from deploy_scripts.aws import Target
from deploy_scripts.commands.runs.run import parse_hyperparameters
from deploy_scripts.errors import CliError, explain
from deploy_scripts.packaging.weights import parse_weights
from deploy_scripts.settings.parameters import parse_parameters
from dropserve import __version__
from local_cloud.control import Cloud
from local_cloud.server.root_key import RootKey

RUN_KEYS = [
    "run_id",
    "dataset",
    "source",
    "backend",
    "status",
    "reason",
    "accuracy",
    "release",
    "started_at",
    "ended_at",
]


def test_runs_json_is_a_list_newest_first(stubbed: Any, invoke: Any) -> None:
    rejected = stubbed.ledger_item(run_id="a" * 32, status="rejected", reason="the zip is empty")
    newer = stubbed.ledger_item(run_id="b" * 32, started_at="2026-11-22T11:00:00.000Z", accuracy="0.9")
    stubbed.answer("dynamodb", "scan", {"Items": [rejected, newer]})

    result = invoke("runs", "--json")

    assert result.exit_code == 0
    runs = json.loads(result.stdout)
    assert [list(run) for run in runs] == [RUN_KEYS, RUN_KEYS]
    assert [run["run_id"][0] for run in runs] == ["b", "a"]
    assert runs[1]["reason"] == "the zip is empty"


def test_runs_for_a_person_shows_each_run(stubbed: Any, invoke: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(reason="[better] by 0.1")]})
    long_ago = datetime(2026, 11, 22, 10, tzinfo=UTC)
    contents = [{"Key": key, "LastModified": long_ago} for key in ("drops/food.zip", "drops/its twin.zip")]
    stubbed.answer("s3", "list_objects_v2", {"Contents": contents})

    output = invoke("runs").stdout

    assert "food.zip" not in output
    assert f"s3://{stubbed.deployment.bucket}/drops/its twin.zip has no run" in output
    assert "`dropserve run --key 'drops/its twin.zip'`" in output

    assert stubbed.run_id[:8] in output
    assert "[better] by 0.1" in output


def test_status_before_the_first_release(stubbed: Any, invoke: Any) -> None:
    stub_status(stubbed, pointer="{}")

    status = json.loads(invoke("status", "--json").stdout)

    assert status["release"] is status["endpoint"] is None
    assert status["instance_count"] == 0
    assert status["idle_month_usd"] < 10
    assert status["concurrency"] == {"reserved": None, "provisioned": None, "provisioned_status": None}
    assert status["outputs"] == stubbed.deployment.outputs
    assert status["endpoint_url"] == stubbed.aws.endpoint_url


def test_status_tells_the_live_release_and_what_stands_beside_it(stubbed: Any, invoke: Any) -> None:
    pointer = {
        "release": stubbed.release,
        "endpoint_name": stubbed.release,
        "run_id": stubbed.run_id,
        "model_data_uri": "s3://b/k",
        "accuracy": 0.9,
        "exposed_at": "2026-11-22T10:05:00Z",
    }
    old, strange = f"dropserve-{'f' * 32}", "dropserve-of-somebody"
    stub_status(stubbed, pointer=json.dumps(pointer), endpoints=[stubbed.release, old, strange])

    status = json.loads(invoke("status", "--json").stdout)

    assert (status["release"], status["endpoint"], status["instance_count"]) == (stubbed.release,) * 2 + (2,)
    assert status["besides"]["endpoints"] == [old]
    assert (status["paused_at"], status["endpoint_kind"]) == (None, "instances")
    assert status["idle_month_usd"] > 2 * 730 * 0.0924


def test_status_of_a_paused_deployment_has_no_instance_and_costs_little(stubbed: Any, invoke: Any) -> None:
    live = {"release": stubbed.release, "endpoint_name": stubbed.release, "run_id": stubbed.run_id}
    times = {"exposed_at": "2026-11-22T10:05:00Z", "paused_at": "2026-11-23T00:00:00Z"}
    stubbed.refuse("sagemaker", "describe_endpoint", "ValidationException")
    stub_status(stubbed, pointer=json.dumps({**live, "model_data_uri": "s3://b/k", "accuracy": 0.9, **times}))

    status = json.loads(invoke("status", "--json").stdout)

    assert (status["paused_at"], status["instance_count"]) == ("2026-11-23T00:00:00Z", None)
    assert status["idle_month_usd"] < 10


@pytest.mark.parametrize(
    "pointer",
    [
        "no JSON",
        "[1, 2]",
        '"text"',
        "7",
        "null",
        "[" * 4000,
        '{"release": "dropserve-x"}',
        json.dumps(dict.fromkeys(["release", "endpoint_name", "run_id", "accuracy", "exposed_at"], 7)),
        json.dumps(dict.fromkeys(["release", "endpoint_name", "run_id", "accuracy", "exposed_at"], "7")),
        json.dumps(
            {"release": "r", "endpoint_name": "e", "run_id": "i", "accuracy": True, "exposed_at": "x"}
        ),
    ],
    ids=lambda pointer: pointer[:20],
)
def test_a_live_pointer_that_is_none_is_told_in_a_sentence(stubbed: Any, invoke: Any, pointer: str) -> None:
    for command in (["status"], ["status", "--json"], ["logs", "endpoint"]):
        stubbed.answer("ssm", "get_parameter", {"Parameter": {"Value": pointer}}, Name="/dropserve/live")
        result = invoke(*command)
        assert isinstance(result.exception, CliError), command
        assert result.exception.message.startswith(
            "The SSM parameter /dropserve/live, which says what is live,"
        )
        assert "Set it to {}" in result.exception.advice


def stub_inspection(stubbed: Any, body: bytes | None) -> None:
    key = f"runs/{stubbed.run_id}/inspection.json"
    if body is None:
        stubbed.refuse("s3", "get_object", "NoSuchKey")
    else:
        stubbed.answer("s3", "get_object", {"Body": io.BytesIO(body)}, Bucket="dropserve-data", Key=key)


FINDINGS = {
    "problems": [
        {"code": "tiny", "severity": "warning", "message": "'a' is tiny", "names": ["a", "b\x1b[2J"]},
        {"code": "few", "severity": "error", "message": "too few photos", "names": []},
    ]
}


def stub_story(stubbed: Any, *files: str) -> None:
    """Of a run whose execution nobody knows any more."""
    stubbed.refuse("stepfunctions", "get_execution_history", "ExecutionDoesNotExist")
    keys = [{"Key": f"runs/{stubbed.run_id}/{name}"} for name in files]
    stubbed.answer("s3", "list_objects_v2", {"Contents": keys})


def test_one_run_is_shown_with_what_its_inspection_found(stubbed: Any, invoke: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="rejected", reason="r" * 2000)]})
    stub_inspection(stubbed, json.dumps(FINDINGS).encode())
    stub_story(stubbed, "report.html")

    output = invoke("runs", stubbed.run_id[:5]).stdout

    assert output.replace("\n", "").replace(" ", "").count("r" * 2000) == 1
    lines = output.splitlines()
    assert "! error: too few photos" in lines
    report = f"s3://dropserve-data/runs/{stubbed.run_id}/report.html"
    assert lines[lines.index("! warning: 'a' is tiny") + 1 :] == ["    b\\x1b[2J", report]


def test_one_run_as_json(stubbed: Any, invoke: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="rejected")]})
    stub_inspection(stubbed, json.dumps(FINDINGS).encode())
    stub_story(stubbed)

    document = json.loads(invoke("runs", stubbed.run_id, "--json").stdout)

    of_the_drop = ["bucket", "key", "version_id", "findings", "log"]
    assert list(document) == [*RUN_KEYS, *of_the_drop, "states", "training_usd", "reports"]
    assert [finding["code"] for finding in document["findings"]] == ["few", "tiny"]
    assert document["findings"][1]["names"] == ["a", "b\x1b[2J"]
    assert document["log"] is None


def test_a_run_without_an_inspection_is_shown(stubbed: Any, invoke: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    stub_inspection(stubbed, None)
    stub_story(stubbed)

    result = invoke("runs", stubbed.run_id)

    assert result.exit_code == 0, result.exception
    assert "s3://dropserve-data/drops/food.zip" in result.stdout


@pytest.mark.parametrize(
    "body", [b"\xff\x00", b"[1]", b'{"problems": 7}', b'{"problems": [{}]}', b"[" * 100_000]
)
def test_an_inspection_that_is_none_is_told_in_a_sentence(stubbed: Any, invoke: Any, body: bytes) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    stub_inspection(stubbed, body)

    failure = invoke("runs", stubbed.run_id).exception

    assert isinstance(failure, CliError)
    assert f"s3://dropserve-data/runs/{stubbed.run_id}/inspection.json is" in failure.message


def test_a_failed_run_is_shown_with_its_log(stubbed: Any, invoke: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="failed", reason="no memory")]})
    stub_inspection(stubbed, None)
    stubbed.refuse("stepfunctions", "get_execution_history", "ExecutionDoesNotExist")
    stub_story(stubbed)

    assert "See `dropserve logs workflow`" in invoke("runs", stubbed.run_id).stdout


def test_long_texts_of_the_list_are_cut(stubbed: Any, invoke: Any) -> None:
    item = stubbed.ledger_item(status="rejected", reason="r" * 780_000, dataset="d" * 1000)
    stubbed.answer("dynamodb", "scan", {"Items": [item]})
    stubbed.answer("s3", "list_objects_v2", {})

    shown = invoke("runs")

    assert shown.exit_code == 0
    assert "…" in shown.stdout
    assert len(shown.stdout) < 3000


def stub_status(stubbed: Any, *, pointer: str, endpoints: list[str] | None = None) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    stubbed.answer("ssm", "get_parameter", {"Parameter": {"Value": pointer}}, Name="/dropserve/live")
    for _ in range(2):
        stack = {"StackName": "dropserve", "CreationTime": now, "StackStatus": "CREATE_COMPLETE"}
        parameters = [{"ParameterKey": "MinInstances", "ParameterValue": "2"}]
        stubbed.answer("cloudformation", "describe_stacks", {"Stacks": [{**stack, "Parameters": parameters}]})
    stubbed.answer("functions", "get_function_concurrency", {})
    stubbed.refuse(
        "functions", "get_provisioned_concurrency_config", "ProvisionedConcurrencyConfigNotFoundException"
    )
    if endpoints:
        endpoint = {
            "EndpointName": endpoints[0],
            "EndpointArn": "a" * 30,
            "EndpointStatus": "InService",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        variants = [{"VariantName": "AllTraffic", "CurrentInstanceCount": 2}]
        stubbed.answer("sagemaker", "describe_endpoint", {**endpoint, "ProductionVariants": variants})
    else:
        endpoint = {}
    summaries = [{**endpoint, "EndpointName": name} for name in endpoints or []]
    stubbed.answer("stepfunctions", "list_executions", {"executions": []})
    stubbed.answer("sagemaker", "list_endpoints", {"Endpoints": summaries})
    stubbed.answer("sagemaker", "list_endpoint_configs", {"EndpointConfigs": []})
    stubbed.answer("sagemaker", "list_models", {"Models": []})


def test_run_hands_over_only_what_was_chosen(stubbed: Any, invoke: Any) -> None:
    began = datetime(2026, 11, 22, tzinfo=UTC)
    stubbed.answer("s3", "head_object", {}, Bucket="dropserve-data", Key="drops/a.zip")
    stubbed.answer(
        "stepfunctions", "start_execution", {"executionArn": stubbed.execution_arn, "startDate": began}
    )
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(source="manual")]})
    asked: list[dict[str, Any]] = []
    stubbed.aws.stepfunctions.meta.events.register(
        "provide-client-params.sfn.StartExecution", lambda params, **_: asked.append(params)
    )

    result = invoke(
        "run",
        "--key",
        "drops/a.zip",
        "--backend",
        "ec2",
        "-p",
        "epochs=3",
        "-p",
        "backbone=resnet18",
        "--max-cost",
        "2",
        "--force",
        "--json",
    )

    assert result.exit_code == 0, result.output
    assert json.loads(asked[0]["input"]) == {
        "backend": "ec2",
        "hyperparameters": {"epochs": 3, "backbone": "resnet18"},
        "max_cost_usd": 2.0,
        "force": True,
        "bucket": "dropserve-data",
        "key": "drops/a.zip",
    }
    assert json.loads(result.stdout)["source"] == "manual"


@pytest.mark.parametrize(
    "override",
    [["-p", "x=NaN"], ["-p", "x=[1, -Infinity]"], ["--max-cost", "inf"], ["--min-accuracy", "nan"]],
)
def test_an_override_that_is_no_number_of_json_is_refused(
    stubbed: Any, invoke: Any, override: list[str]
) -> None:
    stubbed.answer("s3", "head_object", {})

    failure = invoke("run", "--key", "drops/a.zip", *override).exception

    assert isinstance(failure, CliError)
    assert failure.message == "A number of the overrides is not finite."


CLOUD = Cloud("http://127.0.0.1:4566", 1, Path("server.log"), RootKey("AKIAEXAMPLE", "secret"))


def test_env_prints_what_any_client_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_target, "running_cloud", lambda: CLOUD)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    variables = json.loads(CliRunner().invoke(cli.make_app(), ["env", "--json"]).stdout)
    lines = CliRunner().invoke(cli.make_app(), ["env"]).stdout.splitlines()

    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("AKIAEXAMPLE", "secret")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"} < set(variables)
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566" in lines
    assert len(lines) == len(variables)


def test_a_proxy_is_kept_away_from_the_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")

    assert local_target.client_variables(CLOUD)["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def run_dropserve(tmp_path: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy_scripts.cli", *arguments],
        env={"DROPSERVE_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_is_a_sentence_and_what_to_do(tmp_path: Any) -> None:
    result = run_dropserve(tmp_path, "runs", "--json")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "Error: The local cloud is not running.\nStart it: `dropserve up`.\n"


def test_the_version_is_told_without_a_command() -> None:
    result = CliRunner().invoke(cli.make_app(), ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"dropserve {__version__}\n")


def test_debug_shows_the_traceback(tmp_path: Any) -> None:
    for arguments in (("runs", "--debug"), ("--debug", "runs")):
        result = run_dropserve(tmp_path, *arguments)
        assert result.returncode == 1
        assert "Traceback" in result.stderr


def test_the_start_loads_nothing_heavy() -> None:
    program = (
        "import sys, deploy_scripts.cli\n"
        "heavy = {'torch', 'sagemaker', 'stepfunctions', 'boto3', 'ministack', 'matplotlib', 'numpy'}\n"
        "print(heavy & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("error", "message", "advice"),
    [
        (ProfileNotFound(profile="work"), "work", "--profile"),
        (NoCredentialsError(), "credentials", "aws sso login"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"), "does not answer", "dropserve up"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "ListX"),
            "ExpiredToken",
            "Sign in",
        ),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListX"), "ListX", "permission"),
        (
            NotADirectoryError(20, "Not a directory", "/home/me/x"),
            "/home/me/x cannot be used: Not a directory.",
            "DROPSERVE_HOME",
        ),
        (
            PermissionError(13, "Permission denied", "/x"),
            "/x cannot be used: Permission denied.",
            "may read or write",
        ),
        (OSError(28, "No space left on device", "/x"), "/x cannot be used: No space left", "Make room"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError", "--debug"),
        (ParamValidationError(report="Bad name\nBad key"), "Bad name Bad key", "--debug"),
        (S3UploadFailedError("Failed to upload x:\nAccessDenied"), "upload x: AccessDenied", "--debug"),
        (
            PermissionError(13, "Permission denied", "x.zip"),
            "x.zip cannot be used: Permission denied",
            "path",
        ),
    ],
)
def test_every_error_has_an_advice(error: Exception, message: str, advice: str) -> None:
    explained = explain(error)

    assert message in explained.message
    assert advice in explained.advice


@pytest.mark.parametrize("option", ["epochs", "=3", ""])
def test_a_malformed_pair_is_named(option: str) -> None:
    for parse in (parse_hyperparameters, parse_parameters, parse_weights):
        with pytest.raises(CliError, match="is not understood"):
            parse([option])


def test_weights_must_be_a_file(tmp_path: Any) -> None:
    file = tmp_path / "resnet18.pth"
    file.write_bytes(b"weights")

    assert parse_weights([f"resnet18={file}"]) == {"resnet18": file}
    with pytest.raises(CliError, match="there is no file"):
        parse_weights(["resnet18=/nowhere.pth"])


@pytest.mark.parametrize("name", ["Dropserve", "1st", "drop_serve", "a" * 21, "ends-", ""])
def test_a_stack_whose_resources_could_not_be_named_is_refused(name: str) -> None:
    with pytest.raises(CliError, match="cannot be the name of a deployment") as failure:
        Target(stack=name)
    assert "1 to 20 lower-case letters" in failure.value.advice


@pytest.mark.parametrize("name", ["dropserve", "a", "team-2", "a" * 20])
def test_a_good_stack_name_is_taken(name: str) -> None:
    assert Target(stack=name).stack == name
