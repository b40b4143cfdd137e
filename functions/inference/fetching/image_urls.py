"""An image's URL, taken apart and made canonical, so that what is checked is what is fetched."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

from functions.inference.errors import BadRequestError
from functions.inference.fetching.host_names import Address, HostNameError, address_of, normal_name

# Longer ones are refused by common servers (Apache's and nginx's request line limit is 8 KiB).
MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}

# The URL standard strips the ASCII control characters and blanks; people also paste these.
_WHITE_SPACE = " \t\r\n\f\v\u00a0\ufeff"
_CONTROL_OR_BACKSLASH = re.compile(r"[\x00-\x1f\x7f\\]")
_BRACKETED = re.compile(r"\[[^\[\]]*\](:[0-9]*)?")
# RFC 3986 reserved and unreserved characters, and the per cent sign of what is encoded already.
_KEEP_IN_TARGET = "/?:@!$&'()*+,;=-._~%"


@dataclass(frozen=True)
class ImageUrl:
    """`host` is an ASCII name in lower case, or an address without brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    # Out of repr(), because the query of a signed URL is a secret.
    target: str = field(repr=False)

    @property
    def address(self) -> Address | None:
        """The host when it is an address and not a name."""
        return address_of(self.host)

    @property
    def host_header(self) -> str:
        """The value of the Host header: RFC 9110, section 7.2."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_image_url(url: str) -> ImageUrl:
    """A URL as its parts; white space around it is left out.

    Raises BadRequestError for another scheme than http and https, for a user name or password, for control
    characters and backslashes, for a host that is no DNS name, IPv6 address or plain dotted IPv4 address, and
    for a port outside 1 to 65535.
    """
    url = url.strip(_WHITE_SPACE)
    if len(url) > MAX_URL_LENGTH:
        raise BadRequestError(f"the url has {len(url)} characters; at most {MAX_URL_LENGTH} are taken")
    if _CONTROL_OR_BACKSLASH.search(url):
        raise BadRequestError("the url holds a control character or a backslash; percent-encode it")
    try:
        url.encode()  # JSON may hold half of a surrogate pair, which is no character
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # Not the error's own text: it may quote the URL.
        raise BadRequestError("the url is malformed: its characters, host or port cannot be read") from error
    if parts.scheme not in DEFAULT_PORTS:
        if parts.scheme == "data":
            raise BadRequestError('a data: URL is the image itself; send it as {"image": "data:..."}')
        raise BadRequestError("the url must start with https:// or http://")
    if "@" in parts.netloc:
        raise BadRequestError("the url holds a user name or password; leave them out")
    if port == 0:
        raise BadRequestError("the url's port is 0; leave the port out, or give one from 1 to 65535")
    return ImageUrl(
        scheme=parts.scheme,
        host=_canonical_host(parts),
        port=port or DEFAULT_PORTS[parts.scheme],
        target=_target(parts),
    )


def _canonical_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        address = address_of(host)
        # The pattern: older Pythons take any text before and after the brackets, and drop it.
        if not _BRACKETED.fullmatch(parts.netloc) or not isinstance(address, IPv6Address) or address.scope_id:
            raise BadRequestError("the url's host is no IPv6 address without a zone")
        return str(address)
    try:
        return normal_name(host)
    except HostNameError as error:
        raise BadRequestError(f"the url's host {error}") from error


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_KEEP_IN_TARGET)
    return f"{path}?{quote(parts.query, safe=_KEEP_IN_TARGET)}" if parts.query else path
