"""The explorer: a page on which a reader moves the threshold and sees who is answered how.

Its files hold every answer of the shown models and, from `evaluation`, every interval: the page
counts, and leaves statistics to the code that the book's other numbers come from.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import evaluation, files, names, paper
from leukgnn.book.published import row_of
from leukgnn.experiments import Asked, Partition, Plan, Store, values
from leukgnn.graphs import attach
from leukgnn.text import with_policy

PAGE = Path(__file__).parent / "explorer"  # built from frontend/
VERSION = 1  # of the files; a page refuses those of another
PROTOCOLS = ("as_written", "subject_disjoint", "as_released")
MODELS = ("gcn", "mlp", "svm", "logistic", "knn", "size", "cnn", "encoder", "majority")
THRESHOLDS = tuple(round(step / 50, 2) for step in range(1, 50))
MOST = 50  # neighbours of a cell
FREE = ("roc_auc", "size_adjusted_auc")  # of a threshold
SPAN = ["value", "low", "high"]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)  # the drawing library brings its own styles


def export(
    predictions: pd.DataFrame, intervals: pd.DataFrame, plan: Plan, store: Store, folder: Path
) -> int:
    """Write the page and its data into a folder that is made anew.

    Parameters
    ----------
    predictions, intervals : DataFrame
        Of a build's results.
    plan : Plan
        Of the features whose neighbourhoods are shown.
    store : Store
        Where the plan's runs are.
    folder : Path
        Gets the page's own files, and two pairs of data files, `explorer` and `cells`, each a
        `.json` that names the parts of a `.bin`.

    Returns
    -------
    int
        Bytes of the data files.
    """
    chosen = predictions["protocol"].isin(PROTOCOLS) & predictions["model"].isin(MODELS)
    told, content = described(predictions[chosen], intervals)
    cells, cells_content = neighbourhoods(plan, store)
    text = json.dumps(cells, sort_keys=True)
    told["cells"] = len(text) + len(cells_content)  # a reader is told before they are loaded
    data: dict[str, bytes] = {
        "explorer.json": json.dumps(told, sort_keys=True).encode(),
        "explorer.bin": content,
        "cells.json": text.encode(),
        "cells.bin": cells_content,
    }
    with files.atomic_folder(folder) as made:
        shutil.copytree(PAGE, made, dirs_exist_ok=True)
        page = (made / "explorer.html").read_text(encoding="utf-8")
        (made / "explorer.html").unlink()
        (made / "index.html").write_text(with_policy(page, POLICY), encoding="utf-8")
        for name, part in data.items():
            (made / name).write_bytes(part)
    return sum(map(len, data.values()))


def described(predictions: pd.DataFrame, intervals: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
    """What the page must know, and one run of bytes with the numbers.

    Returns
    -------
    told : dict
        `subjects` (linked ones as one) with their class, the `subject` of each cell, and for each
        protocol its models, each with its `runs`: where in the bytes the run's cells (uint16) and
        their probabilities (float32) begin, and how many there are. `at` says where the model's
        intervals begin: float32, thresholds by `metrics` by value, low and high.
    content : bytes
    """
    table = evaluation.with_merged_subjects(predictions)
    people = table.groupby("subject")["label"].first()
    cells = table.drop_duplicates("filename").set_index("filename")["subject"].sort_index()
    packed = _Packed()
    protocols = []
    free = intervals.set_index(["protocol", "model", "metric"])
    at = evaluation.intervals_at(predictions, THRESHOLDS)
    at = at.set_index(["protocol", "model"]).sort_index()
    for protocol in PROTOCOLS:
        own = table[table["protocol"] == protocol]
        there = set(own["model"])
        models = [
            {
                "key": model,
                "label": names.label(model),
                "colour": names.model_colour(model),
                "runs": [
                    packed.run(cells.index.get_indexer(pd.Index(r["filename"])), r["probability"])
                    for _, r in own[own["model"] == model].groupby("seed")
                ],
                "free": _free(free, protocol, model),
                "at": packed.add(_in_order(at.loc[[(protocol, model)]]).astype(np.float32)),
            }
            for model in MODELS
            if model in there
        ]
        label = names.PROTOCOLS[protocol].label
        protocols.append({"key": protocol, "label": label, "models": models})
    told = {
        "version": VERSION,
        "threshold": paper.THRESHOLD,
        "thresholds": THRESHOLDS,
        "metrics": [_named(metric) for metric in evaluation.COUNTED],
        "free": [_named(metric) for metric in FREE],
        "printed": {
            name: getattr(paper.PRINTED["gcn"], name)
            for name in ("accuracy", "precision", "recall", "f1")
        },
        "classes": [names.CLASSES[c].label for c in (0, 1)],
        "subjects": [{"name": str(name), "leukemic": bool(c)} for name, c in people.items()],
        "subject": people.index.get_indexer(pd.Index(cells)).tolist(),
        "protocols": protocols,
        "bytes": len(packed.content),
    }
    return told, bytes(packed.content)


def _free(intervals: pd.DataFrame, protocol: str, model: str) -> dict[str, list[float]]:
    """Value, low and high of the metrics that no threshold changes, as far as there are some."""
    found = {m: (protocol, model, m) for m in FREE if (protocol, model, m) in intervals.index}
    return {
        m: row_of(intervals, key)[SPAN].astype(float).round(6).tolist() for m, key in found.items()
    }


def neighbourhoods(plan: Plan, store: Store) -> tuple[dict[str, Any], bytes]:
    """Every cell's nearest cells among the other folds, and what two networks say of it.

    Returns
    -------
    told : dict
        `filename`, `subject`, `leukemic`, and the `box` (width, height) of each cell; `ks`; and
        where in the bytes begin `near` (uint16) and `similarity` (float32), both cells by `most`,
        `mlp` (float32) and, for each of `ks`, `gcn`: probabilities by the networks of the first
        seed, of the twin without graph and of one trained with that many neighbours.
    content : bytes
    """
    features = plan.sources.paper
    table, x = features.table, features.x
    splits = Partition(by="official").splits(features)
    most = min(MOST, *(int(split.train.sum()) for split in splits))
    near = np.zeros((len(x), most), dtype=np.uint16)
    similarity = np.zeros((len(x), most), dtype=np.float32)
    for split in splits:
        known, new = np.flatnonzero(split.train), np.flatnonzero(split.test)
        rows, cosines = attach(x[new], x[known], most)
        near[new], similarity[new] = known[rows], cosines
    first = replace(plan, seeds=1)
    networks = {("gcn", plan.k): first.subject_disjoint(["gcn"])}
    networks |= {("gcn", k): replace(first, ks=(k,)).sweep() for k in plan.ks}
    networks["mlp", plan.k] = first.subject_disjoint(["mlp"])
    whole = {key: _whole(asked, store, len(x)) for key, asked in networks.items()}
    packed = _Packed()
    ks = sorted(k for model, k in whole if model == "gcn" and k <= most)
    told = {
        "version": VERSION,
        "filename": table["filename"].tolist(),
        "subject": table["subject"].astype(str).tolist(),
        "leukemic": (table["label"] == 1).tolist(),
        "box": table[["bbox_w", "bbox_h"]].astype(int).to_numpy().tolist(),
        "most": most,
        "near": packed.add(near),
        "similarity": packed.add(similarity),
        "ks": ks,
        "gcn": [packed.add(whole["gcn", k]) for k in ks],
        "mlp": packed.add(whole["mlp", plan.k]),
    }
    return told | {"bytes": len(packed.content)}, bytes(packed.content)


def _whole(asked: Sequence[Asked], store: Store, n: int) -> np.ndarray:
    """Answers of all folds' networks in one array, shape (n,)."""
    found = np.full(n, np.nan, dtype=np.float32)
    for a, value in zip(asked, values(asked, store, progress=False), strict=True):
        found[a.run.asked(a.features)] = value.probability
    return found


def _named(metric: str) -> dict[str, str]:
    return {"key": metric, "label": names.METRICS[metric].label}


def _in_order(rows: pd.DataFrame) -> np.ndarray:
    """Intervals of one model, shape (thresholds, metrics, 3)."""
    wide = rows.set_index(["threshold", "metric"])[SPAN]
    asked = pd.MultiIndex.from_product([THRESHOLDS, evaluation.COUNTED])
    return wide.loc[asked].to_numpy().reshape(len(THRESHOLDS), len(evaluation.COUNTED), 3)


class _Packed:
    """Arrays one after another, each at a place that its numbers fit to."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._places: dict[bytes, int] = {}

    def add(self, values: np.ndarray) -> int:
        """Where these numbers begin; equal ones are kept once."""
        data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        if data not in self._places:
            self.content += b"\0" * (-len(self.content) % values.dtype.itemsize)
            self._places[data] = len(self.content)
            self.content += data
        return self._places[data]

    def run(self, cells: np.ndarray, probability: pd.Series) -> dict[str, int]:
        """One run's cells and probabilities."""
        return {
            "n": len(cells),
            "cells": self.add(cells.astype(np.uint16)),
            "probability": self.add(probability.to_numpy(np.float32)),
        }
