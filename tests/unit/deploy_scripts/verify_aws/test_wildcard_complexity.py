"""The figure by which EventBridge refuses a rule, as AWS's event-ruler gives it."""

from typing import Any

import pytest

from deploy_scripts.verify_aws.template.wildcard_complexity import LIMIT, complexity


def wildcards(*texts: str) -> list[Any]:
    return [{"wildcard": text} for text in texts]


def none_of(*texts: str) -> list[Any]:
    return [{"anything-but": {"wildcard": list(texts)}}]


# The figures of MachineComplexityEvaluator, event-ruler of 2026-07-21.
@pytest.mark.parametrize(
    ("conditions", "figure"),
    [
        (["aws.s3"], 0),
        ([{"prefix": "drops/"}, {"anything-but": {"prefix": "runs/"}}], 0),
        (wildcards("*/bin/*.jar"), 4),
        (wildcards("*:stack/SharedStack/*"), 3),
        (wildcards("drops/*/_SUCCESS", "drops/*/*.zip", "drops/*/*.ZIP"), 8),
        (none_of("*/*/*"), 5),
        (none_of("*/*/*", "runs/*", "snapshots/*"), 6),
        (none_of("runs/*", "snapshots/*", "uploads/*"), 2),
        (wildcards("drops/*/_SUCCESS", "drops/*.zip", "drops/*.ZIP") + none_of("*/*/*", "runs/*"), 9),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], 4),
    ],
)
def test_the_figure_is_event_rulers(conditions: list[Any], figure: int) -> None:
    assert complexity(conditions) == figure


def test_what_aws_took_is_within_the_limit_and_what_it_refused_is_not() -> None:
    stacks = [f"*:stack/{name}Stack/*" for name in ("Shared", "Api", "Worker", "Monitoring")]
    assert complexity(wildcards(*stacks[:3])) == 9 <= LIMIT
    assert complexity(wildcards(*stacks)) == 12 > LIMIT
