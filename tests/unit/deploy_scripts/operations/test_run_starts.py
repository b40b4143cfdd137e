"""The run that a drop begins."""

import shlex
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.runs import starts


@pytest.mark.parametrize(
    "key", ["drops/a b.zip", "drops/$(touch x).zip", "drops/a;b/_SUCCESS", "drops/it's.zip", "drops/`id`.zip"]
)
def test_the_command_to_start_a_run_by_hand_is_one_to_copy(
    stubbed: Any, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(starts, "_LIMIT_S", 0)

    with pytest.raises(CliError) as refusal:
        starts.wait_for_drop(stubbed.deployment, key, "v1")

    command = refusal.value.advice.removeprefix("Start one by hand: `").partition("`; ")[0]
    assert shlex.split(command) == ["dropserve", "run", "--key", key]
