"""The shipped prices: every figure has a source and a date, and one place holds them."""

import json
import re
from datetime import UTC, datetime

import pytest

from functions.common.prices import PRICES_FILE, find_price

DOCUMENT = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
PRICES = [
    (region, name, entry) for region, prices in DOCUMENT["regions"].items() for name, entry in prices.items()
]


@pytest.mark.parametrize(("region", "name", "entry"), PRICES, ids=[f"{each[0]} {each[1]}" for each in PRICES])
def test_every_price_has_a_source_and_a_date(region, name, entry):
    price = find_price(name, region)
    assert (price.region, price.usd, price.unit) == (region, entry["usd"], entry["unit"])
    assert 0 < price.usd < 50
    assert re.search(r"https://\S+", price.source)
    assert re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", price.date)
    assert price.date <= datetime.now(UTC).strftime("%Y-%m-%d")


def test_every_source_is_used_and_told_whole():
    assert {entry["source"] for _, _, entry in PRICES} == set(DOCUMENT["sources"])
    assert all(set(source) == {"date", "what", "where"} for source in DOCUMENT["sources"].values())


def test_a_price_that_nobody_has_is_none():
    assert find_price("sagemaker-hosting/ml.x9.huge", "us-east-1") is None


def test_a_region_without_a_price_gets_that_of_us_east_1_and_is_told_so():
    assert find_price("ec2/t3.medium", "eu-west-1").region == "us-east-1"
    assert find_price("sagemaker-training/ml.c5.xlarge", "eu-west-1").region == "ap-south-1"
    assert find_price("sagemaker-training/ml.m5.xlarge", "ap-south-1").region == "ap-south-1"
