"""Cosine nearest neighbours (sections III.E and IV.B), with ties broken by index."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from leukgnn.files import InputError

FEW = 32  # cells for which one product is faster than scikit-learn's search in blocks
MARGIN = 8  # candidates beyond k: room for ties at the border
LIKE = 99  # percent of cells of unseen subjects that count as like the reference cells
DECIMALS = 12  # of a distance: equal cells have equal ones, whatever the order of a product's sums
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def knn(features: NDArray[Any], k: int) -> tuple[Ints, Floats]:
    """Cosine k nearest neighbours among the cells themselves, no cell its own neighbour.

    scikit-learn's ``NearestNeighbors``, which the paper names, on unit rows. Ties (duplicated
    cells) are broken by index, so the answer does not depend on threads or block sizes.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    k : int
        1 <= k < n.

    Returns
    -------
    neighbours : ndarray, shape (n, k), int64
        Sorted by distance, then index.
    similarity : ndarray, shape (n, k), float32
        Cosine, -1 to 1.

    Raises
    ------
    InputError
        When `k` is out of range, or a row is not finite or all zero.

    Examples
    --------
    >>> knn(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), 1)[0].ravel().tolist()
    [1, 0, 1]
    """
    check_features(features)
    check_count("k", k, len(features) - 1, "n - 1")
    cells = Reference(features)
    return cells.search(cells.rows, k, own=np.arange(len(features)))


def attach(new: NDArray[Any], reference: NDArray[Any], k: int) -> tuple[Ints, Floats]:
    """Cosine k nearest reference cells of new cells: one-way, the reference does not change.

    Parameters
    ----------
    new : ndarray, shape (m, d)
    reference : ndarray, shape (n, d)
    k : int
        1 <= k <= n.

    Returns
    -------
    neighbours, similarity : ndarray, shape (m, k)
        As of `knn`; each new cell's row depends on that cell and the reference alone.
    """
    return Reference(reference).nearest(new, k)


def like_within(apart: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    """Cosine distance within which `LIKE` percent of cells have a cell of other subjects.

    Parameters
    ----------
    apart : iterable of (new, reference)
        Features of cells and of those that they may be attached to.
    """
    distances = [1 - attach(new, reference, 1)[1][:, 0] for new, reference in apart]
    return float(np.percentile(np.concatenate(distances), LIKE))


class Reference:
    """Cells that new ones are attached to, prepared once for many searches.

    Parameters
    ----------
    features : ndarray, shape (n, d)

    Raises
    ------
    InputError
        When a row is not finite or all zero.
    """

    def __init__(self, features: NDArray[Any]) -> None:
        check_features(features)
        self.rows = _unit_rows(features)
        self._index = NearestNeighbors(algorithm="brute").fit(self.rows)

    def nearest(self, new: NDArray[Any], k: int) -> tuple[Ints, Floats]:
        """Answer as `attach`, for new cells of shape (m, d)."""
        check_count("k", k, len(self.rows), "n")
        check_features(new)
        if new.shape[1] != self.rows.shape[1]:
            raise InputError(
                f"new cells have {new.shape[1]} features, the reference {self.rows.shape[1]}; "
                "extract both with the same network."
            )
        if not len(new):
            return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
        return self.search(_unit_rows(new), k)

    def search(
        self, rows: NDArray[np.float64], k: int, own: Ints | None = None
    ) -> tuple[Ints, Floats]:
        """Answer for unit rows (m, d); `own` names each row's own place, which is left out."""
        width = min(k + MARGIN + (own is not None), len(self.rows))
        distance, index = self._candidates(rows, width)
        if own is not None:
            distance[index == own[:, None]] = np.inf
        order = np.lexsort((index, distance))
        distance = np.take_along_axis(distance, order, axis=1)
        index = np.take_along_axis(index, order, axis=1)
        if width < len(self.rows):
            last = distance[:, -1 - (own is not None)]  # the own place may stand behind it
            for row in np.flatnonzero(distance[:, k - 1] >= last):  # ties beyond the margin
                place = None if own is None else int(own[row])
                distance[row, :k], index[row, :k] = self._search_all(rows[row], k, place)
        return index[:, :k].astype(np.int64), (1 - distance[:, :k]).astype(np.float32)

    def _candidates(
        self, rows: NDArray[np.float64], width: int
    ) -> tuple[NDArray[np.float64], Ints]:
        """Distances and places of the nearest `width` cells of each row, in no order."""
        if len(rows) > FEW:
            distance, index = self._index.kneighbors(rows, width)
            # Half the squared distance of unit rows is one minus their cosine.
            return np.round(distance**2 / 2, DECIMALS), index
        distance = np.round(1 - rows @ self.rows.T, DECIMALS)
        index = np.argpartition(distance, width - 1, axis=1)[:, :width]
        return np.take_along_axis(distance, index, axis=1), index

    def _search_all(
        self, row: NDArray[np.float64], k: int, own: int | None
    ) -> tuple[NDArray[np.float64], Ints]:
        """Distances and places of the nearest cells of a row that is equal to many."""
        distance = np.round(((self.rows - row) ** 2).sum(axis=1) / 2, DECIMALS)
        if own is not None:
            distance[own] = np.inf
        nearest = np.argsort(distance, kind="stable")[:k]
        return distance[nearest], nearest


def same_neighbours(a: NDArray[Any], b: NDArray[Any], k: int) -> float:
    """Share of cells whose list of k nearest neighbours is the same by features `a` and `b`."""
    first, second = (np.sort(knn(features, k)[0], axis=1) for features in (a, b))
    return float((first == second).all(axis=1).mean())


def check_features(features: NDArray[Any]) -> None:
    """Raise InputError for features without a cosine."""
    if features.ndim != 2:
        raise InputError(f"features have shape {features.shape}, expected (cells, features).")
    if not np.isfinite(features).all():
        raise InputError("features hold NaN or infinity; extract them again.")
    empty = np.flatnonzero(~features.any(axis=1))
    if len(empty):
        raise InputError(f"the features of cell {empty[0]} are all 0: it has no cosine; drop it.")


def check_count(name: str, value: int, most: int, word: str) -> None:
    """Raise InputError for a number of neighbours or clusters out of range."""
    if not 1 <= value <= most:
        raise InputError(f"{name}={value}: expected 1 to {word}, here {most}.")


def _unit_rows(features: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of length 1, float64."""
    wide = features.astype(np.float64)
    unit: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit
