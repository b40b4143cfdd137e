"""The bench of the embedded cloud's tests."""

from collections.abc import Callable
from typing import Any

import pytest
from cloud_bench import Bench


@pytest.fixture(scope="session")
def bench(cloud_client: Callable[..., Any]) -> Bench:
    return Bench(cloud_client)
