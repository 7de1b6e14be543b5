"""The demo as files that any static host serves: the page, and the networks as ONNX.

Two graphs, without control flow that depends on data. `encoder.onnx` turns a cell's pixels into
features; its weights are kept at `BITS` bits a number, which is where answers stay what they are
and the download small. `decision.onnx` judges features over any chosen reference cells: attachment
is one product with all of them, so whoever asks may choose other neighbours, or none.
"""

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pandas as pd
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from leukgnn import files
from leukgnn.cells.appearance import box_range
from leukgnn.cells.images import LARGEST_SIDE
from leukgnn.cells.phantoms import SIDE
from leukgnn.cells.table import training_cells
from leukgnn.cells.transforms import DARK
from leukgnn.demo.model_file import PARAMETERS, PASSED_ON, Floats, find_reference, read_model
from leukgnn.demo.predict import FILE_BYTES, FILES, described
from leukgnn.demo.samples import sample_names, sample_picture
from leukgnn.features import read_features_file, resnet
from leukgnn.files import InputError
from leukgnn.graphs import LIKE
from leukgnn.paper import IMAGES
from leukgnn.text import with_policy

PAGE = Path(__file__).with_name("page")
BITS = 10  # of a weight of the encoder; with 8, one label in seventy comes out otherwise
OPSET = 20
VERSION = 2  # of the files; a page refuses those of another
DIGITS = 12  # of a SHA-256: enough to know a file again
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def export(folder: Path) -> int:
    """Write the page and all it needs into a folder that is made anew.

    Parameters
    ----------
    folder : Path
        Gets the page's own files, `model.json` (what a reader must know, the limits, the files with
        their lengths and SHA-256), `reference.json` (filename, subject, label and digest of the
        reference cells), `encoder.onnx.gz`, `decision.onnx.gz` and `samples/`.

    Returns
    -------
    int
        Bytes that a reader loads in order to classify.

    Raises
    ------
    InputError
        When the folder holds something other than an earlier export: that is not thrown away.
    """
    files.check_named(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not _is_export(folder)):
        raise InputError(
            f"{folder}: holds something else than an earlier export; give a folder that is empty "
            "or not there yet."
        )
    weights = resnet.find_weights()
    reference = find_reference(weights)
    cells = read_features_file(reference)
    tensors, metadata = read_model(reference)
    with files.atomic_folder(folder) as made:
        shutil.copytree(PAGE, made, dirs_exist_ok=True)
        (made / "index.html").write_text(_at_home(PAGE / "index.html"), encoding="utf-8")
        content = {
            "encoder.onnx.gz": _gzipped(packed(encoder(weights)).SerializeToString()),
            "decision.onnx.gz": _gzipped(decision(tensors, cells.x).SerializeToString()),
            "reference.json": _reference(cells.table),
        }
        for name, data in content.items():
            (made / name).write_bytes(data)
        (runtime,) = (made / "assets").glob("*.wasm.gz")
        content[f"assets/{runtime.name}"] = runtime.read_bytes()
        (made / "samples").mkdir()
        for name in sample_names():
            (made / "samples" / name).write_bytes(sample_picture(name))
        model = _model(metadata, content)
        (made / "model.json").write_text(json.dumps(model, sort_keys=True), encoding="utf-8")
    return sum(len(data) for data in content.values())


def _is_export(folder: Path) -> bool:
    """Whether a folder has what every export has.

    `model.json` it may lack: Snakemake takes the outputs of a step away before it runs it again.
    """
    return all((folder / name).is_file() for name in ("encoder.onnx.gz", "decision.onnx.gz"))


def _model(metadata: dict[str, Any], content: dict[str, bytes]) -> dict[str, Any]:
    """What the page must know."""
    least, greatest = box_range()
    return described(metadata) | {
        "version": VERSION,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in content.items()
        },
        "limits": {
            "files": FILES, "file_bytes": FILE_BYTES, "request_bytes": FILES * FILE_BYTES,
            "least_side": IMAGES.size, "greatest_side": LARGEST_SIDE,
        },
        "looks": {
            "side": SIDE, "seen": IMAGES.size, "dark": DARK, "least_box": least,
            "greatest_box": greatest, "like": LIKE,
        },
        "samples": [{"name": name, "url": f"samples/{name}"} for name in sample_names()],
    }  # fmt: skip


def _reference(table: pd.DataFrame) -> bytes:
    """Who the reference cells are, and how the SHA-256 of each file as distributed begins."""
    known = training_cells().set_index("filename").loc[table["filename"], "sha256"]
    columns = {n: table[n].tolist() for n in ("filename", "subject", "label")}
    return json.dumps(columns | {"sha256": known.str[:DIGITS].tolist()}).encode()


def _at_home(page: Path) -> str:
    """The page told that it has no server, and its policy, which no host needs to send."""
    text = page.read_text(encoding="utf-8")
    return with_policy(text.replace("<html", '<html data-home="static"', 1), POLICY)


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)  # with 9 it takes five times as long for 0.5 % less


class _Shown(nn.Module):
    """ResNet-18 with `fc = Identity`, from pixels 0 to 255."""

    def __init__(self, weights: resnet.Weights) -> None:
        super().__init__()
        self.body = resnet.body(weights)
        self.shown, _ = resnet.preprocessing(weights)

    def forward(self, pixels: Tensor) -> Tensor:
        return cast(Tensor, self.body(self.shown(pixels)))


def encoder(weights: resnet.Weights) -> onnx.ModelProto:
    """The encoder: `pixels` (1, 3, 128, 128), float32 from 0 to 255, to `features` (1, 512)."""
    pixels = torch.zeros(1, 3, IMAGES.size, IMAGES.size)
    return _exported(_Shown(weights), {"pixels": pixels}, ["features"])


class Decision(nn.Module):
    """GCN and MLP on one new cell's features, over chosen reference cells.

    The reference cells' hidden features do not change when a new one is attached, so their scores
    are stored (`demo.model.passed_on`); a new cell with no neighbour is the paper's dummy node.
    """

    columns: Tensor
    length: Tensor
    degree: Tensor
    scores: Tensor

    def __init__(self, tensors: Mapping[str, Floats], x: NDArray[np.float32]) -> None:
        super().__init__()
        self.register_buffer("columns", torch.from_numpy(x.T.copy()).half())  # packs better so
        self.register_buffer("length", torch.from_numpy(np.linalg.norm(x, axis=1)))
        for name in PASSED_ON:
            self.register_buffer(name, torch.from_numpy(tensors[name]).float())
        self.gcn, self.mlp = (
            nn.ParameterList([torch.from_numpy(tensors[f"{key}.{name}"]).float() for name in names])
            for key, names in PARAMETERS.items()
        )

    def forward(self, features: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cosine with each reference cell (1, n), P(leukemic) by GCN (m,) and by MLP (1,).

        `features` (1, 512) are the new cell's; each row of `chosen` (m, n) is one neighbourhood, 1
        for its neighbours, else 0.
        """
        columns = self.columns.float()
        similarity = features @ columns / (self.length * features.norm())
        own = 1 / (chosen.sum(dim=1, keepdim=True) + 1)
        edge = chosen * (own / self.degree).sqrt()
        smoothed = own * features + edge @ columns.T
        judged = own * self._scores(self.gcn, smoothed) + edge @ self.scores + self.gcn[3]
        alone = self._scores(self.mlp, features) + self.mlp[3]
        return similarity, judged.softmax(1)[:, 1], alone.softmax(1)[:, 1]

    @staticmethod
    def _scores(network: nn.ParameterList, x: Tensor) -> Tensor:
        """Hidden features times the second layer's weights."""
        first, bias, second, _ = network
        return cast(Tensor, torch.relu(x @ first.T + bias) @ second.T)


def decision(tensors: Mapping[str, Floats], x: NDArray[np.float32]) -> onnx.ModelProto:
    """`Decision` as a graph, with the reference cells in it as float16."""
    given = {"features": torch.ones(1, x.shape[1]), "chosen": torch.zeros(2, len(x))}
    many = {"features": {}, "chosen": {0: torch.export.Dim("neighbourhoods")}}
    return _exported(Decision(tensors, x), given, ["similarity", "gcn", "mlp"], many)


def _exported(
    network: nn.Module, given: dict[str, Tensor], outputs: list[str],
    many: dict[str, Any] | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """Graph of a network; `many` names the axes of its inputs whose length is open."""
    program = torch.onnx.export(
        network.eval(), tuple(given.values()), input_names=list(given), output_names=outputs,
        opset_version=OPSET, dynamo=True, verbose=False, dynamic_shapes=many,
    )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program.")
    return program.model_proto


def packed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep the convolutions' weights at `BITS` bits, a scale an output channel.

    Upper 8 bits and lower ones stand in tensors of their own, as bytes of one kind pack better.
    The graph puts them together, which a runtime does once, when it loads it.
    """
    kept, first, low = [], [], 2 ** (BITS - 8)
    for weight in model.graph.initializer:
        value, name = numpy_helper.to_array(weight), weight.name
        if value.ndim != 4:
            kept.append(weight)
            continue
        top = np.abs(value).max(axis=(1, 2, 3), keepdims=True)
        scale = (top / (2 ** (BITS - 1) - 1)).astype(np.float32)
        whole = np.round(value / scale).astype(np.int16)
        parts = {
            "upper": (whole // low).astype(np.int8),
            "lower": (whole % low).astype(np.uint8),
            "scale": scale,
            "upper_scale": low * scale,
        }
        kept += [numpy_helper.from_array(part, f"{name}.{key}") for key, part in parts.items()]
        for key, factor in (("upper", "upper_scale"), ("lower", "scale")):
            first += [
                helper.make_node(
                    "Cast", [f"{name}.{key}"], [f"{name}.{key}_float"], to=TensorProto.FLOAT
                ),
                helper.make_node(
                    "Mul", [f"{name}.{key}_float", f"{name}.{factor}"], [f"{name}.{key}_scaled"]
                ),
            ]
        sides = [f"{name}.upper_scaled", f"{name}.lower_scaled"]
        first.append(helper.make_node("Add", sides, [name]))
    nodes = [*first, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model
