"""Features of cells: the feature file with its provenance, the shipped ones, what they hold."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leukgnn import cells, files, graph
from leukgnn.files import InputError
from leukgnn.paper import EXTRACTOR

COLUMNS = ("filename", "fold", "subject", "label")


@dataclass(frozen=True)
class Features:
    """Features of cells and where they come from.

    Attributes
    ----------
    x : ndarray, shape (n, 512), float32
        Row i belongs to row i of `table`.
    table : DataFrame
        All columns of `cells.training_cells` for cells of C-NMC 2019; for other cells (phantoms)
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


def write_features(
    target: Path, x: NDArray[np.float32], table: pd.DataFrame, provenance: dict[str, Any]
) -> None:
    """Write the feature file (float16, no pickles) and its provenance, whole or not at all."""
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in COLUMNS}
    for name in ("filename", "fold", "subject"):
        columns[name] = columns[name].astype(str)  # fixed-width text, which needs no pickle
    with files.atomic_path(target) as temporary:
        np.savez_compressed(temporary, features=x.astype(np.float16), **columns)
    files.write_json(target.with_suffix(".json"), provenance)


def read_features(inputs: str = "") -> Features:
    """Features for a chapter: those in `inputs`, else the project's, else the shipped ones.

    Parameters
    ----------
    inputs : str
        Folder of artifacts that holds `features.npz`. Empty: `build/artifacts` of the checkout
        if chapter 03 has run, else the real cells' features that the package ships; `origin`
        says which.
    """
    if inputs:
        return read_features_file(
            files.find_artifact(inputs, "features.npz", made_by="03_features")
        )
    try:
        return read_features_file(files.find_artifact("", "features.npz", made_by="03_features"))
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
    cells_of = shipped.table.iloc[rows].reset_index(drop=True)
    return Features(shipped.x[rows], cells_of, shipped.provenance, shipped.origin)


def read_features_file(path: Path) -> Features:
    """Read and check a feature file and the provenance beside it.

    Raises
    ------
    InputError
        When a file is missing, damaged, holds pickled objects, or its parts do not fit.
    """
    try:
        provenance = json.loads(path.with_suffix(".json").read_text())
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
    known = cells.training_cells()
    if table["filename"].isin(known["filename"]).all():
        table = table[["filename"]].merge(known, on="filename", how="left", validate="1:1")
    return Features(x, table, provenance, f"{len(x):,} cells of {path.name}, by {name}.")


def same_neighbours(a: NDArray[np.float32], b: NDArray[np.float32], k: int) -> float:
    """Share of cells whose list of k nearest neighbours is the same by features `a` and `b`."""
    first, second = (np.sort(graph.knn(x, k)[0], axis=1) for x in (a, b))
    return float((first == second).all(axis=1).mean())


def area_probe(features: Features) -> pd.DataFrame:
    """Linear probe: how well the features tell a cell's box area, subjects apart.

    Ridge regression of the logarithm of the area, each fifth of the (merged) subjects predicted
    from the other four.

    Returns
    -------
    DataFrame
        `measured` and `predicted` (natural logarithm of square pixels at 450x450), row i for
        cell i.
    """
    table = features.table
    area = cells.log_area(table)
    model = make_pipeline(StandardScaler(), Ridge(alpha=float(features.x.shape[1])))
    groups = table["merged_subject"]
    predicted = cross_val_predict(model, features.x, area, groups=groups, cv=GroupKFold(5))
    return pd.DataFrame({"measured": area, "predicted": predicted})
