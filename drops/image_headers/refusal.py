"""What the bounds say no with."""


class PhotoBoundsError(ValueError):
    """Decoding the photo would take too long; the message says why, and what to do."""


class PhotoPixelsError(PhotoBoundsError):
    """The photo has more pixels than its caller decodes."""
