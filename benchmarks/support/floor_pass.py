"""The floor of training: each photo of a zip decoded once, and one pass of the backbone over it.

No hash, split, head, evaluation or report: nothing that trains on every photo can take less than this.
Each option is one of the ways to do it; `support.floor` looks for the fastest on the machine at hand.
"""

import time

_STARTED = time.perf_counter()

import argparse  # noqa: E402 - the imports are a part of what is timed
import ctypes  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import zipfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402

from support.backbone import DEVIATION, MEAN, SIDE, build_backbone, replace_last_linear  # noqa: E402
from support.cores import count_cores  # noqa: E402

Decode = Callable[[bytes], torch.Tensor]
_IMPORTED = time.perf_counter()
# <malloc.h>: one arena, no mapping per block, 2 GiB of free heap kept, heap grown by 64 MiB.
_MALLOC = [(-8, 1), (-4, 0), (-1, 2**31 - 1), (-2, 64 << 20)]


def main() -> None:
    """One pass; the figures go to `--figures` as JSON."""
    options = _options()
    if options.malloc == "keep" and sys.platform == "linux":
        for name, value in _MALLOC:
            ctypes.CDLL(None).mallopt(name, value)
    decode = _decoder(options.decoder)
    network = _prepare(options)
    setup_s = time.perf_counter() - _IMPORTED
    started = time.perf_counter()
    features = _run(options, network, decode)
    ended = time.perf_counter()
    figures = {
        "images": len(features),
        "checksum": float(features.double().abs().mean()),
        "seconds": {
            "imports": _IMPORTED - _STARTED,
            "setup": setup_s,
            "pass": ended - started,
            "total_without_imports": ended - _IMPORTED,
        },
    }
    options.figures.write_text(json.dumps(figures), "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--photos", type=Path, required=True, help="a zip of photos")
    add("--weights", type=Path, required=True, help="the backbone's state dict")
    add("--figures", type=Path, required=True)
    add("--limit", type=int, help="only so many photos")
    add("--precision", choices=["float32", "bfloat16"], default="float32")
    add("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    add("--cores", choices=["batch_each", "share_batch"], default="batch_each")
    add("--graph", choices=["eager", "fused"], default="eager")
    add("--malloc", choices=["keep", "default"], default="keep")
    add("--decoder", choices=["pillow", "pillow_torch", "torchvision"], default="pillow")
    add("--batch", type=int, default=16)
    return parser.parse_args()


def _decoder(name: str) -> Decode:
    if name == "pillow":
        return _decode_by_pillow
    if name == "pillow_torch":
        return _decode_by_pillow_and_torch
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415 - a second of imports, if chosen
    from torchvision.transforms.v2 import functional  # noqa: PLC0415

    def decode(photo: bytes) -> torch.Tensor:
        pixels = decode_jpeg(torch.frombuffer(bytearray(photo), dtype=torch.uint8), mode=ImageReadMode.RGB)
        resized: torch.Tensor = functional.resize(pixels, [SIDE, SIDE], antialias=True)
        return resized

    return decode


def _decode_by_pillow(photo: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(photo)) as image:
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def _decode_by_pillow_and_torch(photo: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(photo)) as image:
        image.draft("RGB", (SIDE, SIDE))
        pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]
    return nn.functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)[0]


def _prepare(options: argparse.Namespace) -> nn.Module:
    network = build_backbone(options.weights).requires_grad_(requires_grad=False)
    replace_last_linear(network, nn.Identity())
    torch.set_num_threads(count_cores() if options.cores == "share_batch" else 1)
    if options.graph == "fused":
        from torch.fx.experimental.optimization import fuse  # noqa: PLC0415

        network = fuse(network)
    if options.layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
    return network


def _run(options: argparse.Namespace, network: nn.Module, decode: Decode) -> torch.Tensor:
    archive = zipfile.ZipFile(options.photos)
    names = sorted(archive.namelist())[: options.limit]
    batches = [names[start : start + options.batch] for start in range(0, len(names), options.batch)]
    memory_format = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format

    def read(batch: list[str]) -> torch.Tensor:
        pixels = torch.stack([decode(archive.read(name)) for name in batch])
        images = pixels.to(torch.float32).sub_(255 * MEAN).div_(255 * DEVIATION)
        return images.contiguous(memory_format=memory_format)

    def compute(images: torch.Tensor) -> torch.Tensor:
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16"),
        ):
            output: torch.Tensor = network(images)
            return output.float()

    if options.cores == "share_batch":
        # One thread decodes ahead; the network takes all cores for a batch.
        with ThreadPoolExecutor(1) as pool:
            return torch.cat([compute(images) for images in pool.map(read, batches)])
    with ThreadPoolExecutor(count_cores(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return torch.cat(list(pool.map(lambda batch: compute(read(batch)), batches)))


if __name__ == "__main__":
    main()
