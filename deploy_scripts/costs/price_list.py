"""Prices asked of the AWS Price List API, and the shipped ones for what it does not tell.

GetProducts: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
It answers products as JSON texts, whose prices may have tiers: the first that costs anything counts, since
free tiers are left out everywhere.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from functions.common.prices import Price, find_price


@dataclass(frozen=True)
class Query:
    """Which product to ask for: attributes that AWS compares, and its usage type without the region's prefix.

    An empty usage type is any: the attributes say enough.
    """

    service: str
    usage_type: str
    attributes: dict[str, str] = field(default_factory=dict)


# `USE1-`, `EU-`, `APS3-`; KMS writes the region out. Most of us-east-1's usage types have none.
_REGION_PREFIX = r"(?:[A-Z]{2,4}\d?-|[a-z]{2}-[a-z]+-\d-)?"
_LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
# What a price's name begins with -> the usage types of that part of SageMaker, as its price file has them:
# `USE1-Host:ml.m5.large`.
_SAGEMAKER = {
    "sagemaker-hosting": "Host",
    "sagemaker-notebook": "Notebk",
    "sagemaker-processing": "Processing",
    "sagemaker-training": "Train",
}
# Attributes and usage types as Infracost asks for them, github.com/infracost/infracost,
# internal/resources/aws.
_QUERIES = {
    "cloudwatch/alarm": Query(
        "AmazonCloudWatch", "CW:AlarmMonitorUsage", {"productFamily": "Alarm", "alarmType": "Standard"}
    ),
    "cloudwatch/logs-ingested": Query(
        "AmazonCloudWatch", "DataProcessing-Bytes", {"productFamily": "Data Payload"}
    ),
    "cloudwatch/metric": Query(
        "AmazonCloudWatch", "CW:MetricMonitorUsage", {"productFamily": "Metric", "group": "Metric"}
    ),
    "cloudwatch/metric-read": Query("AmazonCloudWatch", "CW:GMD-Metrics", {"productFamily": "API Request"}),
    "codebuild/general1.small": Query("CodeBuild", "Build-Min:Linux:g1.small", {"productFamily": "Compute"}),
    "dynamodb/write": Query(
        "AmazonDynamoDB",
        "WriteRequestUnits",
        {"productFamily": "Amazon DynamoDB PayPerRequest Throughput", "group": "DDB-WriteUnits"},
    ),
    "ecr/storage": Query("AmazonECR", "TimedStorage-ByteHrs"),
    "kms/key": Query("awskms", "KMS-Keys", {"productFamily": "Encryption Key"}),
    "lambda/duration/arm64": Query("AWSLambda", "", {"group": "AWS-Lambda-Duration-ARM"}),
    "lambda/duration/x86_64": Query("AWSLambda", "", {"group": "AWS-Lambda-Duration"}),
    "lambda/provisioned-duration/arm64": Query(
        "AWSLambda", "", {"group": "AWS-Lambda-Duration-Provisioned-ARM"}
    ),
    "lambda/provisioned-duration/x86_64": Query(
        "AWSLambda", "", {"group": "AWS-Lambda-Duration-Provisioned"}
    ),
    "lambda/provisioned/arm64": Query("AWSLambda", "", {"group": "AWS-Lambda-Provisioned-Concurrency-ARM"}),
    "lambda/provisioned/x86_64": Query("AWSLambda", "", {"group": "AWS-Lambda-Provisioned-Concurrency"}),
    "lambda/request": Query("AWSLambda", "", {"group": "AWS-Lambda-Requests"}),
    "s3/get": Query("AmazonS3", "Requests-Tier2"),
    "s3/put": Query("AmazonS3", "Requests-Tier1"),
    "s3/storage": Query("AmazonS3", "TimedStorage-ByteHrs"),
    "sns/email": Query("AmazonSNS", "DeliveryAttempts-SMTP", {"productFamily": "Message Delivery"}),
    "step-functions/transition": Query(
        "AmazonStates", "StateTransition", {"productFamily": "AWS Step Functions"}
    ),
    "vpc/interface-endpoint": Query("AmazonVPC", "VpcEndpoint-Hours", {"productFamily": "VpcEndpoint"}),
    "vpc/nat-gateway": Query("AmazonEC2", "NatGateway-Hours", {"productFamily": "NAT Gateway"}),
    # The usage type of traces, `USW2-XRay-TracesStored` in a bill.
    "xray/trace": Query("AWSXRay", "XRay-TracesStored"),
}


@dataclass
class LivePrices:
    """The prices of `region` as the API tells them now; what it does not tell is the shipped copy's."""

    client: Any
    region: str
    _found: dict[str, Price | None] = field(default_factory=dict)

    def find(self, name: str) -> Price | None:
        """Raises ClientError where the API refuses to answer."""
        if name not in self._found:
            query = query_for(name)
            asked = self._ask(name, query) if query else None
            self._found[name] = asked or find_price(name, self.region)
        return self._found[name]

    def _ask(self, name: str, query: Query) -> Price | None:
        filters = [
            {"Type": "TERM_MATCH", "Field": key, "Value": value}
            for key, value in {"regionCode": self.region, **query.attributes}.items()
        ]
        pages = self.client.get_paginator("get_products").paginate(ServiceCode=query.service, Filters=filters)
        products = [json.loads(text) for page in pages for text in page["PriceList"]]
        matching = [each for each in products if _is_usage_type(each, query.usage_type)]
        priced = [(price, each) for each in matching if (price := _first_price(each))]
        # Two prices for one thing: the question was not exact enough to take either.
        if len({price for price, _ in priced}) != 1:
            return None
        return _as_price(name, self.region, *priced[0])


def query_for(name: str) -> Query | None:
    """How to ask for a price by its name; None for what the API is not asked."""
    product, _, kind = name.partition("/")
    if product == "ec2":
        return Query("AmazonEC2", f"BoxUsage:{kind}", {"instanceType": kind, **_LINUX})
    if product in _SAGEMAKER and kind.startswith("ml."):
        return Query("AmazonSageMaker", f"{_SAGEMAKER[product]}:{kind}", {"instanceName": kind})
    if product == "sagemaker-serverless":
        return Query("AmazonSageMaker", f"ServerlessInf:Mem-{kind}", {"productFamily": "ML Serverless"})
    return _QUERIES.get(name)


def _is_usage_type(product: dict[str, Any], wanted: str) -> bool:
    usage_type = product["product"]["attributes"].get("usagetype", "")
    return not wanted or bool(re.fullmatch(_REGION_PREFIX + re.escape(wanted), usage_type))


def _first_price(product: dict[str, Any]) -> tuple[float, str] | None:
    """US dollars and unit of the first tier on demand that is not free."""
    tiers = [
        (float(tier.get("beginRange", 0)), float(tier["pricePerUnit"]["USD"]), tier["unit"])
        for term in product["terms"].get("OnDemand", {}).values()
        for tier in term["priceDimensions"].values()
        if "USD" in tier["pricePerUnit"]
    ]
    paid = sorted(tier for tier in tiers if tier[1] > 0)
    return (paid[0][1], paid[0][2]) if paid else None


def _as_price(name: str, region: str, first: tuple[float, str], product: dict[str, Any]) -> Price:
    source = f"AWS Price List API, SKU {product['product']['sku']}"
    return Price(name, first[0], first[1], region, source, product["publicationDate"][:10])
