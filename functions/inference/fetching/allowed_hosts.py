"""Which hosts a deployment lets images come from, by name."""

from typing import NamedTuple

from drops.text import printable
from functions.common.errors import SettingsError
from functions.inference.errors import ForbiddenAddressError
from functions.inference.fetching.host_names import (
    Address,
    HostNameError,
    address_of,
    normal_address,
    normal_name,
)

_BELOW = "*."
# What stands in an entry that is no host alone -> what to write.
_NOT_IN_A_HOST = {
    "://": "write the host without https://",
    ";": "separate hosts by commas",
    "/": "write a host without a path; networks are not taken",
    "@": "write the host without a user name",
    "\\": "write the host alone",
}


class HostRules(NamedTuple):
    """Entries as `parse_hosts` gives them.

    `only`: the hosts that images may come from (empty: any). `denied`: those that they may not come from.
    `private`: those that may lead to a private address, at any port.
    """

    only: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()

    def check(self, host: str) -> None:
        """Raises ForbiddenAddressError for a host that this deployment does not fetch from."""
        if _is_among(host, self.denied) or (self.only and not _is_among(host, self.only)):
            raise ForbiddenAddressError(f"this deployment does not fetch images from {host}")

    def denies(self, address: Address) -> bool:
        """Whether an entry names this address, however the host that leads to it is called."""
        return str(normal_address(address)) in self.denied

    def may_be_private(self, host: str) -> bool:
        """Whether the host may lead to a private address, at any port."""
        return _is_among(host, self.private)


def parse_hosts(text: str) -> frozenset[str]:
    """Hosts, separated by commas, in their normal form; `*.example.com` stands for every name below it.

    A host is a name (of any script) or an address. Raises SettingsError, which names the entry at fault.
    """
    return frozenset(_parse_host(entry) for each in text.split(",") if (entry := each.strip()))


def _parse_host(entry: str) -> str:
    shown = printable(entry, 100)
    for part, advice in _NOT_IN_A_HOST.items():
        if part in entry:
            raise SettingsError(f"'{shown}' is no host: {advice}")
    if len(entry.split()) > 1:
        raise SettingsError(f"'{shown}' is no host: separate hosts by commas")
    bare = entry[1:-1] if entry.startswith("[") and entry.endswith("]") else entry
    if address := address_of(bare):
        if "%" in bare:
            raise SettingsError(f"'{shown}' is no host: write the address without its zone")
        return str(normal_address(address))
    if ":" in entry:
        raise SettingsError(f"'{shown}' is no host: write it without a port; an address needs all its parts")
    if entry.startswith("."):
        raise SettingsError(f"'{shown}' is no host: for every name below it, write *{printable(entry, 99)}")
    return _parse_name(entry, shown)


def _parse_name(entry: str, shown: str) -> str:
    prefix, name = (_BELOW, entry[2:]) if entry.startswith(_BELOW) else ("", entry)
    if "*" in name:
        raise SettingsError(f"'{shown}' is no host: * may only begin an entry, as in *.example.com")
    try:
        normal = normal_name(name)
    except HostNameError as error:
        raise SettingsError(f"'{shown}' is no host: it {error}") from error
    if prefix and address_of(normal):
        raise SettingsError(f"'{shown}' is no host: nothing is below an address")
    return prefix + normal


def _is_among(host: str, rules: frozenset[str]) -> bool:
    address = address_of(host)
    if address:
        return str(normal_address(address)) in rules
    if host in rules:
        return True
    labels = host.split(".")
    return any(f"{_BELOW}{'.'.join(labels[start:])}" in rules for start in range(1, len(labels)))
