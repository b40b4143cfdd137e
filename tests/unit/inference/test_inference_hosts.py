"""Hosts that a deployment allows or denies by name."""

import pytest

from functions.inference.addresses import checked_addresses
from functions.inference.deadlines import Deadline
from functions.inference.errors import ForbiddenAddressError
from functions.inference.hosts import HostRules
from functions.inference.image_urls import parse_image_url


def is_allowed(url: str, rules: HostRules) -> bool:
    try:
        checked_addresses(
            parse_image_url(url), Deadline.after(5), hosts=rules, resolve=lambda *_: ["93.184.216.34"]
        )
    except ForbiddenAddressError:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://photos.test/", True),
        ("https://PHOTOS.test./", True),
        ("https://cdn.example.com/", True),
        ("https://a.b.example.com/", True),
        ("https://example.com/", False),
        ("https://notexample.com/", False),
        ("https://example.com.evil.test/", False),
        ("https://a.photos.test/", False),
        ("https://93.184.216.34/", False),
    ],
)
def test_only_the_named_hosts_when_some_are(url: str, expected: bool) -> None:
    rules = HostRules(only=frozenset({"photos.test", "*.example.com"}))

    assert is_allowed(url, rules) is expected
    assert is_allowed(url, HostRules())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://tracker.test/", False),
        ("https://TRACKER.TEST./", False),
        ("https://a.tracker.test/", True),
        ("https://ads.example.com/", False),
        ("https://example.com/", True),
        ("https://93.184.216.34/", False),
        ("https://xn--bcher-kva.test/", False),
        ("https://bücher.test/", False),
    ],
)
def test_never_the_denied_hosts(url: str, expected: bool) -> None:
    denied = frozenset({"tracker.test", "*.example.com", "93.184.216.34", "xn--bcher-kva.test"})

    assert is_allowed(url, HostRules(denied=denied)) is expected
    assert is_allowed(url, HostRules(only=frozenset({parse_image_url(url).host}), denied=denied)) is expected


def test_a_denied_host_is_not_even_looked_up() -> None:
    def resolve(name: str, timeout_s: float) -> list[str]:
        raise AssertionError("looked up")

    with pytest.raises(ForbiddenAddressError, match=r"tracker\.test"):
        checked_addresses(
            parse_image_url("https://tracker.test/"),
            Deadline.after(5),
            hosts=HostRules(denied=frozenset({"tracker.test"})),
            resolve=resolve,
        )


def test_a_private_host_may_be_denied_all_the_same() -> None:
    both = frozenset({"photos.test"})

    assert not is_allowed("http://photos.test:4566/", HostRules(private=both, denied=both))
    assert is_allowed("http://photos.test:4566/", HostRules(private=both))
