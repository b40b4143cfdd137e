"""The cores that a program may use."""

import os


def count_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    return len(usable_cores()) or os.cpu_count() or 1


def usable_cores(process_id: int = 0) -> list[int]:
    """The numbers of the cores that a process may use (0: this one); none where the system does not tell."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return sorted(affinity(process_id)) if affinity else []
