"""Cells of a table that a person opens in a spreadsheet: none begins as a formula does."""

from drops.text import printable

# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"


def guarded(cell: str) -> str:
    """The cell, safe to show, with a quote before what a spreadsheet would take for a formula."""
    safe = printable(cell)
    return _QUOTE + safe if safe.startswith((*_FORMULA_STARTS, _QUOTE)) else safe


def unguarded(cell: str) -> str:
    """The cell without that quote."""
    return cell.removeprefix(_QUOTE)
