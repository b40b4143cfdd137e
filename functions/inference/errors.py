"""What can go wrong while answering; responses.py alone says which HTTP answer each becomes.

A message goes to the caller and to the log: it may name a host, never a path or a query string.
"""

from functions.common.errors import DropserveError


class BadRequestError(DropserveError):
    """The event or the URL is malformed."""


class MethodNotAllowedError(DropserveError):
    """An HTTP method other than GET and POST."""


class ForbiddenAddressError(DropserveError):
    """The URL leads to a place that this function must not reach."""


class ImageNotFoundError(DropserveError):
    """Nothing is at the image's address."""


class ImageTooLargeError(DropserveError):
    """More bytes than this deployment takes."""


class NotAnImageError(DropserveError):
    """The content is of no supported image format."""


class TooManyPixelsError(DropserveError):
    """Decoding the image would cost too much memory."""


class ImageTooCostlyError(DropserveError):
    """Decoding the image would take too long, for its size."""


class DamagedImageError(DropserveError):
    """The content starts like an image but cannot be decoded."""


class ImageRefusedError(DropserveError):
    """The model's server could not use the image."""


class ImageHostError(DropserveError):
    """The host of the image cannot be reached, or answers wrongly."""


class EndpointError(DropserveError):
    """The model's endpoint answers wrongly, or not at all."""


class EndpointGoneError(DropserveError):
    """SageMaker serves no endpoint of that name (any more)."""


class ModelBusyError(DropserveError):
    """The endpoint is throttled, starting or overloaded: the same call may pass in a moment."""


class NoLiveModelError(DropserveError):
    """No release has been exposed yet."""


class OutOfTimeError(DropserveError):
    """The time for this request is used up."""


class ModelTimeoutError(OutOfTimeError):
    """The endpoint took longer than this request has."""


class PausedError(DropserveError):
    """The live release has no endpoint, because somebody, or a time without a request, paused it."""


class PointerUnreadableError(DropserveError):
    """The live pointer cannot be read, and no earlier value is known."""
