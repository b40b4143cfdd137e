"""Which hosts a deployment lets images come from, by name."""

from typing import NamedTuple

from functions.inference.errors import ForbiddenAddressError


class HostRules(NamedTuple):
    """Host names or addresses in lower case; `*.example.com` stands for every name below example.com.

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

    def may_be_private(self, host: str) -> bool:
        """Whether the host may lead to a private address, at any port."""
        return _is_among(host, self.private)


def _is_among(host: str, rules: frozenset[str]) -> bool:
    if host in rules:
        return True
    labels = host.split(".")
    return any(f"*.{'.'.join(labels[start:])}" in rules for start in range(1, len(labels)))
