"""Templates. Whatever they print is escaped, and no character of a stranger's text moves or hides another."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from deploy_scripts.console.context import Console
from drops.text import printable_lines

_TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, *, console: Console, **values: Any) -> str:
    """A template of templates/ as HTML."""
    return _environment().get_template(template).render(console=console, target=console.target, **values)


@cache
def _environment() -> Environment:
    from deploy_scripts.console.pages import NAVIGATION  # noqa: PLC0415 - the pages render by this module

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["navigation"] = NAVIGATION
    environment.filters |= {
        "moment": moment,
        "duration": duration,
        "share": share,
        "size": size,
        "usd": usd,
        "milliseconds": milliseconds,
    }
    return environment


def _cleaned(value: Any) -> Any:
    if isinstance(value, Markup | Undefined):
        return value
    return "" if value is None else printable_lines(value)


def moment(value: str | datetime | None) -> str:
    """`2026-01-31 10:00:05` in UTC; what is no time stays as it is."""
    if not value:
        return "-"
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 05 s`, `2 h 03 min`."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def milliseconds(value: float) -> str:
    """`0.4 ms`, `12 ms`, `2,110 ms`."""
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def share(value: float | None) -> str:
    """A fraction of 1 with three digits, such as an accuracy."""
    return "-" if value is None else f"{value:.3f}"


def size(count: float) -> str:
    """Bytes as a person reads them: `3.1 MB`, by powers of 1000 as S3's bill has them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def usd(amount: float | None) -> str:
    if amount is None:
        return "not known"
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"
