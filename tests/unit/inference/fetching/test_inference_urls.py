"""Image URLs: what is taken, what it becomes, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.inference.errors import BadRequestError
from functions.inference.fetching.image_urls import MAX_URL_LENGTH, ImageUrl, parse_image_url


@pytest.mark.parametrize(
    ("url", "expected", "host_header"),
    [
        ("https://example.com/a.jpg", ImageUrl("https", "example.com", 443, "/a.jpg"), "example.com"),
        ("http://example.com", ImageUrl("http", "example.com", 80, "/"), "example.com"),
        (
            "HTTPS://EXAMPLE.com./x?a=1&b=%20#f",
            ImageUrl("https", "example.com", 443, "/x?a=1&b=%20"),
            "example.com",
        ),
        ("http://example.com:443/", ImageUrl("http", "example.com", 443, "/"), "example.com:443"),
        (
            "https://bücher.example/ü ö.png",
            ImageUrl("https", "xn--bcher-kva.example", 443, "/%C3%BC%20%C3%B6.png"),
            "xn--bcher-kva.example",
        ),
        (
            "http://[2606:4700:0:0::1111]:8080/",
            ImageUrl("http", "2606:4700::1111", 8080, "/"),
            "[2606:4700::1111]:8080",
        ),
        ("http://192.0.2.7/x", ImageUrl("http", "192.0.2.7", 80, "/x"), "192.0.2.7"),
        # Full-width digits are digits: what is checked must be the address that a resolver would see.
        ("http://１２７.０.０.１/", ImageUrl("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
        ("http://127。0。0。1/", ImageUrl("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
    ],
)
def test_a_url_is_made_canonical(url: str, expected: ImageUrl, host_header: str) -> None:
    parsed = parse_image_url(url)

    assert parsed == expected
    assert parsed.host_header == host_header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.jpg",
        "//example.com/a.jpg",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "gopher://example.com/",
        "data:image/png;base64,AAAA",
        "http://",
        "http:///a.jpg",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com\\@169.254.169.254/",
        "http://example.com/\r\nHost: evil",
        "http://exam\tple.com/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:http/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.5/",
        "http://1.0x/",
        "http://[::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://a[::1]/",
        "http://[::1]a/",
        "http://[::1]a:80/",
        "http://::1/",
        "http://%31%32%37.0.0.1/",
        "http://example..com/",
        "http://example.com../",
        "http://exa mple.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * MAX_URL_LENGTH,
    ],
)
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(BadRequestError):
        parse_image_url(url)


def test_neither_an_error_nor_the_printed_form_shows_the_query() -> None:
    assert "s3cret" not in repr(parse_image_url("https://example.com/a?token=s3cret"))
    for url in ("http://[::1?token=s3cret", "ftp://h/?token=s3cret", "http://u@h/?token=s3cret"):
        with pytest.raises(BadRequestError) as caught:
            parse_image_url(url)
        assert "s3cret" not in str(caught.value)


@given(st.text().map(lambda text: f"http://{text}"))
def test_any_text_is_parsed_or_refused(url: str) -> None:
    try:
        parsed = parse_image_url(url)
    except BadRequestError:
        return
    assert parsed.host.isascii()
    assert parsed.target.isascii()
    assert " " not in parsed.target
    assert parsed.target.startswith("/")
