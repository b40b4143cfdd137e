"""Datasets of photos of one colour, enough for the inspection; and the page that takes one."""

import io
import re
import zipfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page


def zip_of(folder: Path, name: str, classes: dict[str, int]) -> Path:
    """Photos of one colour, each its own."""
    file = folder / name
    with zipfile.ZipFile(file, "w") as archive:
        for row, (label, count) in enumerate(classes.items()):
            for number in range(count):
                photo = io.BytesIO()
                Image.new("RGB", (32, 32), (row * 90, number * 7, 120)).save(photo, "JPEG")
                archive.writestr(f"{label}/{number}.jpg", photo.getvalue())
    return file


def folder_of(folder: Path, name: str, classes: dict[str, int]) -> Path:
    """The same as a folder of class folders."""
    with zipfile.ZipFile(zip_of(folder, f"{name}.zip", classes)) as archive:
        archive.extractall(folder / name)
    return folder / name


def choose(page: Page, file: Path) -> None:
    """Have the page Drop look at a zip."""
    page.goto("/drop")
    page.set_input_files("#zip-file", file)
    page.wait_for_url(re.compile(r"/drop/\w+$"))
