"""The file over ranged reads gives the very bytes of the object, with few requests."""

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drops.problems import BadDropError
from functions.inspect_dataset.ranged_object import BLOCK_BYTES, CACHED_BLOCKS, MAX_READ_BYTES, RangedObject

CONTENT = bytes(range(251)) * (5 * BLOCK_BYTES // 251 + 1)
MOVES = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 3 * BLOCK_BYTES)),
    st.tuples(st.just("seek"), st.integers(0, len(CONTENT) + 10)),
    st.tuples(st.just("from the end"), st.integers(-len(CONTENT), 10)),
)


def over(content: bytes) -> tuple[RangedObject, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def fetch(first: int, last: int) -> bytes:
        assert 0 <= first <= last < len(content), "a range outside the object"
        asked.append((first, last))
        return content[first : last + 1]

    return RangedObject(len(content), fetch), asked


@settings(deadline=None)
@given(length=st.integers(0, len(CONTENT)), moves=st.lists(MOVES, max_size=12))
def test_any_walk_through_it_equals_the_walk_through_plain_bytes(length, moves):
    file, _ = over(CONTENT[:length])
    plain = io.BytesIO(CONTENT[:length])
    for move, number in moves:
        if move == "read":
            assert file.read(number) == plain.read(number)
        elif move == "seek":
            assert file.seek(number) == plain.seek(number)
        elif number + length >= 0:  # before the start a file raises and BytesIO does not: tested below
            assert file.seek(number, os.SEEK_END) == plain.seek(number, os.SEEK_END)
        assert file.tell() == plain.tell()


def test_seeking_before_the_start_raises_as_a_file_does():
    file, _ = over(b"abc")
    with pytest.raises(OSError, match="before the start"):
        file.seek(-4, os.SEEK_END)


def test_small_reads_in_a_block_cost_one_request_and_a_long_read_costs_one_more():
    file, asked = over(CONTENT)
    for _ in range(100):
        file.read(30)
    assert asked == [(0, BLOCK_BYTES - 1)]
    file.seek(0)
    file.read(4 * BLOCK_BYTES)
    assert asked[1:] == [(BLOCK_BYTES, 4 * BLOCK_BYTES - 1)]


def test_old_blocks_are_let_go():
    content = bytes((CACHED_BLOCKS + 1) * BLOCK_BYTES)
    file, asked = over(content)
    for block in [*range(CACHED_BLOCKS + 1), 0]:
        file.seek(block * BLOCK_BYTES)
        file.read(1)
    assert len(asked) == CACHED_BLOCKS + 2


def test_a_read_no_directory_needs_is_refused_before_any_request():
    file = RangedObject(2 * MAX_READ_BYTES, lambda first, last: pytest.fail("asked S3"))
    with pytest.raises(BadDropError, match="split the dataset"):
        file.read()
