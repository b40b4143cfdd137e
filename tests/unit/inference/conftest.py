"""What the tests of the inference function share."""

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.inference.fetching.image_host import LocalServer, Reply
from tests.unit.inference.images.pictures import encode, two_colours


@pytest.fixture
def serve() -> Iterator[Callable[..., LocalServer]]:
    """Starts local servers that end with the test."""
    with ExitStack() as stack:

        def start(replies: dict[str, Reply], tls: ssl.SSLContext | None = None) -> LocalServer:
            return stack.enter_context(LocalServer(replies, tls).running())

        yield start


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of 300 x 200 pixels, red on the left and blue on the right."""
    return encode(two_colours(300, 200), "JPEG", quality=95)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key for the host name images.test, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "images.test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("images.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "images.test.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return file
