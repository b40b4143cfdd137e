"""docs/dependencies.md names every package that is pinned by hand; what ships has licences that allow it."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from deploy_scripts.packaging.licences import (
    PAGE,
    Shipped,
    faults,
    licences_of,
    main,
    page_with,
    parts_of,
    read_shipped,
    shipped_names,
)

PROJECT = Path(__file__).parents[3]
SHIPPED = read_shipped()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_by_hand() -> set[str]:
    """The packages of pyproject.toml."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    requirements = [
        *project["project"].get("dependencies", []),
        *(each for group in project["project"].get("optional-dependencies", {}).values() for each in group),
        *(each for group in project.get("dependency-groups", {}).values() for each in group),
    ]
    names = {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements if isinstance(each, str)}  # type: ignore[index]
    return names - {"dropserve"}


def test_the_page_names_every_package_that_is_pinned_by_hand_and_no_other() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \|", (PROJECT / "docs" / "dependencies.md").read_text("utf-8"), re.MULTILINE
    )
    named = {normal(name) for row in rows for name in row.split(", ")} - {"package"}
    assert len(pinned_by_hand()) > 30
    assert named == pinned_by_hand()


def test_what_ships_has_licences_that_allow_it() -> None:
    assert faults(SHIPPED) == []
    assert {place for each in SHIPPED for place in each.places} == {"functions", "serve", "train", "weights"}


def test_the_page_has_the_licences_of_all_that_ships() -> None:
    """Run: make licences."""
    page = PAGE.read_text("utf-8")
    missing = [each.line for each in SHIPPED if each.line not in page]
    assert missing == []
    rows = set(re.findall(r"^\| ([a-z0-9][a-z0-9.-]*) \|", page, re.MULTILINE)) - {"package"}
    assert rows == set().union(*shipped_names().values())


@pytest.mark.parametrize(
    ("name", "licence", "places", "is_allowed"),
    [
        ("one", "MIT", ("functions", "train"), True),
        ("one", "AGPL-3.0-or-later", ("functions",), False),
        ("one", "unknown", ("serve",), False),
        ("paramiko", "LGPL-2.1", ("train",), True),
        ("paramiko", "LGPL-2.1", ("serve", "train"), False),
        ("another", "LGPL-2.1", ("train",), False),
        ("nvidia-cublas", "LicenseRef-NVIDIA-Proprietary", ("train",), True),
        ("nvidia-cublas", "LicenseRef-NVIDIA-Proprietary", ("serve",), False),
    ],
)
def test_a_licence_is_allowed_where_it_ships(
    name: str, licence: str, places: tuple[str, ...], is_allowed: bool
) -> None:
    assert bool(faults([Shipped(name, "1", (licence,), places)])) is not is_allowed


def test_an_expression_is_taken_apart() -> None:
    expression = "(MIT OR Apache-2.0 WITH LLVM-exception) AND MIT AND GPL-3.0-only"
    assert parts_of(expression) == ("MIT", "Apache-2.0 WITH LLVM-exception", "GPL-3.0-only")


def test_a_package_that_says_nothing_is_unknown() -> None:
    class Silent(dict):  # type: ignore[type-arg]
        def get_all(self, name: str) -> None:
            return None

    assert licences_of("silent", Silent()) == ("unknown",)  # type: ignore[arg-type]


def test_the_page_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- licences: begin -->\nold\n<!-- licences: end -->\nAfter\n")
    assert main(page) == 0
    assert page.read_text() == page_with(page.read_text(), SHIPPED)
    assert "old" not in page.read_text() and page.read_text().startswith("Before\n")


def test_the_licence_is_apaches_own_text() -> None:
    """The text of https://www.apache.org/licenses/LICENSE-2.0.txt, by its known hash."""
    text = (PROJECT / "LICENSE").read_bytes()
    assert hashlib.sha256(text).hexdigest() == (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )
