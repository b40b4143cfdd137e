"""A remote object as a seekable, read-only file, read by ranges."""

import errno
import io
import os
from collections import OrderedDict
from collections.abc import Callable

from drops.problems import BadDropError

BLOCK_BYTES = 64 * 1024
CACHED_BLOCKS = 32
# zipfile reads a whole directory at once: 64 MiB holds more entries than MAX_IMAGES.
MAX_READ_BYTES = 64 * 1024**2


class RangedObject(io.RawIOBase):
    """A file of `size_bytes` over `fetch(first, last)`, which gives the bytes of that range, ends included.

    Blocks of 64 KiB are kept, so that the small reads of a zip reader cost one request a block; blocks that
    lie side by side and are missing come in one request, however many they are.
    """

    def __init__(self, size_bytes: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size_bytes = size_bytes
        self._fetch = fetch
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raises OSError (EINVAL) for a place before the start, as a file on disk does."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "seek before the start of the object")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Raises BadDropError when more is asked for in one read than any sound directory holds."""
        # RawIOBase.read would first allocate `size` bytes, which a damaged archive may put at any number.
        wanted = self._size_bytes if size is None or size < 0 else size
        data = self._read_at(self._position, wanted)
        self._position += len(data)
        return data

    def _read_at(self, start: int, length: int) -> bytes:
        end = min(start + length, self._size_bytes)
        if end <= start:
            return b""
        if end - start > MAX_READ_BYTES:
            raise BadDropError(
                "directory_too_large",
                f"the zip's table of contents is over {MAX_READ_BYTES // 1024**2} MiB: "
                "split the dataset into smaller zips",
            )
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        blocks = self._load(first, last)
        joined = b"".join(blocks)
        offset = start - first * BLOCK_BYTES
        return joined[offset : offset + end - start]

    def _load(self, first: int, last: int) -> list[bytes]:
        """The blocks from first to last: those in the cache, and each run of missing ones in one request."""
        found = {number: self._blocks[number] for number in range(first, last + 1) if number in self._blocks}
        number = first
        while number <= last:
            if number in found:
                number += 1
                continue
            run_end = number
            while run_end < last and run_end + 1 not in found:
                run_end += 1
            data = self._fetch(number * BLOCK_BYTES, min((run_end + 1) * BLOCK_BYTES, self._size_bytes) - 1)
            for index in range(run_end - number + 1):
                found[number + index] = data[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]
            number = run_end + 1
        for number in range(first, last + 1):
            self._keep(number, found[number])
        return [found[number] for number in range(first, last + 1)]

    def _keep(self, number: int, block: bytes) -> None:
        self._blocks[number] = block
        self._blocks.move_to_end(number)
        if len(self._blocks) > CACHED_BLOCKS:
            self._blocks.popitem(last=False)
