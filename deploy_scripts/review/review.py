"""Puts together what a person reads before a deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy_scripts.cloudformation.sam_template import defaults, with_source
from deploy_scripts.costs.component import SHIPPED, Prices
from deploy_scripts.costs.month import monthly_cost
from deploy_scripts.review.permission_changes import permission_changes
from deploy_scripts.review.resource_changes import resource_changes


@dataclass(frozen=True)
class Review:
    """`heading` -> lines; a heading without lines is left out."""

    sections: dict[str, list[str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """All of it, indented by heading."""
        return [
            line
            for heading, lines in self.sections.items()
            if lines
            for line in (heading, *(f"  {each}" for each in lines))
        ]


@dataclass(frozen=True)
class Version:
    """A template, the values of its parameters that a person may choose, and where those of a file stand."""

    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)


def review(
    before: Version | None,
    after: Version,
    changes: list[Mapping[str, Any]],
    prices: Prices = SHIPPED,
    *,
    images_to_build: Sequence[str] = (),
) -> Review:
    """`before` None is a new deployment: all its rights are new, and are left to verify-permissions."""
    return Review(
        {
            "Parameters": _parameter_changes(before, after),
            "Resources": resource_changes(changes, is_new=before is None),
            "Permissions": permission_changes(before.template, after.template) if before else [],
            "Container images to build": list(images_to_build),
            "Cost of an idle month (see `dropserve cost`)": [_cost(before, after, prices)],
        }
    )


def _parameter_changes(before: Version | None, after: Version) -> list[str]:
    """Of a new deployment those that are not the template's defaults."""
    old = before.parameters if before else defaults(after.template)
    return [
        f"{with_source(name, after.sources)}: {old.get(name) or '(nothing)'} -> {value or '(nothing)'}"
        for name, value in sorted(after.parameters.items())
        if old.get(name, "") != value
    ]


def _cost(before: Version | None, after: Version, prices: Prices) -> str:
    components = monthly_cost(after.parameters, prices)
    unknown = ", ".join(each.name for each in components if each.usd is None)
    besides = f"; and {unknown}, whose price is not known here" if unknown else ""
    now = sum(each.usd or 0.0 for each in components)
    if before is None:
        return f"about ${now:.0f} once a model is live{besides}"
    was = sum(each.usd or 0.0 for each in monthly_cost(before.parameters, prices))
    return (
        f"about ${now:.0f}, as before{besides}"
        if abs(now - was) < 1
        else f"${was:.0f} -> ${now:.0f}{besides}"
    )
