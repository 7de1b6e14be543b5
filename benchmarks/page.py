"""The page without a server: whether it answers as Python does, and how long a cell takes.

`python -m benchmarks.page IMAGES` writes `page.json`, which the book shows.
"""

import gzip
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

from leukgnn import cells, files
from leukgnn.book import checks
from leukgnn.cells import phantoms
from leukgnn.cells.images import read_image
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.demo import Predictor, export
from leukgnn.features import resnet
from leukgnn.paper import THRESHOLD

REAL = 200  # images through both encoders
TIMED = 40  # phantoms through the page, one after the other
TOLD = r"image ([\d,]+).ms, the encoder ([\d,]+).ms, neighbours and networks ([\d,]+).ms"
STEPS = ("reading the image", "encoder", "neighbours and networks")


def main(images: Path) -> None:
    """Measure, and write `page.json`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "try"
        export.export(folder)
        told = {
            "agreement": _agreement(folder, images),
            "milliseconds": _milliseconds(folder),
            "provenance": files.provenance(),
        }
    files.write_json(Path(__file__).with_name("page.json"), told)


def _agreement(folder: Path, images: Path) -> list[dict[str, Any]]:
    """Labels that are Python's, and the largest difference of a probability."""
    options = onnxruntime.SessionOptions()
    encoder, decision = (
        onnxruntime.InferenceSession(
            gzip.decompress((folder / f"{name}.onnx.gz").read_bytes()), options
        )
        for name in ("encoder", "decision")
    )
    predictor = Predictor(resnet.find_weights())
    x = predictor._x
    rows = [_compared("all reference cells, their features", predictor, decision, x, x)]
    table = cells.scan(images).sample(REAL, random_state=0)
    pixels = [evaluation_pixels(read_image(path))[None] for path in table["path"]]
    embed = resnet.extractor(resnet.find_weights())
    ours = np.concatenate([embed(p) for p in pixels])
    packed = np.concatenate([encoder.run(None, {"pixels": p.float().numpy()})[0] for p in pixels])
    return [*rows, _compared("images of real cells", predictor, decision, ours, packed)]


def _compared(
    name: str, predictor: Predictor, decision: onnxruntime.InferenceSession,
    ours: NDArray[np.float32], theirs: NDArray[np.float32],
) -> dict[str, Any]:  # fmt: skip
    near, _ = predictor.attach(ours)
    expected = predictor.judge(ours, near)
    chosen = np.zeros((1, len(predictor._x)), dtype=np.float32)
    found, same = [], []
    for x, own in zip(theirs[:, None], near, strict=True):
        similarity, *_ = decision.run(None, {"features": x, "chosen": 0 * chosen})
        attached = np.argsort(-np.round(similarity[0], 7), kind="stable")[: near.shape[1]]
        chosen[:] = 0
        chosen[0, attached] = 1
        found.append(decision.run(None, {"features": x, "chosen": chosen})[1][0])
        same.append(len(set(attached) & set(own)) / len(own))
    labels = (np.array(found) >= THRESHOLD) == (expected >= THRESHOLD)
    return {
        "cells": name,
        "n": len(ours),
        "same_labels": float(labels.mean()),
        "same_neighbours": float(np.mean(same)),
        "largest_difference": float(np.abs(np.array(found) - expected).max()),
    }


def _milliseconds(folder: Path) -> list[dict[str, Any]]:
    """What the page says that each step took, one phantom after the other."""
    pictures = folder.parent / "pictures"
    pictures.mkdir()
    for number in range(TIMED):
        image = phantoms.draw_cell(number % 2, np.random.default_rng([5, number]))
        image.save(pictures / f"{number:02d}.bmp")
    with checks.served(folder.parent) as root, sync_playwright() as running:
        launched = running.chromium.launch(executable_path=checks.chromium(), args=checks.QUIET)
        page = launched.new_page()
        page.goto(f"{root}/{folder.name}/")
        page.get_by_test_id("load").click()
        page.get_by_test_id("load").wait_for(state="detached")
        page.get_by_test_id("dropzone-input").set_input_files(sorted(pictures.iterdir()))
        page.get_by_test_id("classify").click()
        page.get_by_text(f"{TIMED} cells classified.").wait_for()
        said = pd.Series(page.get_by_test_id("took").all_text_contents())
    taken = said.str.replace("\xa0", " ").str.extract(TOLD).astype(float)
    taken.columns = pd.Index(STEPS)
    taken["one cell"] = taken.sum(axis=1)
    return [
        {"step": step, "median": float(v.median()), "of_20_at_most": float(v.quantile(0.95))}
        for step, v in taken.items()
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
