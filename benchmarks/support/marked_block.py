"""A part of a page that a program writes, between two marks."""

import re
from pathlib import Path


def write_block(page: Path, mark: str, block: str) -> None:
    """Put `block`, which ends a line, between `<!-- mark: begin -->` and `<!-- mark: end -->`."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    written = f"{begin}\n{block}{end}"
    text = page.read_text("utf-8")
    page.write_text(re.sub(f"{begin}.*{end}", lambda _: written, text, flags=re.DOTALL), "utf-8")
