"""What counts as left behind: botocore's Stubber checks each call and answer by AWS's shapes."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from functions.common.documents import check_document
from functions.common.live_pointer import PointerError
from functions.janitor.leftovers import Clients, Janitor, Leftover
from functions.janitor.report import make_report, notify

MOMENT = datetime(2026, 11, 30, tzinfo=UTC)
LIVE, RUNNING, DEAD, ENDED, FORMER = (digit * 32 for digit in "12345")
ARN = "arn:aws:states:us-east-1:000000000000:execution:dropserve-training-pipeline:"
SERVICES = ("sagemaker", "ec2", "dynamodb", "stepfunctions", "ssm", "sns")
TOPIC = "arn:aws:sns:us-east-1:000000000000:dropserve-runs"


def name(run_id: str) -> str:
    return f"dropserve-{run_id}"


class Account:
    """The answers of AWS, in the order in which a janitor asks."""

    def __init__(self, stack: ExitStack) -> None:
        session = boto3.Session("x", "x", region_name="us-east-1")
        self.clients: dict[str, Any] = {each: session.client(each) for each in SERVICES}
        self._stubs = {each: stack.enter_context(Stubber(self.clients[each])) for each in SERVICES}
        self.jobs: list[tuple[str, datetime]] = []
        self.instances: list[dict[str, Any]] = []
        self.rows: dict[str, str] = {LIVE: "live"}
        self.pointer: dict[str, Any] | None = pointer(LIVE)
        self.releases: list[str] = [name(LIVE)]
        self.gone: set[str] = set()
        self.creating: set[str] = set()

    def answer(self, service: str, call: str, answer: dict[str, Any]) -> None:
        self._stubs[service].add_response(call, answer)

    def refuse(self, service: str, call: str, code: str, message: str = "") -> None:
        self._stubs[service].add_client_error(call, code, message)

    def find(self, left: tuple[str, ...] = ()) -> list[Leftover]:
        """What a janitor finds; of the endpoints in `left` it asks the size."""
        arn, made = "arn:aws:sagemaker:us-east-1:000000000000:x/y", {"CreationTime": MOMENT}
        status = {**made, "LastModifiedTime": MOMENT, "EndpointStatus": "InService", "EndpointArn": arn}
        self.answer(
            "sagemaker",
            "list_endpoints",
            {"Endpoints": [{"EndpointName": each, **status} for each in self.releases]},
        )
        configs = [{"EndpointConfigName": each, "EndpointConfigArn": arn, **made} for each in self.releases]
        self.answer("sagemaker", "list_endpoint_configs", {"EndpointConfigs": configs})
        models = [{"ModelName": each, "ModelArn": arn, **made} for each in self.releases]
        self.answer("sagemaker", "list_models", {"Models": models})
        self.answer("ec2", "describe_instances", {"Reservations": [{"Instances": self.instances}]})
        jobs = [
            {
                "TrainingJobName": job,
                "TrainingJobArn": arn,
                "TrainingJobStatus": "InProgress",
                "CreationTime": since,
            }
            for job, since in self.jobs
        ]
        self.answer("sagemaker", "list_training_jobs", {"TrainingJobSummaries": jobs})
        rows = [
            {"run_id": {"S": run_id}, "status": {"S": told}, "execution_arn": {"S": ARN + run_id}}
            for run_id, told in self.rows.items()
        ]
        self.answer("dynamodb", "scan", {"Items": [{"run_id": {"S": "deploy-lock"}}, *rows]})
        for run_id, told in self.rows.items():
            if told == "running":
                self._execution(run_id)
        if self.pointer is None:
            self.refuse("ssm", "get_parameter", "ParameterNotFound")
        else:
            self.answer("ssm", "get_parameter", {"Parameter": {"Value": json.dumps(self.pointer)}})
        for each in left:
            self._size(each, arn)
        clients = Clients(*(self.clients[each] for each in SERVICES[:5]))
        return Janitor("dropserve", "us-east-1", "ledger", "/dropserve/live", clients).find_leftovers()

    def _execution(self, run_id: str) -> None:
        told = {"executionArn": ARN + run_id, "stateMachineArn": ARN, "startDate": MOMENT}
        status = "ABORTED" if run_id == DEAD else "RUNNING"
        self.answer("stepfunctions", "describe_execution", {**told, "status": status})

    def _size(self, endpoint: str, arn: str) -> None:
        if endpoint in self.gone:
            self.refuse("sagemaker", "describe_endpoint", "ValidationException", "Could not find endpoint")
            return
        named = {"EndpointName": endpoint, "EndpointArn": arn, "EndpointConfigName": endpoint}
        described: dict[str, Any] = {**named, "CreationTime": MOMENT, "LastModifiedTime": MOMENT}
        if endpoint in self.creating:
            described |= {"EndpointStatus": "Creating"}
        else:
            variant = {"VariantName": "AllTraffic", "CurrentInstanceCount": 2}
            described |= {"EndpointStatus": "InService", "ProductionVariants": [variant]}
        self.answer("sagemaker", "describe_endpoint", described)
        config = {"EndpointConfigName": endpoint, "EndpointConfigArn": arn, "CreationTime": MOMENT}
        variants = [
            {"VariantName": "AllTraffic", "InstanceType": "ml.m6g.large", "InitialInstanceCount": 1},
        ]
        self.answer("sagemaker", "describe_endpoint_config", {**config, "ProductionVariants": variants})


def pointer(run_id: str, **fields: Any) -> dict[str, Any]:
    release = {"release": name(run_id), "endpoint_name": name(run_id), "run_id": run_id}
    return {**release, "model_data_uri": "s3://b/k", "accuracy": 0.9, **fields}


@pytest.fixture
def account() -> Iterator[Account]:
    with ExitStack() as stack:
        yield Account(stack)


def test_what_is_live_or_deployed_now_is_no_leftover(account: Account) -> None:
    account.rows |= {RUNNING: "running", FORMER: "replaced"}
    account.releases = [name(LIVE), name(RUNNING), name(FORMER)]
    # While a release is watched the one before has to stand.
    account.pointer = pointer(LIVE, previous={"run_id": FORMER, "endpoint_name": name(FORMER)})
    account.jobs = [(f"{name(RUNNING)}-0", MOMENT)]
    assert account.find() == []


def test_the_release_before_is_left_behind_once_nothing_goes_on(account: Account) -> None:
    account.rows |= {FORMER: "replaced"}
    account.releases = [name(LIVE), name(FORMER)]
    account.pointer = pointer(LIVE, previous={"run_id": FORMER, "endpoint_name": name(FORMER)})
    assert {each.name for each in account.find(left=(name(FORMER),))} == {name(FORMER)}


def test_what_an_ended_run_made_is_named_with_its_monthly_cost(account: Account) -> None:
    account.rows |= {DEAD: "running", ENDED: "failed"}
    account.releases = [name(LIVE), name(DEAD)]
    tags = [{"Key": "dropserve:run", "Value": ENDED}]
    account.instances = [{"InstanceId": "i-1", "InstanceType": "c5.xlarge", "Tags": tags}]
    foreign = [{"Key": "dropserve:run", "Value": "9" * 32}]
    account.instances += [{"InstanceId": "i-2", "InstanceType": "c5.xlarge", "Tags": foreign}]
    since = datetime.now(UTC) - timedelta(hours=3)
    account.jobs = [(f"{name(ENDED)}-demand-0", since), ("dropserve-of-somebody-else", since)]
    found = account.find(left=(name(DEAD),))
    assert [(each.kind, each.name, each.usd_a_month) for each in found] == [
        ("endpoint", name(DEAD), 134.9),
        ("instance", "i-1", 124.1),
        ("training job", f"{name(ENDED)}-demand-0", None),
        ("endpoint config", name(DEAD), 0.0),
        ("model", name(DEAD), 0.0),
    ]
    assert [each.detail for each in found[:3]] == [
        "2 x ml.m6g.large, InService",
        f"c5.xlarge of run {ENDED}",
        "for 3.0 hours",
    ]


def test_an_endpoint_that_is_still_being_created_costs_what_it_is_about_to(account: Account) -> None:
    account.rows |= {ENDED: "failed"}
    account.releases = [name(LIVE), name(ENDED)]
    account.creating = {name(ENDED)}
    endpoint = account.find(left=(name(ENDED),))[0]
    assert (endpoint.usd_a_month, endpoint.detail) == (67.45, "1 x ml.m6g.large, Creating")
    # So the topic hears of it.
    topic = Topic()
    assert notify(make_report([endpoint], MOMENT), report_uri="s3://b/r.json", topic_arn=TOPIC, sns=topic)


def test_what_a_run_takes_down_meanwhile_is_no_leftover(account: Account) -> None:
    account.releases = [name(LIVE), name(FORMER)]
    account.gone = {name(FORMER)}
    assert [each.kind for each in account.find(left=(name(FORMER),))] == ["endpoint config", "model"]


def test_before_the_first_release_all_that_stands_is_left_behind(account: Account) -> None:
    account.rows, account.pointer = {ENDED: "failed"}, None
    account.releases = [name(ENDED), "dropserve-other-name"]
    assert {each.name for each in account.find(left=(name(ENDED),))} == {name(ENDED)}


def test_without_a_sound_pointer_nothing_is_called_a_leftover(account: Account) -> None:
    account.pointer = {"release": 7}
    with pytest.raises(PointerError, match="names no release"):
        account.find()


FOUND = [
    Leftover("endpoint", name(ENDED), 67.45, "1 x ml.m6g.large, InService"),
    Leftover("training job", "job\nof two lines", None, "for 3.0 hours"),
    Leftover("model", name(ENDED), 0.0),
]


def test_the_report_has_each_leftover_and_their_sum() -> None:
    report = check_document("janitor_report", make_report(FOUND, MOMENT))
    assert (report["usd_a_month"], report["looked_at"]) == (67.45, "2026-11-30T00:00:00Z")
    assert [each["usd_a_month"] for each in report["leftovers"]] == [67.45, None, 0.0]


class Topic:
    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []

    def publish(self, **message: str) -> None:
        self.sent.append(message)


def test_what_costs_is_told_a_line_each() -> None:
    topic = Topic()
    assert notify(make_report(FOUND, MOMENT), report_uri="s3://b/r.json", topic_arn=TOPIC, sns=topic)
    (message,) = topic.sent
    assert message["Message"].splitlines() == [
        "What runs of dropserve have left behind costs about USD 67.45 a month:",
        "",
        f"- endpoint {name(ENDED)}: USD 67.45 a month (1 x ml.m6g.large, InService)",
        "- training job job\\x0aof two lines: of unknown cost (for 3.0 hours)",
        "",
        "Remove it: dropserve janitor --yes. Report: s3://b/r.json",
    ]
    assert message["TopicArn"] == TOPIC


def test_what_costs_nothing_is_not_told() -> None:
    topic = Topic()
    assert not notify(make_report(FOUND[2:], MOMENT), report_uri="s3://b/r", topic_arn=TOPIC, sns=topic)
    assert topic.sent == []


def test_a_long_list_is_cut_in_the_message() -> None:
    topic = Topic()
    notify(make_report(FOUND[:1] * 23, MOMENT), report_uri="s3://b/r", topic_arn=TOPIC, sns=topic)
    assert "- and 3 more" in topic.sent[0]["Message"].splitlines()
