"""One line of a bill: so much of something, at a price that has a source and a date, or that is not known."""

from dataclasses import dataclass
from typing import Protocol

from functions.common.prices import REFERENCE_REGION, Price, find_price

# Where AWS tells the price, by what a price's name begins with; EC2's page has NAT gateways.
_PAGES = {
    "cloudwatch": "https://aws.amazon.com/cloudwatch/pricing/",
    "codebuild": "https://aws.amazon.com/codebuild/pricing/",
    "dynamodb": "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    "ec2": "https://aws.amazon.com/ec2/pricing/on-demand/",
    "ecr": "https://aws.amazon.com/ecr/pricing/",
    "eventbridge": "https://aws.amazon.com/eventbridge/pricing/",
    "kms": "https://aws.amazon.com/kms/pricing/",
    "lambda": "https://aws.amazon.com/lambda/pricing/",
    "s3": "https://aws.amazon.com/s3/pricing/",
    "sns": "https://aws.amazon.com/sns/pricing/",
    "step-functions": "https://aws.amazon.com/step-functions/pricing/",
    "vpc": "https://aws.amazon.com/vpc/pricing/",
    "xray": "https://aws.amazon.com/cloudwatch/pricing/",
}
_SAGEMAKER_PAGE = "https://aws.amazon.com/sagemaker/ai/pricing/"


class Prices(Protocol):
    """What knows the prices of a region, by their names in prices.json; None for what it does not know."""

    @property
    def region(self) -> str: ...

    def find(self, name: str) -> Price | None: ...


@dataclass(frozen=True)
class DatedPrices:
    """The shipped prices as this region pays them; those that are another region's say so."""

    region: str = REFERENCE_REGION

    def find(self, name: str) -> Price | None:
        return find_price(name, self.region)


SHIPPED = DatedPrices()


@dataclass(frozen=True)
class Component:
    """`quantity` of what `price_name` names; `note` says where the quantity is from or what is assumed."""

    name: str
    price_name: str
    quantity: float
    price: Price | None
    note: str = ""

    @property
    def usd(self) -> float | None:
        return self.price.usd * self.quantity if self.price else None

    @property
    def page(self) -> str:
        """AWS's page that tells the price."""
        return _PAGES.get(self.price_name.partition("/")[0], _SAGEMAKER_PAGE)


@dataclass(frozen=True)
class Section:
    """Components that belong together: a run, an idle month."""

    name: str
    components: tuple[Component, ...]

    @property
    def total_usd(self) -> float:
        """Of the components whose price is known."""
        return sum(each.usd or 0.0 for each in self.components)

    @property
    def unknown(self) -> list[Component]:
        return [each for each in self.components if each.usd is None]


def amount_text(quantity: float) -> str:
    """A quantity as a person reads it: `7,884,000`, `0.25`."""
    return f"{quantity:,.4g}" if quantity < 1 else _digits(quantity)


def price_text(price: Price) -> str:
    """`0.115 an hour`, `0.0000041667 a GB-second`."""
    article = "an" if price.unit == "hour" else "a"
    return f"{_digits(price.usd)} {article} {price.unit}"


def _digits(number: float) -> str:
    """Without zeros at the end, as many digits as tell it."""
    return (
        f"{number:,.10f}".rstrip("0").rstrip(".") if number < 1 else f"{number:,.2f}".rstrip("0").rstrip(".")
    )


def component(name: str, price_name: str, quantity: float, prices: Prices, note: str = "") -> Component:
    return Component(name, price_name, quantity, prices.find(price_name), note)
