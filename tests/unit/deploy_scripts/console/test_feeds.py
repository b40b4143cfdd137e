"""Live parts: what changed is sent, an error is told, the end ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from deploy_scripts.console import live
from deploy_scripts.console.live import event, stream


class Counting:
    """A feed of three readings; the second one fails."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def ended(self) -> bool:
        return self.count >= 3

    def read(self) -> Mapping[str, str]:
        self.count += 1
        if self.count == 2:
            raise ValueError("gone for a moment")
        return {"still": "<p>same</p>", "moving": f"<p>{self.count}</p>"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LOCAL_PAUSE_S", "_PAUSE_AFTER_ERROR_S"):
        monkeypatch.setattr(live, name, 0)


def test_a_part_is_sent_when_it_changed() -> None:
    async def read_all() -> str:
        answer = stream(Counting(), is_local=True, on_error=lambda error: f"<p>{error}</p>")
        assert answer.media_type == "text/event-stream"
        return "".join([str(each) async for each in answer.body_iterator])

    sent = asyncio.run(read_all())
    assert sent.split("\n\n") == [
        *("event: still\ndata: <p>same</p>", "event: moving\ndata: <p>1</p>"),
        "event: problem\ndata: <p>gone for a moment</p>",
        *("event: moving\ndata: <p>3</p>", "event: problem\ndata: "),
        *("event: moving\ndata: <p>4</p>", "event: end\ndata: ", ""),
    ]


def test_every_line_of_a_part_stays_in_its_event() -> None:
    assert event("x", "a\r\nb\n\nevent: end") == "event: x\ndata: a\ndata: b\ndata: \ndata: event: end\n\n"
