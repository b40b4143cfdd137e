"""What a person and a script see: text on the screen, or one JSON document on stdout."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy_scripts.errors import CliError

_WIDTH_IN_A_FILE = 200
_LOG_PAUSE_S = 5.0


class Screen:
    """Says what happens; in JSON mode everything but the document goes to stderr."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = make_console(stderr=as_json)

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line; text from outside is never read as markup."""
        self.console.print(Text(text, style=style or ""), soft_wrap=True)

    def done(self, text: str) -> None:
        self.console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)

    def show(self, thing: Table) -> None:
        self.console.print(thing)

    @contextmanager
    def moving(self, what: str) -> Iterator[Callable[[str], None]]:
        """Small steps of one thing: a line that moves on a terminal, in a log a line every few seconds."""
        if not self.console.is_terminal:
            yield _now_and_then(self.say)
            return
        with self.console.status(escape(what)) as status:
            yield lambda step: status.update(escape(f"{what}: {step}"))

    def put_json(self, document: Any) -> None:
        """The document, alone on stdout."""
        sys.stdout.write(json.dumps(document, indent=2, default=_to_json) + "\n")
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
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_IN_A_FILE
    return console


def print_error(error: CliError) -> None:
    """The sentence and the advice, on stderr."""
    console = make_console(stderr=True)
    console.print(f"[bold red]Error:[/] {escape(error.message)}", soft_wrap=True)
    if error.advice:
        console.print(escape(error.advice), soft_wrap=True)


def make_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def cell(value: Any) -> Text:
    """A table's cell: `-` for nothing, never read as markup."""
    return Text("-" if value is None else str(value))


def _to_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
