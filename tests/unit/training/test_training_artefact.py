"""A model carries all the code that its endpoint needs."""

import subprocess
import sys
from pathlib import Path

from costly_photos import avif, jpeg_of_scans
from made_photos import Trained

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import inference, drops.photo_bounds.tiff
from preprocessing import PhotoError, decode_photo
for module in (drops, drops.photo_bounds, drops.photo_formats, inference):
    assert module.__file__.startswith(sys.argv[1]), module.__file__
print(decode_photo(open(sys.argv[2], "rb").read(), 32).shape)
try:
    decode_photo(open(sys.argv[3], "rb").read(), 32)
except PhotoError as error:
    print(error)
"""


def test_the_model_s_own_code_reads_photos_within_their_bounds(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "photo.avif").write_bytes(avif())
    (tmp_path / "scans.jpg").write_bytes(jpeg_of_scans(3000))
    arguments = [str(trained.model / "code"), str(tmp_path / "photo.avif"), str(tmp_path / "scans.jpg")]

    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    shape, reason = run.stdout.splitlines()
    assert shape == "(32, 32, 3)"
    assert "scans" in reason
