"""Keeps freed memory in the process: half of a forward pass on glibc goes into page faults otherwise."""

import ctypes
import sys

# From <malloc.h>; see mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8

_MIB = 1 << 20


def keep_freed_memory() -> bool:
    """Tell glibc not to hand each large activation back to the kernel; call it before the first forward pass.

    False where there is no `mallopt` (macOS, Windows, musl): nothing is changed then.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = [
        (_M_ARENA_MAX, 1),  # the heaps of further threads end at 64 MiB, and what is larger is unmapped again
        (_M_MMAP_MAX, 0),  # never give a block a mapping of its own, which is unmapped when freed
        (_M_TRIM_THRESHOLD, 2048 * _MIB - 1),  # keep up to 2 GiB of free heap
        (_M_TOP_PAD, 64 * _MIB),  # grow the heap in steps of 64 MiB
    ]
    results = [mallopt(name, value) for name, value in settings]
    return all(result == 1 for result in results)
