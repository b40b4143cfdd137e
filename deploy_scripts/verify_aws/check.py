"""What every check gets, and what it answers."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.project import IMAGES_TEMPLATE, SCORING_STATE_MACHINE, STATE_MACHINE, TEMPLATE


@dataclass(frozen=True)
class Subject:
    """What is checked: the files that a deployment sends, and the day on which it is."""

    state_machine: Path
    template: Path
    images_template: Path
    today: date
    scoring_machine: Path = SCORING_STATE_MACHINE

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The state machine, with ${Name} where the template has a substitution."""
        definition: dict[str, Any] = json.loads(self.state_machine.read_text("utf-8"))
        return definition

    @cached_property
    def scoring(self) -> dict[str, Any]:
        """The same of the state machine that scores photos."""
        definition: dict[str, Any] = json.loads(self.scoring_machine.read_text("utf-8"))
        return definition

    @cached_property
    def main(self) -> dict[str, Any]:
        return read_template(self.template)

    @cached_property
    def images(self) -> dict[str, Any]:
        return read_template(self.images_template)

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """File name -> template."""
        return {self.template.name: self.main, self.images_template.name: self.images}


@dataclass(frozen=True)
class Result:
    """`counted` says in a few words how much was looked at; `problems` has one sentence each."""

    counted: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def this_project(today: date) -> Subject:
    """The files of this repository."""
    return Subject(STATE_MACHINE, TEMPLATE, IMAGES_TEMPLATE, today)
