"""This project's state machine and templates, with mistakes."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.project import IMAGES_TEMPLATE, STATE_MACHINE, TEMPLATE
from deploy_scripts.verify_aws.check import Subject

Seeded = Callable[..., Subject]


@pytest.fixture
def seeded(tmp_path: Path) -> Seeded:
    """A subject whose state machine a function has changed, and whose template has other texts in it."""

    def make(
        change: Callable[[dict[str, Any]], None] = lambda _: None,
        *,
        texts: dict[str, str] | None = None,
        today: date = date(2026, 11, 29),
    ) -> Subject:
        definition = json.loads(STATE_MACHINE.read_text("utf-8"))
        change(definition["States"])
        machine, template = tmp_path / "machine.asl.json", tmp_path / "template.yaml"
        machine.write_text(json.dumps(definition), "utf-8")
        written = TEMPLATE.read_text("utf-8")
        for old, new in (texts or {}).items():
            assert old in written
            written = written.replace(old, new, 1)
        template.write_text(written, "utf-8")
        return Subject(machine, template, IMAGES_TEMPLATE, today)

    return make
