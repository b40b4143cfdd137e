"""`python -m deploy_scripts.account_checks.page`: the list of confirmations in docs/real-account.md, anew."""

from pathlib import Path

from deploy_scripts.account_checks.running import CONFIRMATIONS, REMOVAL
from deploy_scripts.project import ROOT

PAGE = ROOT / "docs" / "real-account.md"
_BEGIN, _END = "<!-- confirmations: begin -->\n", "<!-- confirmations: end -->\n"


def page_with_confirmations(page: str) -> str:
    """The page with the list as the code has it."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = ["| confirmation | what it confirms | what the local cloud leaves open |", "|---|---|---|"]
    rows += [f"| `{each.name}` | {each.confirms} | {each.open_locally} |" for each in _ALL]
    return before + _BEGIN + "\n".join(rows) + "\n" + _END + after


_ALL = (*CONFIRMATIONS, *REMOVAL)


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(page_with_confirmations(page.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
