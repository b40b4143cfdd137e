"""dropserve.toml: one file instead of option lists, on a cloud that runs."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.project import PROGRAMS

SETTINGS = """
[defaults.parameters]
Contact = "ops@example.org"
[stages.dev]
stack = "dropserve-dev"
[stages.prod]
stack = "dropserve"
"""


@pytest.fixture
def run_in_folder(dropserve: Any, tmp_path: Path) -> Any:
    """A command in the folder of a dropserve.toml."""
    (tmp_path / "dropserve.toml").write_text(SETTINGS)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAMS / "dropserve"), *arguments]
        return subprocess.run(
            command, env=dropserve.environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def test_a_dry_run_says_the_stage_and_where_a_value_stands(run_in_folder: Any) -> None:
    shown = run_in_folder("deploy", "--dry-run", "--stage", "prod")

    assert shown.returncode == 0, shown.stderr
    assert "Stage prod of dropserve.toml: stack dropserve [stages.prod]" in shown.stdout
    place = "(dropserve.toml [defaults.parameters])"
    assert f"  Contact {place}: (nothing) -> ops@example.org" in shown.stdout.splitlines()


def test_a_command_works_on_the_stage_or_asks_which(run_in_folder: Any) -> None:
    assert run_in_folder("status", "--stage", "prod").returncode == 0
    other = run_in_folder("status", "--stage", "dev")
    assert "There is no deployment named dropserve-dev" in other.stderr
    neither = run_in_folder("status")
    assert neither.returncode == 1
    assert "dropserve.toml has the stages dev, prod." in neither.stderr
    assert run_in_folder("deploy", "--stage", "prod", "--parameter", "Wrong=1").returncode == 1
