"""Hosts that a deployment allows or denies by name."""

import pytest

from functions.common.errors import SettingsError
from functions.inference.errors import ForbiddenAddressError
from functions.inference.fetching.allowed_hosts import HostRules, parse_hosts
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.image_urls import parse_image_url
from functions.inference.fetching.public_addresses import checked_addresses


def is_allowed(url: str, rules: HostRules) -> bool:
    try:
        checked_addresses(
            parse_image_url(url), Deadline.after(5), hosts=rules, resolve=lambda *_: ["93.184.216.99"]
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


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("bücher.test", "https://xn--bcher-kva.test/"),
        ("BÜCHER.test.", "https://bücher.test/"),
        ("xn--bcher-kva.test", "https://bücher.test/"),
        ("ｅｖｉｌ．example", "https://evil.example/"),
        ("*.bücher.test", "https://a.xn--bcher-kva.test/"),
        ("2606:4700:4700:0:0:0:0:1111", "https://[2606:4700:4700::1111]/"),
        ("[2606:4700:4700::1111]", "https://[2606:4700:4700:0000:0000:0000:0000:1111]/"),
        ("::ffff:93.184.216.34", "https://93.184.216.34/"),
        ("93.184.216.34", "https://[::ffff:93.184.216.34]/"),
        ("93.184.216.34", "https://[64:ff9b::93.184.216.34]/"),
        ("93.184.216.99", "https://somewhere.test/"),
        ("a.test, 93.184.216.99 ,", "https://somewhere.test/"),
    ],
)
def test_an_entry_denies_its_host_however_either_is_written(entries: str, url: str) -> None:
    assert not is_allowed(url, HostRules(denied=parse_hosts(entries)))
    assert is_allowed(url, HostRules(denied=parse_hosts("other.test, 192.0.2.1")))


def test_an_allowed_address_is_allowed_however_it_is_written() -> None:
    rules = HostRules(private=parse_hosts("10.0.0.1"), only=parse_hosts("::ffff:10.0.0.1"))

    assert is_allowed("http://[::ffff:10.0.0.1]:8080/", rules)
    assert is_allowed("http://10.0.0.1:8080/", rules)
    assert not is_allowed("http://10.0.0.2/", rules)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ("https://evil.example", "'https://evil.example' is no host: write the host without https://"),
        ("a.example;b.example", "separate hosts by commas"),
        ("a.example b.example", "separate hosts by commas"),
        ("good.example, evil.example/path", "'evil.example/path' is no host: write a host without a path"),
        ("10.0.0.0/8", "networks are not taken"),
        ("evil.example:443", "without a port"),
        ("[::1]:80", "without a port"),
        ("fe80::1%eth0", "without its zone"),
        ("me@evil.example", "without a user name"),
        (".example.com", r"write \*\.example\.com"),
        ("*", r"\* may only begin an entry, as in \*\.example\.com"),
        ("*.*.example.com", r"\* may only begin an entry"),
        ("a.*.example.com", r"\* may only begin an entry"),
        ("straße.example", "it holds U\\+00DF, which two versions of IDNA write differently"),
        ("*.STRAẞE.example", "U\\+1E9E"),
        ("βόλος.example", "U\\+03C2"),
        ("a\u200db.example", "U\\+200D"),
        ("*.10.0.0.1", "nothing is below an address"),
        ("127.1", "write four decimal numbers"),
        ("0x7f000001", "write four decimal numbers"),
        ("evil..example", "is no valid name"),
        ("x" * 300, "is no valid name"),
        ("evil\x1b[31m.example", r"'evil\\x1b\[31m"),
    ],
)
def test_an_entry_that_would_match_nothing_is_refused(entries: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse_hosts(entries)
