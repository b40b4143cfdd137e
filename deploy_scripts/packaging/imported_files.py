"""The project's own files that a program imports, found by reading its code."""

import ast
from collections.abc import Iterator
from pathlib import Path


def imported_files(program: str, folder: Path) -> dict[str, Path]:
    """Path below the folder -> file, for the program's module and every module of the folder that it reaches.

    An import inside a function counts. What the folder has not is a package's, and left out.
    """
    found: dict[str, Path] = {}
    unread = [program]
    while unread:
        for path, file in _find(unread.pop(), folder):
            if path not in found:
                found[path] = file
                unread += _imported_names(file)
    return dict(sorted(found.items()))


def _imported_names(file: Path) -> Iterator[str]:
    """Every dotted name that may be a module: `from a.b import c` gives a.b and a.b.c."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                raise ValueError(f"{file}:{node.lineno}: a relative import, which is not followed")
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _find(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The module and the packages that it lies in."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if (folder / path).is_file():
                yield path, folder / path
