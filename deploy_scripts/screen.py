"""What a person and a script see: text on the screen, or one JSON document on stdout.

Nothing else of deploy_scripts prints. Whatever passes here is cleaned: names, keys, log lines and messages
are strangers' words, and none of them may move the cursor, reorder a line or begin one.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from deploy_scripts.errors import CliError
from drops.text import printable, printable_lines

_WIDTH_IN_A_FILE = 200
_LOG_PAUSE_S = 5.0


class SafeConsole(Console):
    """A console that escapes every unsafe character of a text, whoever hands it over."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """rich's own control codes are segments of their own kind, and pass."""
        return map(_safe_segment, super().render(renderable, options))


def _safe_segment(segment: Segment) -> Segment:
    if segment.control or segment.text == "\n" or segment.text.isprintable():
        return segment
    return Segment(printable_lines(segment.text), segment.style)


class Screen:
    """Says what happens; in JSON mode everything but the document goes to stderr."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = make_console(stderr=as_json)
        self._status = self.console.status("")

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line, whatever the text holds; it is never read as markup."""
        self.console.print(Text(printable(text), style=style or ""), soft_wrap=True)

    def say_lines(self, text: str, *, indent: int = 0) -> None:
        """A text that may have lines of its own; all but the first stand `indent` characters further in."""
        lines = printable_lines(text).split("\n")
        self.console.print(Text(("\n" + " " * indent).join(lines)), soft_wrap=True)

    def mark(self, mark: str, style: str, text: str) -> None:
        """One line after a coloured mark."""
        self.console.print(Text.assemble((f"{mark} ", style), printable(text)), soft_wrap=True)

    def done(self, text: str) -> None:
        self.mark("✓", "green", text)

    def show(self, thing: Table) -> None:
        self.console.print(thing)

    @contextmanager
    def moving(self, what: str) -> Iterator[Callable[[str], None]]:
        """Small steps of one thing: a line that moves on a terminal, in a log a line every few seconds."""
        if not self.console.is_terminal:
            yield _now_and_then(self.say)
            return
        with self.console.status(Text(printable(what))) as self._status:
            yield lambda step: self._status.update(Text(printable(f"{what}: {step}")))

    def confirm(self, question: str) -> bool:
        """A yes or no of whoever sits there; the line that moves stands still meanwhile."""
        if self.console.is_terminal:
            self._status.stop()
        answer = typer.confirm(printable(question), err=self.as_json)
        if self.console.is_terminal:
            self._status.start()
        return answer

    def put_json(self, document: Any) -> None:
        """The document, alone on stdout; what is not ASCII is escaped, so that no terminal obeys it."""
        _write_json(json.dumps(document, indent=2, default=_to_json))

    def put_json_line(self, document: Any) -> None:
        """One of many documents, on a line of its own."""
        _write_json(json.dumps(document, default=_to_json))


def _write_json(text: str) -> None:
    # JSON leaves this one control character as it is.
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")
    sys.stdout.flush()


def _now_and_then(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say`, but silent until the pause since the last line is over."""
    last = time.monotonic()

    def say_at_times(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LOG_PAUSE_S:
            last = time.monotonic()
            say(text)

    return say_at_times


def make_console(*, stderr: bool = False) -> Console:
    """A console that does not fold a table to 80 columns where nobody looks at a terminal."""
    console = SafeConsole(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_IN_A_FILE
    return console


def print_error(error: CliError) -> None:
    """The sentence, its details and the advice, on stderr."""
    console = make_console(stderr=True)
    sentence = Text.assemble(("Error:", "bold red"), f" {printable(error.message)}")
    for line in (sentence, *(f"  {printable(detail)}" for detail in error.details), printable(error.advice)):
        if line:
            console.print(Text(line) if isinstance(line, str) else line, soft_wrap=True)


def keep_printing() -> None:
    """A terminal that lacks a character, such as ✓, shows its escape: it is no reason to end."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def make_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def cell(value: Any, max_characters: int | None = None) -> Text:
    """A table's cell, on one line: `-` for nothing, never read as markup; a longer text is cut."""
    return Text("-" if value is None else printable(value, max_characters))


def cell_of_lines(lines: Iterable[str]) -> Text:
    """A table's cell with a line for each of these."""
    return Text("\n".join(map(printable, lines)))


def _to_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
