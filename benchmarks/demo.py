"""The demo: where the time of one answer goes, and what many clients at once meet."""

import io
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import psutil
import torch

from benchmarks.timing import THREADS, TURNS, Task, in_turns, seconds
from leukgnn.cells import phantoms
from leukgnn.cells.images import decode_image
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.demo import Predictor
from leukgnn.features import resnet

CELLS = 256
ALONE = 200  # answers to one client, one after the other
CLIENTS = 8
SECONDS = 60


def stages() -> list[dict[str, Any]]:
    """Milliseconds of each step of one answer, as shares of ResNet-18's; cells/s of a batch."""
    weights = resnet.find_weights()
    predictor, embed = Predictor(weights), resnet.extractor(weights)
    content = bmp()
    pixels = evaluation_pixels(decode_image(content, "phantom"))[None]
    x = embed(pixels)
    near, _ = predictor.attach(x)
    steps: dict[str, Task] = {
        "decoding and resizing a BMP": lambda: evaluation_pixels(decode_image(content, "phantom")),
        "ResNet-18": lambda: embed(pixels),
        "attachment to 7,936 cells": lambda: predictor.attach(x),
        "GCN and MLP": lambda: (predictor.judge(x, near), predictor.without_graph(x)),
    }
    for task in steps.values():
        task()
    taken = {
        name: statistics.median(seconds(task) for _ in range(4 * TURNS))
        for name, task in steps.items()
    }
    rows = [
        figure(f"one cell: {name}, ms", 1e3 * value, value / taken["ResNet-18"])
        for name, value in taken.items()
    ]
    images = [decode_image(content, "phantom")] * CELLS
    batches = [torch.cat([pixels] * 32)] * (CELLS // 32)
    ours, plain, ratio = in_turns(
        lambda: predictor.predict(images), lambda: [embed(batch) for batch in batches], 3
    )
    rows.append(figure(f"{CELLS} decoded cells, cells/s", CELLS / ours, 1 / ratio))
    rows.append(figure(f"{CELLS} cells, ResNet-18 alone, cells/s", CELLS / plain, 1.0))
    return rows


def load() -> list[dict[str, Any]]:
    """Latency of single-image requests on loopback, from one client and from 8 for a minute."""
    with serving("") as (process, address):
        for _ in range(4 * CLIENTS):
            ask(address, bmp())
        alone = [seconds(partial(ask, address, bmp())) for _ in range(ALONE)]
        before = process.memory_info().rss
        taken, failed = crowd(address)
        grown = (process.memory_info().rss - before) / 2**20
    many = f"{CLIENTS} clients, {SECONDS} s"
    return [
        figure("one client: median latency, ms", 1e3 * float(np.percentile(alone, 50))),
        figure("one client: 95th percentile, ms", 1e3 * float(np.percentile(alone, 95))),
        figure(f"{many}: median latency, ms", 1e3 * float(np.percentile(taken, 50))),
        figure(f"{many}: 95th percentile, ms", 1e3 * float(np.percentile(taken, 95))),
        figure(f"{many}: answers/s", len(taken) / SECONDS),
        figure(f"{many}: failed requests", failed),
        figure(f"{many}: memory gained, MB", grown),
    ]


@contextmanager
def serving(weights: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run the demo by its command at a free port: its process and its address."""
    command = [sys.executable, "-m", "leukgnn.cli", "serve", "--port", "0", "--weights", weights]
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found, "the demo did not start"
            yield psutil.Process(server.pid), found.group()
        finally:
            server.terminate()


def figure(name: str, value: float, ratio: float | None = None) -> dict[str, Any]:
    return {"What": name, "Value": value, "To ResNet-18 alone": ratio}


def bmp() -> bytes:
    stream = io.BytesIO()
    phantoms.draw_cell(1, np.random.default_rng(0)).save(stream, "BMP")
    return stream.getvalue()


def ask(address: str, content: bytes) -> float:
    """Upload one image; the probability that comes back."""
    body = b"--b\r\nContent-Disposition: form-data; name=file; filename=a.bmp\r\n\r\n" + content
    request = urllib.request.Request(
        f"{address}/api/predict",
        data=body + b"\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        return float(json.load(response)["results"][0]["probability"])


def crowd(address: str) -> tuple[list[float], int]:
    """Seconds of every answer that the clients got, and how many requests failed."""
    taken: list[float] = []
    failed: list[OSError] = []
    end, content = time.monotonic() + SECONDS, bmp()

    def client() -> None:
        while time.monotonic() < end:
            try:
                taken.append(seconds(lambda: ask(address, content)))
            except OSError as error:
                failed.append(error)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    return taken, len(failed)
