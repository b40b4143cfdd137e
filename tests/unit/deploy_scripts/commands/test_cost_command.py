"""`dropserve cost`: its figures follow the template and the plan, and each says where its price is from."""

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.commands.deployment import cost
from deploy_scripts.costs import template_facts
from deploy_scripts.costs.month import idle_cost_sentence, idle_month_usd, monthly_cost
from deploy_scripts.costs.price_list import query_for
from deploy_scripts.project import TEMPLATE
from functions.common.prices import PRICES_FILE, find_price

PROJECT = Path(__file__).parents[4]
SHIPPED_NAMES = list(json.loads(PRICES_FILE.read_text(encoding="utf-8"))["regions"]["us-east-1"])


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli.make_app(), ["cost", *arguments])


def document(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def components(section: str, *arguments: str) -> dict[str, dict[str, Any]]:
    (found,) = [each for each in document(*arguments)["sections"] if each["name"] == section]
    return {each["name"]: each for each in found["components"]}


def test_every_part_is_told_with_source_and_date_or_with_the_page_that_tells() -> None:
    sections = document()["sections"]
    assert [each["name"] for each in sections] == [
        "once: building the images",
        "one run",
        "an idle month",
        "a million predictions in a month",
    ]
    for section in sections:
        known = [each for each in section["components"] if each["usd"] is not None]
        assert section["total_usd"] == pytest.approx(sum(each["usd"] for each in known))
        assert section["is_complete"] == (len(known) == len(section["components"]))
        for each in section["components"]:
            assert each["page"].startswith("https://aws.amazon.com/")
            if each["price"]:
                assert each["usd"] == pytest.approx(each["quantity"] * each["price"]["usd"])
                assert each["price"]["source"]
                assert each["price"]["date"] >= "2023"


def test_what_is_not_known_is_said_so_and_never_counted_as_nothing() -> None:
    section = components("a million predictions in a month")
    assert section["traces"]["usd"] is None
    output = run().stdout
    assert "Together $13.42, without traces" in output
    assert (
        "traces: not known here; ask with --live, or see https://aws.amazon.com/cloudwatch/pricing/" in output
    )
    assert "the event that starts it: not known here; see https://aws.amazon.com/eventbridge/" in output
    assert "of 2024-07-01 to 2026-09-27" in output


def test_an_idle_month_follows_the_template() -> None:
    resources = read_template(TEMPLATE)["Resources"].values()
    # Without a canary, or captured photos, there are no alarms of them.
    without = {"HasCanary", "CapturesPhotos"}
    count = Counter(each["Type"] for each in resources if each.get("Condition") not in without)
    month = components("an idle month")
    assert month["alarms"]["quantity"] == count["AWS::CloudWatch::Alarm"]
    assert month["alarms of autoscaling"]["quantity"] == 2
    assert month["dashboards"]["quantity"] == count["AWS::CloudWatch::Dashboard"]
    assert month["provisioned concurrency: 3 of 1024 MB"]["quantity"] == 3 * 730 * 3600
    assert "keys of KMS" not in month


def test_resources_that_a_template_gets_are_counted_and_conditions_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = read_template(TEMPLATE)
    template["Conditions"]["Off"] = {
        "Fn::And": [{"Condition": "HasEmail"}, {"Condition": "SendsToSecurityHub"}]
    }
    network = {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}
    template["Resources"] |= {
        "Key": {"Type": "AWS::KMS::Key", "Condition": "HasEmail"},
        "OtherKey": {"Type": "AWS::KMS::Key", "Condition": "Off"},
        "Nat": {"Type": "AWS::EC2::NatGateway"},
        "Way": {"Type": "AWS::EC2::VPCEndpoint", "Properties": network},
        "FreeWay": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}},
    }
    monkeypatch.setattr(template_facts, "_template", lambda: template)

    plain = {each.name: each for each in monthly_cost({})}
    mailed = {each.name: each for each in monthly_cost({"NotificationEmail": "a@example.com"})}

    assert "keys of KMS" not in plain
    assert mailed["keys of KMS"].usd == 1.0
    assert plain["NAT gateways"].usd == pytest.approx(730 * 0.045)
    assert plain["interface endpoints"].usd == pytest.approx(2 * 730 * 0.01)


def test_a_vpc_and_a_key_are_paid_for_where_they_are_chosen() -> None:
    plain = {each.name for each in monthly_cost({})}
    chosen = {"Network": "new", "KmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1"}
    both = {each.name: each.usd for each in monthly_cost(chosen)}
    assert both.keys() - plain == {"interface endpoints", "key of KMS"}
    # Two endpoints in two zones each; S3's gateway is free.
    assert both["interface endpoints"] == pytest.approx(2 * 2 * 730 * 0.01)
    assert both["key of KMS"] == 1.0
    subnets = {"VpcSubnetIds": "subnet-0a", "VpcSecurityGroupIds": "sg-0b"}
    assert {each.name for each in monthly_cost({"Network": "existing", **subnets})} == plain


def test_a_paused_deployment_pays_for_no_endpoint_and_no_concurrency() -> None:
    paid = {each.name for each in monthly_cost({})} - {each.name for each in monthly_cost({}, serves=False)}
    assert paid == {
        "endpoint: 1 x ml.m6g.large",
        "provisioned concurrency: 3 of 1024 MB",
        "alarms of autoscaling",
    }


def test_the_cost_of_a_deployment_is_told_for_another_version_of_the_template() -> None:
    served, paused = (
        idle_month_usd({"MinInstances": "2", "NoLongerKnown": "1"}, "us-east-1", serves=serves)
        for serves in (True, False)
    )
    assert served > paused + 2 * 730 * 0.0924
    assert 0 < paused < 10


def test_the_idle_alarm_tells_what_a_month_costs_served_and_paused() -> None:
    sentence = idle_cost_sentence({"MinInstances": "2"}, "us-east-1")
    served, paused = (float(each) for each in re.findall(r"\$(\d+)", sentence))
    assert served > 2 * 67 > 10 > paused > 0
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert len(sentence) < 1024 - 200


def test_a_serverless_endpoint_costs_by_the_second_and_nothing_while_nobody_asks() -> None:
    options = ("--parameter", "EndpointKind=serverless", "--parameter", "ProvisionedConcurrency=0")
    idle, asked = (
        components("an idle month", *options),
        components("a million predictions in a month", *options),
    )
    assert not [name for name in idle if name.startswith(("endpoint", "alarms of autoscaling"))]
    assert sum(each["usd"] or 0 for each in idle.values()) < 10
    assert asked["time of the serverless endpoint of 3 GB"]["usd"] == pytest.approx(1e6 * 0.3 * 0.00006)


def test_the_endpoint_is_that_of_the_options() -> None:
    usual, chosen = (
        components("an idle month"),
        components("an idle month", "--endpoint-type", "ml.m5.large", "--instances", "2"),
    )
    assert usual["endpoint: 1 x ml.m6g.large"]["usd"] == pytest.approx(730 * 0.0924)
    assert chosen["endpoint: 2 x ml.m5.large"]["usd"] == pytest.approx(2 * 730 * 0.115)


def test_parameters_are_those_of_a_deployment() -> None:
    month = components(
        "an idle month", "--parameter", "ProvisionedConcurrency=1", "--parameter", "Architecture=arm64"
    )
    component = month["provisioned concurrency: 1 of 1024 MB"]
    assert (component["quantity"], component["price"]) == (730 * 3600, None)  # of ARM no price was found


def test_a_run_costs_what_the_plan_says() -> None:
    few, many = components("one run", "--photos", "1000"), components("one run", "--photos", "400000")
    assert few["training on ml.c5.xlarge"]["usd"] == pytest.approx(0.0078, abs=0.0001)
    (training,) = [each for name, each in many.items() if name.startswith("training on ")]
    assert "400,000 photos" in training["note"]
    assert training["usd"] > 10 * few["training on ml.c5.xlarge"]["usd"]
    large = components("one run", "--photos", "1000", "--image-size", "448")["training on ml.c5.xlarge"]
    assert large["usd"] > few["training on ml.c5.xlarge"]["usd"]
    assert "training on c5.xlarge" in components("one run", "--backend", "ec2")


def test_predictions_beyond_what_one_instance_takes_need_more_instances() -> None:
    few = components("a million predictions in a month")["more instances of ml.m6g.large"]
    slow = ("--parameter", "TargetInvocationsPerInstance=10")
    many = components("a million predictions in a month", *slow)["more instances of ml.m6g.large"]
    assert (few["quantity"], many["quantity"]) == (0, 2 * 730)  # 23 a minute, and one stands anyway


def test_captured_photos_are_paid_for_where_some_are_kept() -> None:
    section, photos = "a million predictions in a month", ("CapturesADay=200", "CaptureDays=10")
    given = [each for value in photos for each in ("--parameter", value)]
    without = components(section, *given)
    with_some = components(section, *given, "--parameter", "CaptureShare=0.2")
    added = {name: with_some[name]["quantity"] for name in with_some.keys() - without.keys()}
    assert added == {
        "metrics of captured photos": 3,
        "captured photos written": 6000,
        "captured photos stored": pytest.approx(200 * 10 * 0.0003),
    }


def test_other_ways_are_counted_at_the_same_prices() -> None:
    ways = {each["name"]: each for each in document("--compare")["sections"]}
    totals = {name: each["total_usd"] for name, each in ways.items()}
    assert totals["always on: ml.t2.medium and t3.medium"] == pytest.approx(
        730 * (0.056 + 0.0416) + 100_000 * 150e-6 * 0.02
    )
    assert totals["a notebook, left on"] == pytest.approx(730 * (0.05 + 0.056) + 0.3 + 0.034, abs=0.001)
    assert totals["a serverless endpoint of 3 GB"] == pytest.approx(
        100_000 * 0.3 * 0.00006 + 0.3 + 0.034, abs=0.001
    )
    assert len(ways) == 5
    assert totals["dropserve"] > 100


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--endpoint-type", "ml.t2.medium"], "does not autoscale"),
        (["--parameter", "Nothing=1"], "The template has no parameter Nothing."),
        (["--parameter", "MinInstances=two"], "The parameter MinInstances must be a number, not 'two'."),
        (["--parameter", "CanaryPercent=0.0"], "CanaryPercent is '0.0', and must be 0, or a number up to 50"),
        (["--parameter", "Network=mine"], "Network is 'mine', and must be one of none, existing, new"),
        (["--parameter", "PhotosBucket=Mine"], "PhotosBucket is 'Mine', and must match ("),
        (["--parameter", "CaptureDays=0"], "CaptureDays is '0', and must be at least 1"),
        (["--parameter", "MaxFailureShare=1.5"], "MaxFailureShare is '1.5', and must be at most 1"),
        (["--image-size", "100"], "must be a multiple of 32 from 64 to 640, not 100"),
        (["--photos", "0"], "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in (getattr(result.exception, "message", "") or result.output)


def product(usage_type: str, *tiers: tuple[str, str], sku: str = "ABCDEFGHJKLMNPQR") -> str:
    """One item of GetProducts' PriceList, in the form that the API's documentation shows."""
    dimensions = {
        f"{sku}.JRTCKXETXF.{begin}": {
            "unit": "Hrs",
            "beginRange": begin,
            "endRange": "Inf",
            "description": usage_type,
            "rateCode": f"{sku}.JRTCKXETXF.{begin}",
            "pricePerUnit": {"USD": usd},
        }
        for begin, usd in tiers
    }
    return json.dumps(
        {
            "product": {"sku": sku, "productFamily": "x", "attributes": {"usagetype": usage_type}},
            "serviceCode": "x",
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": dimensions}}},
            "version": "20261128000000",
            "publicationDate": "2026-11-28T01:02:03Z",
        }
    )


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What GetProducts answers, by the usage type that the test expects to be looked for."""
    client = boto3.client(
        "pricing", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(client)
    answers: dict[str, list[str]] = {}

    class Answering:
        def get_paginator(self, name: str) -> Any:
            assert name == "get_products"
            return SimpleNamespace(paginate=self.paginate)

        def paginate(self, **parameters: Any) -> Any:
            """A page with nothing, and one with the answer; botocore checks the question and both."""
            fields = {each["Field"]: each["Value"] for each in parameters["Filters"]}
            assert fields["regionCode"] == "eu-west-1"
            key = fields.get("instanceName") or fields.get("instanceType") or parameters["ServiceCode"]
            first = {"FormatVersion": "aws_v1", "PriceList": [], "NextToken": "more"}
            last = {"FormatVersion": "aws_v1", "PriceList": answers.get(key, [])}
            stub.add_response("get_products", first, parameters)
            stub.add_response("get_products", last, {**parameters, "NextToken": "more"})
            with stub:
                yield from client.get_paginator("get_products").paginate(**parameters)

    monkeypatch.setattr(cost, "connect", lambda target: SimpleNamespace(pricing=Answering()))
    return answers


def test_live_prices_come_before_the_shipped_ones(price_list: dict[str, list[str]]) -> None:
    price_list["ml.m5.large"] = [
        product("EU-Train:ml.m5.large", ("0", "0.5")),
        product("EU-Host:ml.m5.large-Reserved", ("0", "0.1")),
        product("EU-Host:ml.m5.large", ("0", "0.128"), sku="JZXH4VC3JJJJJJJJ"),
    ]
    found = document("--live", "--region", "eu-west-1", "--endpoint-type", "ml.m5.large")
    month = {each["name"]: each for each in found["sections"][2]["components"]}
    assert found["live"]
    price = month["endpoint: 1 x ml.m5.large"]["price"]
    assert (price["usd"], price["region"], price["date"]) == (0.128, "eu-west-1", "2026-11-28")
    assert price["source"] == "AWS Price List API, SKU JZXH4VC3JJJJJJJJ"
    # What the API does not tell is the shipped copy's, and says so.
    assert month["dashboards"]["price"]["date"] == "2024-07-01"
    assert "that of ap-south-1, us-east-1 stands in for it" in run("--live", "--region", "eu-west-1").stdout


def test_of_tiers_the_first_that_costs_anything_counts(price_list: dict[str, list[str]]) -> None:
    price_list["AmazonCloudWatch"] = [
        product(
            "EU-CW:MetricMonitorUsage", ("0", "0.00"), ("10", "0.30"), ("10000", "0.10"), ("1000000", "0.02")
        )
    ]
    predictions = document("--live", "--region", "eu-west-1")["sections"][3]["components"]
    (metrics,) = [each for each in predictions if each["name"] == "metrics"]
    assert (metrics["price"]["usd"], metrics["price"]["date"]) == (0.30, "2026-11-28")


def test_an_answer_with_two_prices_is_not_taken(price_list: dict[str, list[str]]) -> None:
    price_list["AWSXRay"] = [product("EU-XRay-TracesStored", ("0", "0.000005"))]
    assert (
        components("a million predictions in a month", "--live", "--region", "eu-west-1")["traces"]["usd"]
        == 5.0
    )
    price_list["AWSXRay"].append(product("EU-XRay-TracesStored", ("0", "0.1"), sku="Z"))
    assert (
        components("a million predictions in a month", "--live", "--region", "eu-west-1")["traces"]["usd"]
        is None
    )


@pytest.mark.parametrize("name", [name for name in SHIPPED_NAMES if query_for(name)])
def test_every_question_is_one_that_the_api_takes(name: str) -> None:
    query = query_for(name)
    assert query
    client = boto3.client(
        "pricing", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        stub.add_response("get_products", {"PriceList": []})
        client.get_products(
            ServiceCode=query.service,
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in query.attributes.items()
            ],
        )
    assert find_price(name, "us-east-1")


def test_the_pages_commands_for_costs_work_and_its_sums_are_todays() -> None:
    page = (PROJECT / "docs" / "costs.md").read_text(encoding="utf-8")
    commands_for_costs = re.findall(r"^dropserve cost\b([^#\n]*)", page, re.MULTILINE)
    assert len(commands_for_costs) == 4
    for arguments in commands_for_costs:
        if "--live" not in arguments:
            assert run(*arguments.split()).exit_code == 0
    sums = {each["name"]: each["total_usd"] for each in document("--compare")["sections"]}
    intel = document("--compare", "--endpoint-type", "ml.m5.large")["sections"][0]["total_usd"]
    for name, total in {**sums, "dropserve, on `ml.m5.large`": intel}.items():
        assert f"| {name} | ${total:.0f} |" in page, (
            f"docs/costs.md: {name} is ${total:.0f}; `dropserve cost --compare`"
        )
    for section in document()["sections"][2:]:
        row = re.search(rf"^\| {section['name']} \| \$([0-9.]+) \|", page, re.MULTILINE)
        assert row
        assert float(row[1]) == round(section["total_usd"])


def test_a_deployment_that_reviews_no_drift_pays_for_no_counts_of_it() -> None:
    month = "a million predictions in a month"
    counts = components(month)["counts for the review of drift"]
    assert (counts["quantity"], counts["usd"]) == (11, pytest.approx(3.30))
    off = ("--parameter", "DriftReview=off")
    assert "counts for the review of drift" not in components(month, *off)
    assert "the daily review of drift" in components("an idle month")
    assert "the daily review of drift" not in components("an idle month", *off)
