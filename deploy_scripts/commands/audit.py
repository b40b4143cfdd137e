"""`dropserve audit`: what is wrong with the account's IAM."""

from deploy_scripts.aws import Target
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.pipeline.audits import SEVERITIES, Audit, run_audit
from deploy_scripts.pipeline.deployment import open_deployment
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def audit(target: Target, as_json: JsonOption = False) -> None:
    """Audit the account's IAM now: counts and findings."""
    screen = Screen(as_json=as_json)
    found = run_audit(open_deployment(target))
    if as_json:
        screen.put_json(found.report)
        return
    show_findings(screen, found)
    screen.say(say_counts(found.counts))
    screen.say(f"Report: {found.html_uri}")


def show_findings(screen: Screen, found: Audit) -> None:
    findings = sorted(found.report["findings"], key=lambda finding: SEVERITIES.index(finding["severity"]))
    table = make_table("severity", "resource", "finding")
    for finding in findings:
        table.add_row(cell(finding["severity"]), cell(finding["resource"]), cell(finding["title"]))
    if findings:
        screen.show(table)


def say_counts(counts: dict[str, int]) -> str:
    """`Audit: 0 critical, 1 high, 2 medium, 0 low, 4 informational`."""
    return "Audit: " + ", ".join(f"{counts.get(severity, 0)} {severity}" for severity in SEVERITIES)
