"""Features of cells: the feature file with its provenance, and the shipped ones."""

import json
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukgnn import files
from leukgnn.cells import check_folds, training_cells
from leukgnn.files import InputError
from leukgnn.paper import EXTRACTOR

COLUMNS = ("filename", "fold", "subject", "label")


@dataclass(frozen=True, eq=False)
class Features:
    """Features of cells and where they come from.

    Attributes
    ----------
    x : ndarray, shape (n, 512), float32
        Of ResNet-18; of `all_sizes` shape (n, 1). Row i belongs to row i of `table`.
    table : DataFrame
        All columns of `training_cells` for cells of C-NMC 2019; for other cells (phantoms)
        `filename`, `fold`, `subject` and `label`.
    provenance : dict
        Weights (name and SHA-256), preprocessing, versions.
    origin : str
        One sentence for the page: which file, which cells, which weights.
    """

    x: NDArray[np.float32]
    table: pd.DataFrame
    provenance: dict[str, Any]
    origin: str

    @cached_property
    def key(self) -> str:
        """SHA-256 of the numbers and of each cell's name, fold, subject and label, in hexadecimal.

        Two feature sets share it only when numbers and cells are the same; they are equal then.
        """
        columns = (self.table[name].tolist() for name in COLUMNS)
        cells = (" ".join(map(str, cell)) for cell in zip(*columns, strict=True))
        return files.sha256_bytes("\n".join([features_hash(self.x), *cells]).encode())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Features) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Features":
        """Features of some of the cells.

        Parameters
        ----------
        rows : ndarray, shape (m,), integer or shape (n,), bool
            Positions of the cells, in the order wanted, or whether to take each cell.

        Returns
        -------
        Features
            Its table is numbered from 0; its origin says how many cells of how many these are.

        Raises
        ------
        IndexError
            When a position is out of range, or a bool array is not of length n.
        """
        x, table = self.x[rows], self.table.iloc[rows].reset_index(drop=True)
        origin = f"{len(x):,} of {self.origin}" if len(x) < len(self.x) else self.origin
        return replace(self, x=x, table=table, origin=origin)


def features_hash(features: NDArray[Any]) -> str:
    """SHA-256 of features as little-endian float32, in hexadecimal: the same on every machine."""
    return files.sha256_bytes(np.ascontiguousarray(features, dtype="<f4").tobytes())


def write_features(
    target: Path, x: NDArray[np.float32], table: pd.DataFrame, provenance: dict[str, Any]
) -> None:
    """Write the feature file (float16, no pickles) and its provenance, whole or not at all."""
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in COLUMNS}
    for name in ("filename", "fold", "subject"):
        columns[name] = columns[name].astype(str)  # fixed-width text, which needs no pickle
    with files.atomic_path(target) as temporary:
        np.savez_compressed(temporary, features=x.astype(np.float16), **columns)
        # Stopped from here on, new numbers have no provenance, and not that of the old ones.
        target.with_suffix(".json").unlink(missing_ok=True)
    files.write_json(target.with_suffix(".json"), provenance)


def read_features(inputs: str = "") -> Features:
    """Features for a chapter: those in `inputs`, else the project's, else the shipped ones.

    Parameters
    ----------
    inputs : str
        Folder of artifacts that holds `features.npz`. Empty: `build/artifacts` of the checkout
        if `leukgnn artifacts` has run, else the real cells' features that the package ships;
        `origin` says which.
    """
    if inputs:
        return read_features_file(files.find_artifact(inputs, "features.npz"))
    try:
        return read_features_file(files.find_artifact("", "features.npz"))
    except InputError:
        return shipped_features()


def shipped_features(kind: Literal["", "_random", "_unnormalised"] = "") -> Features:
    """Features of the 7,936 real cells that come with the package (float16).

    Parameters
    ----------
    kind : str
        "": the paper's (CC BY-NC 4.0 like their weights). "_random": by an untrained network, a
        control. "_unnormalised": of pixels scaled only, as in the released code (CC BY-NC 4.0).
    """
    return read_features_file(files.shipped_path(f"features{kind}.npz"))


def control_features(kind: Literal["_random", "_unnormalised"], table: pd.DataFrame) -> Features:
    """Shipped features of another kind for those cells of `table` that have them, in its order.

    Raises
    ------
    InputError
        When no cell of `table` is among the shipped ones.
    """
    shipped = shipped_features(kind)
    rows = pd.Index(shipped.table["filename"]).get_indexer(pd.Index(table["filename"]))
    rows = rows[rows >= 0]
    if not len(rows):
        raise InputError(f"features{kind}.npz holds none of the {len(table)} cells asked for.")
    return shipped.take(rows)


def all_sizes() -> Features:
    """All 10,661 labelled cells with a column of ones in place of features.

    For the control that reads the cell's size alone, which is known for all cells: the manifest
    holds the box of every cell, the shipped features hold 7,936 cells.
    """
    table = training_cells()
    return Features(
        np.ones((len(table), 1), np.float32),
        table,
        {"weights": {"name": "none"}},
        f"{len(table):,} cells of the manifest, by their size alone.",
    )


def read_features_file(path: Path) -> Features:
    """Read and check a feature file and the provenance beside it.

    Raises
    ------
    InputError
        When a file is missing, damaged, holds pickled objects, or its parts do not fit.
    """
    try:
        provenance = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as stored:
            x = stored["features"].astype(np.float32)
            table = pd.DataFrame({name: stored[name] for name in COLUMNS})
        name = provenance["weights"]["name"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path}: not a feature file with its .json beside it ({error}); "
            "make it again with `leukgnn features DIR`."
        ) from error
    if x.ndim != 2 or x.shape[1] != EXTRACTOR.features or len(x) != len(table):
        raise InputError(
            f"{path}: features have shape {x.shape} for {len(table)} names, "
            f"expected (n, {EXTRACTOR.features}); make it again with `leukgnn features DIR`."
        )
    if not table["filename"].is_unique:
        raise InputError(
            f"{path}: {table.loc[table['filename'].duplicated(), 'filename'].iloc[0]} is there "
            "twice; make it again with `leukgnn features DIR`."
        )
    check_folds(table, path)
    known = training_cells()
    if table["filename"].isin(known["filename"]).all():
        table = table[["filename"]].merge(known, on="filename", how="left", validate="1:1")
    return Features(x, table, provenance, f"{len(x):,} cells of {path.name}, by {name}.")
