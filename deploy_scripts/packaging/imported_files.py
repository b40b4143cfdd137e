"""The project's own files that a program imports, found by reading its code."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def imported_files(program: Path, folders: Sequence[Path]) -> dict[str, Path]:
    """Path below its folder -> file, for the program and every module of the folders that it reaches.

    An import inside a function counts. What no folder has is a package's, and left out.
    """
    found = {program.name: program}
    unread = [program]
    while unread:
        for name in _imported_names(unread.pop()):
            for path, file in _find(name, folders):
                if path not in found:
                    found[path] = file
                    unread.append(file)
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


def _find(name: str, folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The module and the packages that it lies in."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for folder in folders:
            for path in (f"{stem}.py", f"{stem}/__init__.py"):
                if (folder / path).is_file():
                    yield path, folder / path
