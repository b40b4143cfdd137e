"""Whether a setting looks like a secret."""

import re
from collections.abc import Iterator
from typing import Any

_SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY"
    r"|SIGNING_?KEY|ENCRYPTION_?KEY)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z2-7]{16}\b"  # an AWS access key id
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b"  # GitHub
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bsk_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|://[^/\s:@]+:[^/\s:@]+@"  # a URL with a password
)
# Where a secret is kept, or a switch, is no secret.
_REFERENCE = re.compile(r"arn:.*|/[\w./-]+|\{\{resolve:.*|true|false|\d{1,6}|", re.IGNORECASE | re.DOTALL)


def looks_secret(name: str, value: str) -> bool:
    """Whether the value of a setting of this name is a secret, and not the place where one is kept."""
    if _SECRET_VALUE.search(value):
        return True
    return _SECRET_NAME.search(name) is not None and _REFERENCE.fullmatch(value) is None


def find_secrets(document: Any, path: str = "") -> Iterator[str]:
    """Where in a JSON document secrets seem to stand: paths such as `States.Ask.Parameters.Password`."""
    if isinstance(document, dict):
        for key, value in document.items():
            # A key that ends in ".$" holds a path or an expression, not the value itself.
            here = f"{path}.{key}" if path else str(key)
            if isinstance(value, str):
                if (
                    not str(key).endswith(".$")
                    and not value.startswith("{%")
                    and looks_secret(_snake(str(key)), value)
                ):
                    yield here
            else:
                yield from find_secrets(value, here)
    elif isinstance(document, list):
        for index, value in enumerate(document):
            if isinstance(value, str) and _SECRET_VALUE.search(value):
                yield f"{path}[{index}]"
            elif not isinstance(value, str):
                yield from find_secrets(value, f"{path}[{index}]")


def _snake(name: str) -> str:
    """`DbPassword` -> `Db_Password`: the names are told apart at underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
