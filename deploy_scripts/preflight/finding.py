"""What a check found: one line, what to do about it, and the command or page that does it."""

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """`check` is a few words that name the check; `command` is a shell's, `link` a page's address."""

    check: str
    status: Status
    found: str
    advice: str = ""
    command: str = ""
    link: str = ""

    def document(self) -> dict[str, str]:
        """As `dropserve preflight --json` prints it."""
        return asdict(self)
