"""How many threads torch computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def all_threads(threads: int) -> Iterator[None]:
    """One step uses every core: unlike a pass over many batches, it has only one batch at a time."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
