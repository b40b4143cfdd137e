"""The floor of training: each photo of a zip decoded once, and one pass of the backbone by the engine.

No hash, split, head, evaluation or report: nothing that trains on every photo can take less than this.
Each option is one of the ways to do it; floor.py looks for the fastest on the machine at hand.
"""

import time

_STARTED = time.perf_counter()

import argparse  # noqa: E402 - the imports are a part of what is timed
import io  # noqa: E402
import json  # noqa: E402
import threading  # noqa: E402
import zipfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from openvino.preprocess import PrePostProcessor  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402

from benchmarks.support.machine import count_cores  # noqa: E402
from benchmarks.support.training.backbone import DEVIATION, MEAN, SIDE, build_backbone, replace_last_linear  # noqa: E402

Decode = Callable[[bytes], NDArray[np.uint8]]
_IMPORTED = time.perf_counter()


def main() -> None:
    """One pass; the figures go to `--figures` as JSON."""
    options = _options()
    decode = _decoder(options.decoder)
    graph = _compile(options)
    setup_s = time.perf_counter() - _IMPORTED
    started = time.perf_counter()
    features = _run(options, graph, decode)
    ended = time.perf_counter()
    figures = {
        "images": len(features),
        "checksum": float(np.abs(features.astype(np.float64)).mean()),
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
    add("--precision", choices=["f32", "bf16"], default="f32")
    add("--cores", choices=["batch_each", "share_batch"], default="batch_each")
    add("--shape", choices=["any", "fixed"], default="any", help="of a batch, as the graph is compiled for")
    add("--decoder", choices=["pillow", "pillow_draft", "torchvision"], default="pillow")
    add("--batch", type=int, default=4)
    return parser.parse_args()


def _decoder(name: str) -> Decode:
    if name == "pillow":
        return _decode_by_pillow
    if name == "pillow_draft":
        return _decode_by_pillow_in_steps
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415 - a second of imports, if chosen
    from torchvision.transforms.v2 import functional  # noqa: PLC0415

    torch.set_num_threads(1)

    def decode(photo: bytes) -> NDArray[np.uint8]:
        pixels = decode_jpeg(torch.frombuffer(bytearray(photo), dtype=torch.uint8), mode=ImageReadMode.RGB)
        resized: torch.Tensor = functional.resize(pixels, [SIDE, SIDE], antialias=True)
        return resized.permute(1, 2, 0).numpy()

    return decode


def _decode_by_pillow(photo: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(photo)) as image:
        image.draft("RGB", (SIDE, SIDE))
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _decode_by_pillow_in_steps(photo: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(photo)) as image:
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0)
        return np.asarray(small)


def _compile(options: argparse.Namespace) -> ov.CompiledModel:
    network = build_backbone(options.weights).requires_grad_(requires_grad=False)
    replace_last_linear(network, nn.Identity())
    model = ov.convert_model(network, example_input=torch.zeros(1, 3, SIDE, SIDE))
    model.reshape([-1, 3, SIDE, SIDE])
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(255 * MEAN).scale(255 * DEVIATION)
    model = steps.build()
    if options.shape == "fixed":
        model.reshape([options.batch, SIDE, SIDE, 3])
    cores = count_cores()
    return ov.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": options.precision,
            "NUM_STREAMS": 1 if options.cores == "share_batch" else cores,
            "INFERENCE_NUM_THREADS": cores,
        },
    )


def _run(options: argparse.Namespace, graph: ov.CompiledModel, decode: Decode) -> NDArray[np.float32]:
    archive = zipfile.ZipFile(options.photos)
    names = sorted(archive.namelist())[: options.limit]
    batches = [names[start : start + options.batch] for start in range(0, len(names), options.batch)]
    own = threading.local()

    def read(batch: list[str]) -> NDArray[np.uint8]:
        pixels = np.stack([decode(archive.read(name)) for name in batch])
        missing = options.batch - len(batch) if options.shape == "fixed" else 0
        return np.pad(pixels, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else pixels

    def compute(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not hasattr(own, "request"):
            own.request = graph.create_infer_request()
        output: NDArray[np.float32] = own.request.infer([pixels], share_inputs=True)[0].copy()
        return output

    if options.cores == "share_batch":
        # One thread decodes ahead; the engine takes all cores for a batch.
        with ThreadPoolExecutor(1) as pool:
            outputs = [compute(pixels) for pixels in pool.map(read, batches)]
    else:
        with ThreadPoolExecutor(count_cores()) as pool:
            outputs = list(pool.map(lambda batch: compute(read(batch)), batches))
    return np.concatenate(outputs)[: len(names)]


if __name__ == "__main__":
    main()
