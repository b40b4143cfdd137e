"""`dropserve audit`: what is wrong with the account's IAM."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.audits import as_asff, as_html, as_sarif, audit_file, run_audit
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from functions.iam_audit.settings import SEVERITIES


@with_target
def audit(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    file: Annotated[
        Path | None,
        typer.Option(help="Audit what `aws iam get-account-authorization-details` wrote; asks no account."),
    ] = None,
    suppressions: Annotated[
        Path | None, typer.Option(help="With --file: findings that somebody answers for (JSON).")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for code scanning.")] = False,
    asff: Annotated[
        bool, typer.Option("--asff", help="Print AWS Security Findings, for Security Hub.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Audit the account's IAM now, or a saved copy of it: counts and findings."""
    if as_json + sarif + asff > 1:
        raise CliError("--json, --sarif and --asff exclude each other.", "Choose one.")
    screen = Screen(as_json=as_json or sarif or asff)
    if suppressions and not file:
        raise CliError(
            "--suppressions goes with --file.",
            "The deployed audit takes those of `dropserve deploy --suppressions FILE`.",
        )
    report, html_uri = _audit(target, file, suppressions)
    if html:
        html.write_text(as_html(report), encoding="utf-8")
    if sarif:
        screen.put_json(as_sarif(report, file))
    elif asff:
        screen.put_json(as_asff(report, target.region))
    elif as_json:
        screen.put_json(report)
    else:
        show_findings(screen, report)
        screen.say(say_counts(report["counts"]))
        screen.say(f"Report: {html or html_uri}" if html or html_uri else "Write the report: --html FILE")


def _audit(target: Target, file: Path | None, suppressions: Path | None) -> tuple[dict[str, Any], str]:
    """The report, and where its page lies; nowhere for a saved file."""
    if file:
        return audit_file(file, pipeline_role_path=f"/{target.stack}/", suppressions=suppressions), ""
    found = run_audit(open_deployment(target))
    return found.report, found.html_uri


def show_findings(screen: Screen, report: dict[str, Any]) -> None:
    table = make_table("severity", "resource", "finding", "why")
    for finding in report["findings"]:
        values = (finding["severity"], finding["resource"], finding["title"], finding["reason"])
        table.add_row(*map(cell, values))
    if report["findings"]:
        screen.show(table)
    for each in report["suppressions"]:
        if each["expired"] and each["findings"]:
            screen.say(
                f"Expired on {each['expires']}, counts again: {each['check']} on {each['resource']} "
                f"({each['owner']}: {each['reason']})",
                style="bold yellow",
            )


def say_counts(counts: dict[str, int]) -> str:
    """`Audit: 0 critical, 1 high, 2 medium, 0 low, 4 informational`."""
    return "Audit: " + ", ".join(f"{counts.get(severity, 0)} {severity}" for severity in SEVERITIES)
