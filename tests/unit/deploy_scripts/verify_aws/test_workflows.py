"""A workflow of GitHub Actions with a mistake is told."""

from pathlib import Path

import pytest

from deploy_scripts.verify_aws import workflows
from tests.unit.deploy_scripts.verify_aws.conftest import Seeded


@pytest.mark.slow
def test_actionlint_finds_what_github_would_refuse(
    seeded: Seeded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = workflows.WORKFLOWS[1].read_text("utf-8")
    for name, text in (("sound.yml", sound), ("broken.yml", sound.replace("runs-on:", "runs-at:"))):
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setattr(workflows, "ROOT", tmp_path)
    monkeypatch.setattr(workflows, "WORKFLOWS", (tmp_path / "sound.yml",))
    assert workflows.check(seeded()).problems == ()
    monkeypatch.setattr(workflows, "WORKFLOWS", (tmp_path / "broken.yml",))
    (problem,) = workflows.check(seeded()).problems
    assert "runs-at" in problem
