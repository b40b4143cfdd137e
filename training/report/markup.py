"""Pieces of HTML; every text from outside is escaped, and nothing is loaded from elsewhere."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from drops.text import printable
from training.report.style import STYLE


def page(title: str, sections: Iterable[str], more_style: str = "") -> str:
    """A whole page, with more style than the report has."""
    style = STYLE + more_style
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def text(value: object) -> str:
    """On one line, escaped."""
    return escape(printable(value))


def name(value: str) -> str:
    """A name within a sentence: one that is written from right to left turns nothing around it."""
    return f"<bdi>{text(value)}</bdi>"


def section(title: str, lead: str, body: str, css_class: str = "") -> str:
    """A part of a page; `body` is HTML."""
    return (
        f"<section><h2>{text(title)}</h2>{f'<p>{text(lead)}</p>' if lead else ''}"
        f'<div class="{css_class}">{body}</div></section>'
    )


def table(heads: Sequence[str], rows: str) -> str:
    """A table; `rows` is HTML."""
    cells = "".join(f"<th>{text(head)}</th>" for head in heads)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def data_uri(content_type: str, content: bytes) -> str:
    """A picture that is a part of the page."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"
