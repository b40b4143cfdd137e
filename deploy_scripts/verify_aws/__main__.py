"""`python -m deploy_scripts.verify_aws [CHECK ...]`: every check, or those named, with one line each."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

from deploy_scripts.screen import Screen, keep_printing
from deploy_scripts.verify_aws import sizes, support, workflows
from deploy_scripts.verify_aws.check import Result, Subject, this_project
from deploy_scripts.verify_aws.machine import calls, interpreter, language, price
from deploy_scripts.verify_aws.template import event_patterns, lint, permissions, policies, security
from state_machines.asl_validator import InstallError

CHECKS: dict[str, Callable[[Subject], Result]] = {
    "interpreter": interpreter.check,
    "language": language.check,
    "calls": calls.check,
    "cfn-lint": lint.check,
    "checkov": security.check,
    "policies": policies.check,
    "permissions": permissions.check,
    "events": event_patterns.check,
    "sizes": sizes.check,
    "support": support.check,
    "workflows": workflows.check,
    "price": price.check,
}
IN_OWN_PROCESSES = ("language", "cfn-lint", "checkov", "events", "workflows")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each check found; 1 when one is red."""
    parser = argparse.ArgumentParser(prog="python -m deploy_scripts.verify_aws", description=__doc__)
    parser.add_argument(
        "checks", nargs="*", metavar="CHECK", help=f"of {', '.join(CHECKS)}; all unless named"
    )
    parser.add_argument(
        "--today", type=date.fromisoformat, default=datetime.now(UTC).date(), help="2026-12-31"
    )
    parser.add_argument("--notes", action="store_true", help="every size and every end of support, too")
    options = parser.parse_args(arguments)
    if unknown := set(options.checks) - CHECKS.keys():
        parser.error(f"there is no check {', '.join(sorted(unknown))}")
    keep_printing()
    screen = Screen()
    subject = this_project(options.today)
    names = options.checks or list(CHECKS)
    begun = time.monotonic()
    # The programs of others run in processes of their own, beside what is checked in this one.
    with ThreadPoolExecutor(1) as lane:
        beside = {name: lane.submit(_run, name, subject) for name in names if name in IN_OWN_PROCESSES}
        red = []
        for name in names:
            result = beside[name].result() if name in beside else _run(name, subject)
            if not _say(screen, name, result, notes=options.notes):
                red.append(name)
    ended = f"{len(names) - len(red)} ok, {len(red)} failed in {time.monotonic() - begun:.0f} s"
    screen.say(f"verify-aws: {ended}{': ' + ', '.join(red) if red else ''}")
    return 1 if red else 0


def _run(name: str, subject: Subject) -> Result:
    try:
        return CHECKS[name](subject)
    except InstallError as error:
        return Result("nothing", (str(error),))


def _say(screen: Screen, name: str, result: Result, *, notes: bool) -> bool:
    """Say a check's line and what is wrong; whether nothing is."""
    ok = not result.problems
    screen.say(f"{'ok    ' if ok else 'FAILED'} {name:12} {result.counted}")
    for sentence in result.problems:
        screen.say(f"         {sentence}")
    for sentence in result.notes if notes else ():
        screen.say(f"         - {sentence}")
    return ok


if __name__ == "__main__":
    sys.exit(main())
