"""AWS's prices that this version ships: each with its source and its date, in prices.json.

List prices on demand, in US dollars, before taxes, discounts and free tiers. They are a dated copy: an
estimate is for deciding, the bill is AWS's. What no source was found for is not there.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PRICES_FILE = Path(__file__).with_name("prices.json")
# Most of the prices are this region's. Others differ, mostly upwards.
REFERENCE_REGION = "us-east-1"
HOURS_A_MONTH = 730


@dataclass(frozen=True)
class Price:
    """What one `unit` costs, where, and who said so when: `date` is YYYY-MM-DD or YYYY-MM."""

    name: str
    usd: float
    unit: str
    region: str
    source: str
    date: str


def find_price(name: str, region: str) -> Price | None:
    """The price of this region; else, as an estimate, that of us-east-1, or of the first region that has one.

    `name` is as in prices.json: `ec2/t3.medium`, `sagemaker-training/ml.m5.xlarge`. None if nobody has it.
    """
    tables = _tables()
    for each in (region, REFERENCE_REGION, *tables):
        if price := tables.get(each, {}).get(name):
            return price
    return None


@cache
def _tables() -> dict[str, dict[str, Price]]:
    """Region -> name -> price. Raises KeyError for a price whose source the file does not tell."""
    document: dict[str, Any] = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
    sources = document["sources"]
    return {
        region: {
            name: Price(
                name,
                entry["usd"],
                entry["unit"],
                region,
                f"{sources[entry['source']]['what']}: {sources[entry['source']]['where']}",
                sources[entry["source"]]["date"],
            )
            for name, entry in prices.items()
        }
        for region, prices in document["regions"].items()
    }
