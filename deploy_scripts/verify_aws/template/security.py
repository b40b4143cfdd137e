"""checkov: rules of security on both templates."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from deploy_scripts.verify_aws.accepted import Finding, read_accepted, sift
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.own_packages import python_program


def check(subject: Subject) -> Result:
    """Nothing but what is accepted is found."""
    files = [
        argument for file in (subject.template, subject.images_template) for argument in ("-f", str(file))
    ]
    command = [
        "--framework",
        "cloudformation",
        *files,
        "--output",
        "json",
        "--quiet",
        "--compact",
        "--skip-download",
    ]
    result = subprocess.run(
        [python_program("checkov"), *command], check=False, capture_output=True, text=True
    )
    if result.returncode not in (0, 1):
        return Result("no template", (f"checkov ended in an error: {result.stderr}",))
    report = json.loads(result.stdout)
    summary = report["summary"]
    accepted, problems = sift(_findings(report["results"]["failed_checks"]), read_accepted("checkov"))
    if summary["parsing_errors"]:
        problems = (*problems, f"checkov could not read {summary['parsing_errors']} templates")
    counted = (
        f"{summary['passed']} passed, {accepted} findings accepted, {summary['resource_count']} resources"
    )
    return Result(counted, problems)


def _findings(failed: list[dict[str, Any]]) -> Iterator[Finding]:
    for each in failed:
        yield Finding(each["check_id"], each["resource"].rpartition(".")[2], f"checkov: {each['check_name']}")
