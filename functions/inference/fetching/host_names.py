"""Host names and addresses in their one normal form, so that what is checked is what is fetched."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

_DNS_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# A last label that is a number makes the whole host an IPv4 address: https://url.spec.whatwg.org/#ends-in-a-number-checker
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")

# Python's IDNA (RFC 3490) writes these as "ss", as another letter, or not at all; browsers and registries
# (RFC 5892) keep them: one text, two hosts. https://www.unicode.org/reports/tr46/#IDNADeviationCharacters
_TWO_HOSTS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")


class HostNameError(ValueError):
    """No host name; the message ends a sentence that begins with "the host"."""


def normal_name(text: str) -> str:
    """A DNS name in ASCII (IDNA's A-labels) and lower case without its last dot, or a plain IPv4 address.

    Raises HostNameError.
    """
    if found := _TWO_HOSTS.search(text):
        raise HostNameError(
            f"holds U+{ord(found[0]):04X}, which two versions of IDNA write differently; write it as xn--..."
        )
    try:
        # IDNA also folds full-width digits and dots, which would hide an address.
        name = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise HostNameError("is no valid name") from error
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        raise HostNameError("is missing or is no valid name")
    if _ENDS_IN_A_NUMBER.fullmatch(name) and address_of(name) is None:
        raise HostNameError("is an oddly written address; write four decimal numbers")
    return name


def address_of(host: str) -> Address | None:
    """The host when it is an address and not a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def normal_address(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one (RFC 4291, section 2.5.5.2) as what it is."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
