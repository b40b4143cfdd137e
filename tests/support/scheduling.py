"""Which tests one worker takes: those of a file, or of a folder of end_to_end/, which shares a deployment.

The cases of `make faults` go one by one to whoever is free: each worker has a cloud for them.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

_EACH_BY_ITSELF = "every_case.py"
# They have clouds of their own.
_APART = (
    "test_network_and_key.py",
    "test_new_account.py",
    "test_serverless.py",
    "test_verify_permissions.py",
)


class Scheduling(LoadScopeScheduling):
    """Hands out files in the order of their collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if file.rpartition("/")[2] == _EACH_BY_ITSELF:
            return nodeid
        folder, _, name = file.rpartition("/")
        return folder if "end_to_end/" in folder and name not in _APART else file


def slowest_first(items: list[pytest.Item]) -> None:
    """Sort: what is long and begins last, the other workers wait for at the end."""
    items.sort(key=lambda item: not ("/end_to_end/" in str(item.path) or _is_slow(item)))


def _is_slow(item: pytest.Item) -> bool:
    return "/unit/training/" in str(item.path) or item.get_closest_marker("slow") is not None
