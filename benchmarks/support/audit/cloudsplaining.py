"""cloudsplaining, the peer of the audit, in an environment of its own: its libraries clash with ours."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from uv import find_uv_bin

_PROJECT = Path(__file__).resolve().parents[3]
_LOCK = _PROJECT / "benchmarks" / "cloudsplaining.lock"
_PINS = _LOCK.read_text("utf-8")
VERSION = re.findall(r"^cloudsplaining==(\S+)", _PINS, re.MULTILINE)[0]
_HOME = _PROJECT / ".dropserve" / "benchmarks" / f"cloudsplaining-{sha256(_PINS.encode()).hexdigest()[:16]}"

RISK_CLASSES = (
    "PrivilegeEscalation",
    "ResourceExposure",
    "DataExfiltration",
    "CredentialsExposure",
    "InfrastructureModification",
    "ServiceWildcard",
)


@dataclass(frozen=True)
class Claim:
    """What cloudsplaining says of a role: a risk class, and the actions (or services, or paths) behind it."""

    role_arn: str
    risk_class: str
    policy: str
    evidence: tuple[str, ...]


def prepared_python() -> Path:
    """The Python of cloudsplaining's environment, which the first call makes of this Python and the lock."""
    python = _HOME / "bin" / "python"
    if not (_HOME / "ready").is_file():
        exactly = ["--no-deps", "--require-hashes", "--requirement", _LOCK]
        for arguments in (
            ["venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, _HOME],
            ["pip", "install", "--quiet", "--python", python, *exactly],
        ):
            command = [find_uv_bin(), *map(str, arguments)]
            subprocess.run(command, check=True, env={**os.environ, "VIRTUAL_ENV": ""})
        (_HOME / "ready").touch()
    return python


def scan_arguments(account: Path, output: Path) -> list[str | Path]:
    """The arguments for that Python: `cloudsplaining scan` as its manual says, without opening a browser."""
    return [_HOME / "bin" / "cloudsplaining", "scan", "-i", account, "-o", output, "-s"]


def read_claims(output: Path, account: Path) -> list[Claim]:
    """Every claim about a role in the findings that a scan of the account left."""
    findings = json.loads((output / f"iam-findings-{account.stem}.json").read_text("utf-8"))
    claims = []
    for role in findings["roles"].values():
        for kind in ("inline_policies", "customer_managed_policies", "aws_managed_policies"):
            for policy_id in role[kind]:
                claims += _claims(role["arn"], findings[kind].get(policy_id, {}))
    return claims


def _claims(role_arn: str, policy: Mapping[str, Any]) -> list[Claim]:
    claims = []
    for risk_class in RISK_CLASSES:
        for evidence in policy.get(risk_class, {}).get("findings", ()):
            actions = evidence["actions"] if isinstance(evidence, dict) else [evidence]
            claims.append(Claim(role_arn, risk_class, policy["PolicyName"], tuple(actions)))
    return claims
