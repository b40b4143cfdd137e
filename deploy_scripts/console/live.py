"""Pages that follow what happens: what changed goes to the browser as Server-Sent Events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import anyio
import anyio.to_thread
from starlette.responses import StreamingResponse

# The local cloud is asked so often that a change shows within a second; each call of AWS costs.
_LOCAL_PAUSE_S = 0.3
_AWS_PAUSE_S = 2.0
_PAUSE_AFTER_ERROR_S = 3.0
# A comment now and then shows a gone browser; htmx would notice a dead server by its own.
_KEEP_ALIVE_S = 15.0
PROBLEM = "problem"
END = "end"


class Feed(Protocol):
    """Something that is followed, by one browser."""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""

    def read(self) -> Mapping[str, str]:
        """The page's parts as they are now, by the name of their event (`sse-swap`), as HTML."""


def stream(feed: Feed, *, is_local: bool, on_error: Callable[[Exception], str]) -> StreamingResponse:
    """The events of a feed: a part whenever it changed, `problem` for an error, `end` at the end."""
    pause_s = _LOCAL_PAUSE_S if is_local else _AWS_PAUSE_S
    return StreamingResponse(_events(feed, pause_s, on_error), media_type="text/event-stream")


async def _events(feed: Feed, pause_s: float, on_error: Callable[[Exception], str]) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    silent_s = 0.0
    while True:
        wait_s = pause_s
        try:
            ended, read = await anyio.to_thread.run_sync(_look, feed, abandon_on_cancel=True)
            parts = {**read, PROBLEM: ""}
        except Exception as error:  # noqa: BLE001 - the page says it and goes on
            ended, parts, wait_s = (
                False,
                {PROBLEM: await anyio.to_thread.run_sync(on_error, error)},
                _PAUSE_AFTER_ERROR_S,
            )
        changed = {name: html for name, html in parts.items() if sent.get(name, "") != html}
        for name, html in changed.items():
            yield event(name, html)
        sent |= changed
        if ended:
            yield event(END, "")
            return
        silent_s = 0.0 if changed else silent_s + wait_s
        if silent_s >= _KEEP_ALIVE_S:
            silent_s = 0.0
            yield ": still here\n\n"
        await anyio.sleep(wait_s)


def _look(feed: Feed) -> tuple[bool, Mapping[str, str]]:
    """In this order: what a feed that has ended shows is its last word."""
    return feed.ended, feed.read()


def event(name: str, html: str) -> str:
    """One event. Each line of its data needs the field's name: https://html.spec.whatwg.org/#server-sent-events"""
    lines = html.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"])
