"""What the status of an image host's answer usually means, for the one who asked for the image."""

from http import HTTPStatus

from functions.inference.errors import ImageHostError, ImageNotFoundError

_MEANINGS = {
    401: "the image asks for a login; give a public or a signed address",
    403: "the image is private, its signed address has expired, or the host refuses links from other sites "
    "(hot-link protection); give a fresh or a public address, or upload the image under uploads/",
    404: "nothing is at this address; check it for spelling",
    410: "the image was removed from this address",
    429: "the host limits how often it is asked; wait, or upload the image under uploads/",
    451: "the host may not show the image for legal reasons",
}
_HOST_FAULT = "the host has a fault of its own or is overloaded; try again later"
_UNFORESEEN = "an image is answered with 200"


def check_status(status: int, host: str) -> None:
    """Raises ImageNotFoundError and ImageHostError for another status than 200."""
    if status == HTTPStatus.OK:
        return
    meaning = _MEANINGS.get(status, _HOST_FAULT if status >= 500 else _UNFORESEEN)
    kind = ImageNotFoundError if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) else ImageHostError
    raise kind(f"the image host {host} answered {status}: {meaning}")
