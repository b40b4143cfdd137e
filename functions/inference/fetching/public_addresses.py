"""Which network addresses may be reached for an image: public ones, and those that a deployment allows."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from threading import Thread

from functions.inference.errors import ForbiddenAddressError, ImageHostError
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.host_names import Address
from functions.inference.fetching.image_urls import DEFAULT_PORTS, ImageUrl

# A name and the time limit in seconds -> addresses as text. Raises OSError or TimeoutError.
Resolver = Callable[[str, float], list[str]]

# The unicast space that IANA has given out: https://www.iana.org/assignments/ipv6-address-space
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# RFC 6052: the last 32 bits are an IPv4 address. AWS's NAT64 uses this prefix.
_NAT64 = IPv6Network("64:ff9b::/96")
# RFC 5214, section 6.1: an interface identifier of ISATAP holds an IPv4 address in its last 32 bits.
_ISATAP = (0x00005EFE, 0x02005EFE)
# Reserved, though not every Python says so: RFC 6890 (protocol assignments), RFC 7526 (the deprecated relays
# of 6to4), RFC 9637 (examples).
_RESERVED = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"), ip_network("3fff::/20"))
# Never, whatever a deployment allows: instance metadata and credentials, "this host", multicast.
# fd00:ec2::/32 holds the IPv6 side of EC2's local services (IMDS, DNS, time, EKS Pod Identity).
# 168.63.129.16 is Azure's wire server, which hands certificates to the machine that asks, though it lies in
# public space: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "224.0.0.0/3",
        "::/128",
        "fe80::/10",
        "fd00:ec2::/32",
        "ff00::/8",
    )
)


def checked_addresses(
    url: ImageUrl, deadline: Deadline, *, hosts: HostRules, resolve: Resolver
) -> list[Address]:
    """Every address of the URL's host, resolved once, all of them allowed; connect to these and no others.

    Raises ForbiddenAddressError when the host is denied by name, when one of its addresses is not public
    (the whole host is refused then) or the port is not 80 or 443, unless the host may be private;
    ImageHostError when the name does not resolve; OutOfTimeError.
    """
    hosts.check(url.host)
    allowed_by_name = hosts.may_be_private(url.host)
    if not allowed_by_name and url.port not in DEFAULT_PORTS.values():
        raise ForbiddenAddressError(f"port {url.port} of {url.host} is not allowed; only 80 and 443 are")
    addresses = [url.address] if url.address else _resolve(url.host, deadline, resolve)
    for address in addresses:
        reached = reached_addresses(address)
        if any(is_never_allowed(one) for one in reached):
            raise ForbiddenAddressError(f"{url.host} leads to an address that is never fetched from")
        if any(hosts.denies(one) for one in reached):
            raise ForbiddenAddressError(f"this deployment does not fetch images from where {url.host} leads")
        if not allowed_by_name and not all(is_public(one) for one in reached):
            # The address itself stays unsaid: it would tell an outsider about a private network.
            raise ForbiddenAddressError(f"{url.host} does not lead to public addresses only")
    return addresses


def reached_addresses(address: Address) -> list[Address]:
    """The addresses that a packet to `address` may end at: IPv4 inside IPv6 is unwrapped."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return [address, IPv4Address(int(address) & 0xFFFFFFFF)]
    tunnel_ends = [address.sixtofour] if address.sixtofour else list(address.teredo or ())
    return [address, *tunnel_ends]


def is_public(address: Address) -> bool:
    """Whether the address is routed on the internet (multicast, which is too, is among the never allowed)."""
    if any(address in network for network in _RESERVED):
        return False
    return address.is_global and (isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST)


def is_never_allowed(address: Address) -> bool:
    """Whether no deployment may allow the address: metadata, link-local, multicast, unspecified."""
    return any(address in network for network in _NEVER)


def system_resolver(name: str, timeout_s: float) -> list[str]:
    """The addresses of a name, as the operating system knows them."""
    # getaddrinfo() takes no timeout; a lookup that hangs is left behind in its thread.
    answers: SimpleQueue[list[str] | Exception] = SimpleQueue()
    Thread(target=lambda: answers.put(_look_up(name)), name="name-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _look_up(name: str) -> list[str] | Exception:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    # UnicodeError: a label that the resolver's own IDNA encoding refuses.
    except (OSError, UnicodeError) as error:
        return error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


def _resolve(name: str, deadline: Deadline, resolve: Resolver) -> list[Address]:
    doing = f"looking up {name}"
    try:
        texts = resolve(name, deadline.left_s(doing))
    except TimeoutError:
        deadline.left_s(doing)
        raise ImageHostError(f"the name {name} could not be looked up in time") from None
    except (OSError, UnicodeError) as error:
        raise ImageHostError(f"the name {name} cannot be resolved") from error
    if not texts:
        raise ImageHostError(f"the name {name} has no address")
    return [ip_address(text) for text in texts]
