"""Many things, a page of them at a time."""

from typing import NamedTuple

# What no list has so many pages of.
_LONGEST_NUMBER = 6


class Part(NamedTuple):
    """`page` of `pages`, from 1; its things are those from `first` to before `last`."""

    page: int
    pages: int
    first: int
    last: int


def part_of(total: int, wanted: str, on_a_page: int) -> Part:
    """The page `wanted` of `total` things: the first for what is no number, the last for one beyond it."""
    pages = max(1, -(-total // on_a_page))
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= _LONGEST_NUMBER
    page = min(max(int(wanted) if is_number else 1, 1), pages)
    return Part(page, pages, (page - 1) * on_a_page, page * on_a_page)
