"""Where runs are kept: the published ones in the package, and a folder of this machine's."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from leukgnn import files
from leukgnn.experiments.fingerprint import code_fingerprint
from leukgnn.files import InputError
from leukgnn.profiles import profile

if TYPE_CHECKING:
    from leukgnn.experiments.runs import Run

PUBLISHED = files.shipped_path("runs")
Maker = dict[str, str]  # who computed a run: commit, processor, python, torch
UNREADABLE = (OSError, SafetensorError, KeyError, ValueError)


@dataclass(frozen=True, eq=False)
class Value:
    """What a run gives.

    Attributes
    ----------
    probability : ndarray, shape (asked cells,), float32
        Of class 1, in the order of the features' table.
    curves : ndarray, shape (measured epochs, 5), float64
        Of `networks.fit`, columns `networks.CURVES`; empty for what is no GCN or MLP.
    choice : ndarray, shape (strengths,), float64
        ROC AUC of each strength on the inner split; empty where there is none to choose.
    """

    probability: NDArray[np.float32]
    curves: NDArray[np.float64]
    choice: NDArray[np.float64]

    @property
    def sha256(self) -> str:
        """Hash of all numbers: a damaged copy has another one."""
        parts = (self.probability, self.curves, self.choice)
        return files.sha256_bytes(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))


class Store:
    """Runs by description: read from the published ones and from a folder, written to the folder.

    Two processes may share a folder: a run is written to a name of its own and then renamed.
    What was computed by other code than today's, or is damaged, is not there and is computed anew.

    Parameters
    ----------
    folder : Path
        Where this machine's runs are kept.
    published : bool
        Whether the published runs are read.
    """

    def __init__(self, folder: Path, *, published: bool) -> None:
        self.folder = folder
        self.published = published

    def __contains__(self, run: Run) -> bool:
        return self.read(run) is not None

    def read(self, run: Run) -> Value | None:
        """Answers of a run, or None where there are none."""
        if self.published and run.key in published_runs():
            return published_runs()[run.key]
        return self.read_own(run)

    def read_own(self, run: Run) -> Value | None:
        """Answers of a run that this machine computed, by the code as it is today."""
        path = self._path(run)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as stored:
                value = Value(*(stored.get_tensor(name) for name in Value.__annotations__))
                metadata = stored.metadata() or {}
            if metadata["sha256"] != value.sha256:
                raise ValueError("its hash differs")
            if metadata["code"] != code_fingerprint():
                return None
        except UNREADABLE as error:
            print(f"leukgnn: {path} is damaged ({error}): computed anew.", file=sys.stderr)
            return None
        return value

    def get(self, run: Run) -> Value:
        """Answers of a run that is there."""
        value = self.read(run)
        if value is None:
            raise InputError(f"{run.name} is not in {self.folder}: compute it with `leukgnn runs`.")
        return value

    def write(self, run: Run, value: Value) -> None:
        """Keep a run, whole or not at all."""
        metadata = {
            "description": run.description,
            "sha256": value.sha256,
            "code": code_fingerprint(),
            "provenance": json.dumps(files.provenance(), sort_keys=True),
        }
        # safetensors takes arrays as they lie in memory.
        arrays = {n: np.ascontiguousarray(getattr(value, n)) for n in Value.__annotations__}
        with files.atomic_path(self._path(run)) as temporary:
            save_file(arrays, temporary, metadata=metadata)

    def provenance(self, run: Run) -> dict[str, Any]:
        """Who computed a run of this machine's: commit, libraries, processor."""
        with safe_open(self._path(run), framework="numpy") as stored:
            origin: dict[str, Any] = json.loads(stored.metadata()["provenance"])
        return origin

    def _path(self, run: Run) -> Path:
        return self.folder / run.key[:2] / f"{run.key}.safetensors"


def open_store(name: str) -> Store:
    """Store of the checkout (outside one: of the working folder), as this profile uses it."""
    return Store(runs_folder(), published=profile(name).published)


def runs_folder() -> Path:
    """Folder of this machine's runs.

    The environment's LEUKGNN_RUNS names another one, such as one that several machines share.
    """
    return Path(os.environ.get("LEUKGNN_RUNS") or files.build_folder() / "runs")


def published_files() -> list[Path]:
    """Files of the published runs; what a killed `make publish` left begins with a dot."""
    return sorted(PUBLISHED.glob("[!.]*.parquet"))


@lru_cache(maxsize=1)
def published_runs() -> dict[str, Value]:
    """All published runs by key; empty where none ship.

    Raises
    ------
    InputError
        When a file is damaged.
    """
    return {key: value for path in published_files() for key, value in _read(path)}


def _read(path: Path) -> Iterable[tuple[str, Value]]:
    """Runs of one published file."""
    try:
        rows = pq.read_table(path)
        arrays = [rows[name].combine_chunks() for name in Value.__annotations__]
        texts = [rows[name].to_pylist() for name in ("key", "description", "sha256", "width")]
        found = []
        for i, (key, description, sha256, width) in enumerate(zip(*texts, strict=True)):
            probability, curves, choice = (array[i].values.to_numpy() for array in arrays)
            curves = curves.reshape(-1, width) if width else np.zeros((0, 0))
            found.append((key, description, sha256, Value(probability, curves, choice)))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a file of runs ({error}); install leukgnn again.") from error
    for key, description, sha256, value in found:
        if value.sha256 != sha256 or files.sha256_bytes(description.encode()) != key:
            raise InputError(
                f"{path}: the answers of the run {description} are damaged; install leukgnn again."
            )
    return [(key, value) for key, _, _, value in found]


def published_makers() -> dict[str, Maker]:
    """Who computed each published run, by key."""
    return {
        key: json.loads(made)
        for path in published_files()
        for key, made in zip(
            *pq.read_table(path, columns=["key", "made"]).to_pydict().values(), strict=True
        )
    }


def write_published(
    path: Path, runs: Mapping[str, tuple[str, Value]], makers: Mapping[str, Maker]
) -> None:
    """Write runs into one compressed file: by key, their description, their value, their maker."""
    values = [value for _, value in runs.values()]
    table = pa.table(
        {
            "key": pa.array(list(runs)),
            "description": pa.array([description for description, _ in runs.values()]),
            "sha256": pa.array([value.sha256 for value in values]),
            "made": pa.array([json.dumps(makers[key], sort_keys=True) for key in runs]),
            "width": pa.array([value.curves.shape[1] for value in values]),
            "probability": pa.array([v.probability for v in values], pa.list_(pa.float32())),
            "curves": pa.array([v.curves.ravel() for v in values], pa.list_(pa.float64())),
            "choice": pa.array([v.choice for v in values], pa.list_(pa.float64())),
        }
    )
    with files.atomic_path(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            # The leading bytes of probabilities are alike, the trailing ones are not.
            column_encoding={"probability.list.element": "BYTE_STREAM_SPLIT"},
        )
