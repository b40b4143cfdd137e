"""A console whose deployment answers what a test wrote down, and a client that came by its link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from deploy_scripts.aws import Target
from deploy_scripts.console import context
from deploy_scripts.console.app import make_app
from deploy_scripts.console.context import Console
from deploy_scripts.console.security import Gate

GATE = Gate(4590)


@pytest.fixture
def console(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(context, "open_deployment", lambda target: stubbed.deployment)
    return Console(Target())


@pytest.fixture
def stranger(console: Console) -> Iterator[TestClient]:
    """A client without the cookie."""
    with TestClient(make_app(console, GATE), base_url=GATE.origin) as client:
        yield client


@pytest.fixture
def browser(stranger: TestClient) -> TestClient:
    """A client that opened the link, and sends the Origin that a browser does."""
    assert stranger.get(GATE.opening_link).status_code == 200
    return stranger


@pytest.fixture
def own() -> dict[str, str]:
    """What a browser says of a form of the console's own."""
    return {"Origin": GATE.origin, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def gate() -> Gate:
    return GATE
