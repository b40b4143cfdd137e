"""The root of every error that a function raises on purpose."""


class DropserveError(Exception):
    """A fault that a person can mend: the message says what was wrong, where, and what to do."""


class DocumentError(DropserveError):
    """A document does not match its schema."""


class SettingsError(DropserveError):
    """An environment variable of the function is missing or malformed: the deployment is at fault."""
