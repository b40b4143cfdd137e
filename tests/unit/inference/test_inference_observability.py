"""What a worker writes: logs, metrics and traces, and that no query string is ever among them.

The worker is a process of its own, with the environment that Lambda gives.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.cloudformation.sam_template import read_template
from tests.unit.inference.aws_replies import (
    ANSWER,
    RELEASE,
    environment,
    invocations,
    live_pointer_value,
    ssm_parameter,
)
from tests.unit.inference.fetching.image_host import LocalServer, redirect, send, send_json, send_raw

ROOT = Path(__file__).resolve().parents[3]
SECRET = "s3cret-signature"
TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass(frozen=True)
class Record:
    """Everything that left the worker, beside its calls."""

    answers: list[dict[str, Any]]
    output: str
    trace_packets: list[bytes]

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines()]

    def logs(self, message: str) -> list[dict[str, Any]]:
        return [document for document in self.documents() if document.get("message") == message]

    def metrics(self, name: str) -> list[dict[str, Any]]:
        return [document for document in self.documents() if "_aws" in document and name in document]

    def subsegments(self) -> list[dict[str, Any]]:
        return [json.loads(packet.split(b"\n", 1)[1]) for packet in self.trace_packets]


@pytest.fixture
def run_worker(serve: Callable[..., LocalServer], tmp_path: Path) -> Callable[..., Record]:
    aws = serve({"/": ssm_parameter(live_pointer_value()), invocations(): send_json(ANSWER)})

    def run(events: list[Any], initialization: str = "on-demand", **variables: str) -> Record:
        answers = tmp_path / "answers.json"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind(("127.0.0.1", 0))
            daemon.setblocking(False)
            finished = subprocess.run(
                [sys.executable, str(Path(__file__).with_name("lambda_process.py")), str(answers)],
                input=json.dumps(events),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={
                    **environment(aws),
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(ROOT),
                    "AWS_LAMBDA_FUNCTION_NAME": "dropserve-inference",
                    "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
                    "LAMBDA_TASK_ROOT": str(ROOT),
                    "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
                    "_X_AMZN_TRACE_ID": TRACE_HEADER,
                    **variables,
                },
            )
            assert finished.returncode == 0, finished.stderr
            return Record(
                json.loads(answers.read_text()), finished.stdout + finished.stderr, received(daemon)
            )

    return run


def received(daemon: socket.socket) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(daemon.recv(65_536))
        except BlockingIOError:
            return packets


def test_a_worker_writes_json_logs_emf_metrics_and_subsegments(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})
    over_http = {
        "version": "2.0",
        "requestContext": {"requestId": "from-the-url", "http": {"method": "GET", "path": "/"}},
        "queryStringParameters": {"url": images.url("/absent.jpg")},
    }
    images.replies["/absent.jpg"] = send(status=404)

    record = run_worker([{"url": images.url("/dog.jpg")}, over_http])

    assert [answer["statusCode"] for answer in record.answers] == [200, 404]
    (answered,) = record.logs("answered")
    assert answered["correlation_id"] == answered["function_request_id"]
    assert answered["cold_start"] is True
    assert answered["release"] == RELEASE
    assert answered["image_host"] == "127.0.0.1"
    (refused,) = record.logs("refused")
    assert refused["correlation_id"] == "from-the-url"
    assert (refused["code"], refused["status"]) == ("image_not_found", 404)
    assert refused["cold_start"] is False

    assert len(record.metrics("ColdStart")) == 1
    counts = {
        "RequestLatency": 2,
        "FetchLatency": 2,
        "PreprocessLatency": 1,
        "InvokeLatency": 1,
        "ImageBytes": 1,
        "LowConfidence": 1,
    }
    for name, count in counts.items():
        assert len(record.metrics(name)) == count
        assert all(one["service"] == "inference" for one in record.metrics(name))
    assert [one["track"] for one in record.metrics("LowConfidence")] == ["live"]
    assert record.metrics("ImageBytes")[0]["ImageBytes"] == [len(photo)]
    assert [one["outcome"] for one in record.metrics("Outcome")] == ["ok", "image_not_found"]
    # The answer's likeliest class has 0.64.
    assert record.metrics("LowConfidence")[0]["LowConfidence"] == [0]

    handled, failed = (one for one in record.subsegments() if one["name"] == "## handler")
    phases = [one["name"] for one in record.subsegments() if one.get("parent_id") == handled["id"]]
    assert phases == ["## fetch", "## preprocess", "## invoke"]
    assert handled["annotations"]["outcome"] == "ok"
    assert handled["annotations"]["release"] == RELEASE
    assert failed["annotations"]["outcome"] == "image_not_found"


def test_the_dashboard_shows_each_metric_of_the_function_and_no_other(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})
    record = run_worker([{"url": images.url("/dog.jpg")}, {"url": "nonsense"}])
    emitted = {
        (directive["Namespace"], metric["Name"], frozenset(dimensions))
        for document in record.documents()
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", [])
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }

    dashboard = dashboard_metrics()

    assert {metric for metric in dashboard if not metric[0].startswith("AWS/")} == emitted
    assert len(emitted) == 10


def dashboard_metrics() -> set[tuple[str, str, frozenset[str]]]:
    """(namespace, name, names of the dimensions) of all that the template's dashboard asks for."""
    template = read_template(ROOT / "deploy_scripts" / "template.yaml")
    text = template["Resources"]["InferenceDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    text = text.replace("${AWS::StackName}", "dropserve")
    found = set()
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], str) and metric[-1] in ("janitor", "capacity-review", "drift-review"):
                continue
            if isinstance(metric[0], str):
                found.add((metric[0], metric[1], frozenset(metric[2::2])))
                continue
            # SEARCH('{namespace,dimension,...} MetricName="..." ...', ...)
            schema, name = re.fullmatch(
                r"""SEARCH\('\{"(.+?)\} MetricName="(\w+)" .*""", metric[0]["expression"]
            ).groups()
            namespace, *dimensions = schema.split(",")
            found.add((namespace.rstrip('"'), name, frozenset(dimensions)))
    return found


def test_the_images_of_a_batch_have_an_outcome_each_and_share_their_phases(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo), "/absent": send(status=404)})
    urls = [images.url("/dog.jpg"), images.url("/absent"), images.url("/dog.jpg")]

    record = run_worker([{"urls": urls}])

    assert sorted(one["outcome"] for one in record.metrics("Outcome")) == ["image_not_found", "ok", "ok"]
    (latencies,) = record.metrics("FetchLatency")
    assert len(latencies["FetchLatency"]) == 1
    assert latencies["ImageBytes"] == [len(photo)] * 2
    handled, *_ = (one for one in record.subsegments() if one["name"] == "## handler")
    assert handled["annotations"]["outcome"] == "several"
    assert handled["annotations"]["release"] == RELEASE
    fetch, *others = (one for one in record.subsegments() if one.get("parent_id") == handled["id"])
    assert fetch["annotations"] == {"failed": True}
    assert [one["name"] for one in others] == ["## preprocess", "## invoke"]


def test_the_bins_of_an_answer_are_counted_by_release_while_drift_is_reviewed(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})
    told = {"unknown": True, "unknown_score": 2.5, "unknown_threshold": 1.8}
    told["drift"] = {"confidence": 1, "unknown_score": 4}
    replies = {invocations(): send_json({**ANSWER, **told})}
    answering = serve({"/": ssm_parameter(live_pointer_value()), **replies})
    event, here = {"url": images.url("/dog.jpg")}, {"AWS_ENDPOINT_URL": answering.url("")}

    (counted,) = run_worker([event], **here).metrics("ConfidenceBin1")

    assert (counted["service"], counted["release"]) == ("inference", RELEASE)
    for name in ("ConfidenceBin1", "UnknownScoreBin4", "UnknownAnswer"):
        assert counted[name] == [1]
    assert not run_worker([event], DRIFT_REVIEW="off", **here).metrics("ConfidenceBin1")


def test_an_unsure_answer_is_counted(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})

    record = run_worker([{"url": images.url("/dog.jpg")}], LOW_CONFIDENCE="0.65")

    assert record.metrics("LowConfidence")[0]["LowConfidence"] == [1]


@pytest.mark.parametrize(("share", "lines"), [("0", 0), ("1", 3)])
def test_the_phases_are_logged_in_a_share_of_the_requests(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes, share: str, lines: int
) -> None:
    images = serve({"/dog.jpg": send(photo)})

    record = run_worker([{"url": images.url("/dog.jpg")}], POWERTOOLS_LOGGER_SAMPLE_RATE=share)

    phases = [record.logs(name) for name in ("Fetch", "Preprocess", "Invoke")]
    assert sum(map(len, phases)) == lines


def test_neither_the_answer_nor_the_event_is_traced(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})

    record = run_worker([{"url": images.url("/dog.jpg")}])

    assert not any(b"collie" in packet or b"/dog.jpg" in packet for packet in record.trace_packets)
    assert "/dog.jpg" not in record.output


def test_a_provisioned_worker_has_made_its_clients_before_the_first_request(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    images = serve({"/dog.jpg": send(photo)})

    record = run_worker([{"url": images.url("/dog.jpg")}], initialization="provisioned-concurrency")

    assert record.answers[0]["statusCode"] == 200
    assert record.logs("answered")[0]["cold_start"] is False


def test_no_query_string_leaves_the_worker(
    run_worker: Callable[..., Record], serve: Callable[..., LocalServer], photo: bytes
) -> None:
    query = f"?X-Amz-Signature={SECRET}"
    images = serve(
        {
            "/dog.jpg": send(photo),
            "/absent": send(status=404),
            "/page": send(b"<html>"),
            "/broken": send_raw([b"not http"]),
            "/cut": send(photo[:50]),
            "/metadata": redirect(f"http://169.254.169.254/{query}"),
            "/nonsense": redirect(f"ftp://x/{query}"),
            "/loop": redirect(f"/loop{query}"),
        }
    )
    urls = [images.url(path + query) for path in images.replies]
    urls += [
        f"http://10.0.0.1/{query}",
        f"http://user:{SECRET}@example.com/",
        f"http://[::1{query}",
        f"http://127.0.0.1:1/{query}",
        f"http://127.0.0.1:{SECRET}/",
        f"http://127.0.0.1/\n{query}",
        f"http://127.0.0.1/\ud800{query}",
        f"https://127.0.0.1:{images.port}/dog.jpg{query}",
    ]
    unencoded = {
        "requestContext": {"requestId": "r", "http": {"method": "GET"}},
        "rawQueryString": f"url=http://127.0.0.1/&{SECRET}={SECRET}",
        "queryStringParameters": {"url": "http://127.0.0.1/", SECRET: SECRET},
    }

    others = [unencoded, {"url": [SECRET]}, {SECRET: SECRET}, {"s3_uri": f"s3://other/{SECRET}"}]

    record = run_worker([{"url": url} for url in urls] + others, POWERTOOLS_LOGGER_SAMPLE_RATE="1")

    statuses = [answer["statusCode"] for answer in record.answers]
    assert statuses[0] == 200
    assert all(400 <= status < 600 and status != 500 for status in statuses[1:]), statuses
    assert len(record.logs("refused")) == len(statuses) - 1
    assert SECRET not in record.output
    assert SECRET not in json.dumps(record.answers)
    assert record.trace_packets
    assert not any(SECRET.encode() in packet for packet in record.trace_packets)
