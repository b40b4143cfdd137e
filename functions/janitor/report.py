"""The weekly report as a document, and the message about what costs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from drops.text import printable
from functions.janitor.leftovers import Leftover

# SNS: a subject has fewer than 100 characters, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT = "dropserve: runs have left something behind"
_NAMED = 20


def make_report(found: Sequence[Leftover], moment: datetime) -> dict[str, Any]:
    """`usd_a_month` is the sum of what is known."""
    return {
        "schema_version": 1,
        "looked_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "usd_a_month": round(sum(each.usd_a_month or 0.0 for each in found), 2),
        "leftovers": [each.to_json() for each in found],
    }


def notify(report: Mapping[str, Any], *, report_uri: str, topic_arn: str, sns: Any) -> bool:
    """Tell the topic where something costs, or may; gives whether it did. Raises botocore's ClientError."""
    costly = [each for each in report["leftovers"] if each["usd_a_month"] != 0]
    if not costly:
        return False
    lines = [
        f"What runs of dropserve have left behind costs about USD {report['usd_a_month']:.2f} a month:",
        "",
        *(_line(each) for each in costly[:_NAMED]),
        *([f"- and {len(costly) - _NAMED} more"] if len(costly) > _NAMED else []),
        "",
        f"Remove it: dropserve janitor --yes. Report: {report_uri}",
    ]
    sns.publish(TopicArn=topic_arn, Subject=SUBJECT, Message="\n".join(lines))
    return True


def _line(leftover: Mapping[str, Any]) -> str:
    usd = leftover["usd_a_month"]
    cost = "of unknown cost" if usd is None else f"USD {usd:.2f} a month"
    # A line each, whatever stands in the names: a mail shows them as they are.
    return f"- {leftover['kind']} {printable(leftover['name'])}: {cost} ({printable(leftover['detail'])})"
