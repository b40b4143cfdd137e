"""The message about new critical findings."""

from collections.abc import Mapping
from typing import Any

from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops.text import printable

# SNS: a subject has fewer than 100 characters, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT = "dropserve: new critical IAM findings"
_NAMED_FINDINGS = 20


def notify(report: Mapping[str, Any], *, html_uri: str, topic_arn: str, sns: Any) -> int:
    """Tell the topic of the critical findings that the last audit had not, or of all at the first audit.

    Gives their number; without any nothing is sent. Raises botocore's ClientError.
    """
    fresh = [
        finding
        for finding in report["findings"]
        if finding["severity"] == "critical" and finding["change"] != "kept"
    ]
    if fresh:
        sns.publish(TopicArn=topic_arn, Subject=SUBJECT, Message=_message(report, fresh, html_uri))
    return len(fresh)


def _message(report: Mapping[str, Any], fresh: list[Mapping[str, Any]], html_uri: str) -> str:
    lines = [f"The IAM audit of account {report['account']} has {len(fresh)} new critical findings:", ""]
    for finding in fresh[:_NAMED_FINDINGS]:
        # A line each, whatever stands in the account's names: a mail shows them as they are.
        lines.append(f"- {printable(finding['title'])}: {printable(finding['resource'])}")
        lines.append(f"  {printable(finding['reason'], MAX_SENTENCE_CHARACTERS)}")
    if len(fresh) > _NAMED_FINDINGS:
        lines.append(f"- and {len(fresh) - _NAMED_FINDINGS} more")
    return "\n".join([*lines, "", f"Report: {html_uri}"])
