"""Addresses: only public ones, and those that a deployment allows by name, but never metadata."""

from ipaddress import ip_address

import pytest

from functions.inference.errors import ForbiddenAddressError, ImageHostError, OutOfTimeError
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.image_urls import parse_image_url
from functions.inference.fetching.public_addresses import checked_addresses, system_resolver

PUBLIC = [
    "93.184.216.34",
    "2606:4700:4700::1111",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "168.63.129.17",
    "192.88.98.1",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "fc00::1",
    "fec0::1",
    "2001:db8::1",
    "64:ff9b:1::a00:1",
    "4000::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:a00:1::1",
    "2001:0:a00:1::f5ff:fffe",
    "2001:0:808:808::f5ff:fffe",
    # relays of 6to4, which nobody runs any more; ISATAP with both bits; SIIT
    "192.88.99.1",
    "192.88.99.255",
    "::ffff:192.88.99.1",
    "2001:470:1::5efe:10.0.0.1",
    "2001:470:1:2:200:5efe:192.168.0.1",
    "2001:470:1::5efe:192.88.99.1",
    "::ffff:0:10.0.0.1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "224.0.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "ff0e::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    # Azure's wire server
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::168.63.129.16",
    "2002:a83f:8110::1",
    "2001:470:1::5efe:169.254.169.254",
    "2001:470:1:2:200:5efe:168.63.129.16",
]


def check(url: str, answers: list[str], allowed: frozenset[str] = frozenset()) -> list[str]:
    addresses = checked_addresses(
        parse_image_url(url),
        Deadline.after(5),
        hosts=HostRules(private=allowed),
        resolve=lambda name, timeout_s: answers,
    )
    return [str(address) for address in addresses]


def literal(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address: str) -> None:
    expected = [str(ip_address(address))]
    assert check("https://example.com/", [address]) == expected
    assert check(literal(address), []) == expected


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_no_other_address_may_be_reached(address: str) -> None:
    with pytest.raises(ForbiddenAddressError) as caught:
        check("https://example.com/", [address])
    assert address not in str(caught.value)
    with pytest.raises(ForbiddenAddressError):
        check(literal(address), [])


@pytest.mark.parametrize("bad", ["10.0.0.1", "169.254.169.254", "::1"])
def test_one_private_address_among_public_ones_refuses_the_host(bad: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check("https://example.com/", ["93.184.216.34", bad, "2606:4700:4700::1111"])


@pytest.mark.parametrize("address", [one for one in PRIVATE if not one.startswith("2002")])
def test_a_deployment_may_allow_a_private_host_at_any_port(address: str) -> None:
    allowed = frozenset({"images.internal"})
    assert check("http://images.internal:4566/", [address], allowed) == [str(ip_address(address))]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_are_never_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check("http://images.internal/", [address], frozenset({"images.internal"}))
    with pytest.raises(ForbiddenAddressError):
        check(literal(address), [], frozenset({str(ip_address(address))}))


def test_an_allowed_name_allows_neither_its_subdomains_nor_another_spelling_of_its_address() -> None:
    allowed = frozenset({"images.internal", "localhost"})
    for url in ("http://a.images.internal/", "http://localhost.example/"):
        with pytest.raises(ForbiddenAddressError):
            check(url, ["10.0.0.1"], allowed)
    with pytest.raises(ForbiddenAddressError):
        check("http://127.0.0.1/", [], allowed)
    assert check("http://LOCALHOST./", ["127.0.0.1"], allowed) == ["127.0.0.1"]


@pytest.mark.parametrize("port", [22, 4566, 6379, 8080])
def test_only_the_web_ports_of_a_public_host_may_be_reached(port: int) -> None:
    with pytest.raises(ForbiddenAddressError, match=str(port)):
        check(f"http://example.com:{port}/", ["93.184.216.34"])
    assert check("http://example.com:443/", ["93.184.216.34"])


def test_a_name_is_resolved_once_against_dns_rebinding() -> None:
    names = []

    def resolve(name: str, timeout_s: float) -> list[str]:
        names.append(name)
        return ["93.184.216.34"]

    checked_addresses(
        parse_image_url("http://example.com./"),
        Deadline.after(5),
        hosts=HostRules(),
        resolve=resolve,
    )
    assert names == ["example.com"]


def test_a_name_that_does_not_resolve_is_the_hosts_failure() -> None:
    with pytest.raises(ImageHostError, match=r"nowhere\.example"):
        check("http://nowhere.example/", [])

    def unknown(name: str, timeout_s: float) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ImageHostError, match="cannot be resolved"):
        checked_addresses(
            parse_image_url("http://nowhere.example/"),
            Deadline.after(5),
            hosts=HostRules(),
            resolve=unknown,
        )


def test_a_dns_lookup_that_hangs_times_out_at_the_deadline() -> None:
    def hang(name: str, timeout_s: float) -> list[str]:
        raise TimeoutError

    deadline = Deadline.after(0)
    with pytest.raises(OutOfTimeError):
        checked_addresses(parse_image_url("http://slow.example/"), deadline, hosts=HostRules(), resolve=hang)


def test_the_system_resolver_knows_localhost_and_gives_each_address_once() -> None:
    addresses = system_resolver("localhost", 5)

    assert len(addresses) == len(set(addresses))
    assert all(ip_address(address).is_loopback for address in addresses)


def test_the_system_resolver_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    answered = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answered.wait(10) and [])
    try:
        with pytest.raises(TimeoutError):
            system_resolver("slow.example", 0.05)
    finally:
        answered.set()
