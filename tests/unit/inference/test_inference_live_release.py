"""The live pointer: cached, read again on demand, and kept while SSM fails."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.inference.errors import NoLiveModelError, PausedError, PointerUnreadableError
from functions.inference.live_release import LivePointer, Release
from tests.unit.inference.aws_replies import RELEASE, RUN_ID, live_pointer_value

LIVE = Release(RELEASE, RELEASE, RUN_ID)
NEWER_ID = "f" * 32
NEWER = Release(f"dropserve-{NEWER_ID}", f"dropserve-{NEWER_ID}", NEWER_ID)


class Parameter:
    """An SSM client that holds one parameter; None makes it fail, "absent" is none yet."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.reads = 0

    def get_parameter(self, *, Name: str) -> dict[str, dict[str, str]]:  # noqa: N803
        assert Name == "/dropserve/live"
        self.reads += 1
        if self.value is None:
            raise EndpointConnectionError(endpoint_url="https://ssm.test")
        if self.value == "absent":
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Value": self.value}}


@pytest.fixture
def live_pointer() -> Callable[..., LivePointer]:
    def make(parameter: Parameter, cache_s: int = 60) -> LivePointer:
        return LivePointer("/dropserve/live", cache_s=cache_s, ssm=lambda: parameter)

    return make


def test_the_pointer_is_read_once_while_it_is_cached(live_pointer: Callable[..., LivePointer]) -> None:
    parameter = Parameter(live_pointer_value())
    pointer = live_pointer(parameter)

    assert [pointer.current() for _ in range(3)] == [LIVE] * 3
    assert parameter.reads == 1


def test_without_a_cache_each_request_reads(live_pointer: Callable[..., LivePointer]) -> None:
    parameter = Parameter(live_pointer_value())
    pointer = live_pointer(parameter, cache_s=0)

    assert pointer.current() == LIVE
    parameter.value = live_pointer_value(NEWER_ID)
    assert pointer.current() == NEWER


def test_reread_goes_past_the_cache_and_refreshes_it(live_pointer: Callable[..., LivePointer]) -> None:
    parameter = Parameter(live_pointer_value())
    pointer = live_pointer(parameter)
    pointer.current()
    parameter.value = live_pointer_value(NEWER_ID)

    assert pointer.current() == LIVE
    assert pointer.reread() == NEWER
    assert pointer.current() == NEWER
    assert parameter.reads == 2


@pytest.mark.parametrize("value", ["absent", "{}"])
def test_before_the_first_release_no_model_is_live(
    live_pointer: Callable[..., LivePointer], value: str
) -> None:
    pointer = live_pointer(Parameter(value))

    for _ in range(2):
        with pytest.raises(NoLiveModelError, match="no model is live"):
            pointer.current()


@pytest.mark.parametrize(
    "broken", [None, "not json", "[]", '"text"', "null", '{"release": "x"}', '{"run_id": 7}']
)
def test_the_cached_release_serves_while_the_pointer_cannot_be_read(
    live_pointer: Callable[..., LivePointer], broken: str | None
) -> None:
    parameter = Parameter(live_pointer_value())
    pointer = live_pointer(parameter)
    pointer.current()
    parameter.value = broken

    assert pointer.reread() == LIVE
    parameter.value = live_pointer_value(NEWER_ID)
    assert pointer.reread() == NEWER
    assert pointer.current() == NEWER


def test_a_failing_ssm_does_not_slow_each_request_down() -> None:
    parameter = Parameter(live_pointer_value())
    pointer = LivePointer("/dropserve/live", cache_s=60, ssm=lambda: parameter)
    pointer.current()
    parameter.value = None
    pointer.reread()  # as if the cached value had grown too old

    assert [pointer.current() for _ in range(3)] == [LIVE] * 3
    assert parameter.reads == 2


@pytest.mark.parametrize("broken", [None, "not json", "[]", json.dumps({"release": "x"})])
def test_with_no_earlier_value_an_unreadable_pointer_is_an_error(
    live_pointer: Callable[..., LivePointer], broken: str | None
) -> None:
    parameter = Parameter(broken)
    pointer = live_pointer(parameter)

    with pytest.raises(PointerUnreadableError):
        pointer.current()
    parameter.value = live_pointer_value()
    assert pointer.reread() == LIVE


def test_a_paused_release_says_so_and_what_to_do(live_pointer: Callable[..., LivePointer]) -> None:
    value = json.dumps({**json.loads(live_pointer_value()), "paused_at": "2026-11-01T00:00:00Z"})

    with pytest.raises(PausedError, match=r"`dropserve resume`.* about 7 minutes"):
        live_pointer(Parameter(value)).current()


def with_canary(**canary: object) -> str:
    """A pointer whose canary is the newer release."""
    named = {"release": NEWER.release, "endpoint_name": NEWER.endpoint_name, "run_id": NEWER_ID}
    return json.dumps({**json.loads(live_pointer_value()), "canary": {**named, **canary}})


def test_a_canary_gets_its_share_of_the_requests(live_pointer: Callable[..., LivePointer]) -> None:
    pointer = live_pointer(Parameter(with_canary(share=0.25)))
    asked = [pointer.current() for _ in range(2000)]
    assert set(asked) == {LIVE, NEWER._replace(track="canary")}
    assert 350 < sum(each.track == "canary" for each in asked) < 650
    assert {pointer.without_canary() for _ in range(50)} == {LIVE}


@pytest.mark.parametrize(
    "canary", [{}, {"share": 0}, {"share": "all"}, {"share": None}, {"share": 1, "endpoint_name": 7}], ids=str
)
def test_a_canary_without_a_sound_share_gets_none(
    live_pointer: Callable[..., LivePointer], canary: dict[str, object]
) -> None:
    pointer = live_pointer(Parameter(with_canary(**canary)))
    assert {pointer.current() for _ in range(50)} == {LIVE}
