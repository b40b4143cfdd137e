"""`python -m functions.iam_audit FILE`: audit a saved `aws iam get-account-authorization-details`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from drops.text import printable
from functions.common.errors import DropserveError
from functions.iam_audit.reading.saved import audit_saved
from functions.iam_audit.settings import Settings


def main() -> int:
    """0 when the file was audited, 2 when it could not be."""
    options = _options()
    try:
        report = audit_saved(
            options.file, Settings(data_bucket="", pipeline_role_path=options.pipeline_role_path)
        )
    except DropserveError as error:
        print(printable(error), file=sys.stderr)
        return 2
    if options.json:
        json.dump(report, sys.stdout)
        print()
    else:
        _print(report)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m functions.iam_audit", description=__doc__)
    parser.add_argument("file", type=Path, help="what `aws iam get-account-authorization-details` wrote")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument(
        "--pipeline-role-path", default="/dropserve/", help="IAM path of the pipeline's roles"
    )
    return parser.parse_args()


def _print(report: dict[str, Any]) -> None:
    for finding in report["findings"]:
        line = f"{finding['severity']:13} {finding['check']:32} {finding['resource']}: {finding['reason']}"
        print(printable(line))
    print(", ".join(f"{count} {severity}" for severity, count in report["counts"].items()))


if __name__ == "__main__":
    sys.exit(main())
