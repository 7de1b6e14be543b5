"""Folders in the C-NMC layout: folds, class folders, the images in them."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd

from leukgnn.cells.table import LABELS, CellName, parse_name, training_cells
from leukgnn.files import InputError, sha256_bytes

SUFFIXES = (".bmp", ".png", ".webp", ".jpg", ".jpeg")
LAYOUT = "C-NMC_training_data/fold_0/{all,hem}"

_FOLD = re.compile(r"fold_\d+", re.ASCII)


def find_folds(folder: Path) -> list[Path]:
    """Find the fold folders at any depth below `folder`.

    Parameters
    ----------
    folder : Path
        Holds `C-NMC_training_data/fold_*`, `training_data/fold_*` or any other parent of them.

    Returns
    -------
    list of Path
        In the order of their names, each name once.

    Raises
    ------
    InputError
        When there is no such folder, no fold in it, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that holds the C-NMC images.")
    found = [path for path in _folders(folder) if _FOLD.fullmatch(path.name)]
    if not found:
        raise InputError(
            f"{folder}: no fold in it, expected {LAYOUT} at any depth; "
            "give the folder into which the data set was unpacked."
        )
    found.sort(key=lambda path: (path.name, path))
    for first, second in pairwise(found):
        if first.name == second.name:
            raise InputError(
                f"{folder}: {first.name} is there twice, in {first.parent} and {second.parent}; "
                "give a folder that holds one copy of the data set."
            )
    return found


def _folders(folder: Path) -> Iterator[Path]:
    """All folders below a folder but what macOS and editors leave behind.

    Links are followed, as parts of the data set may lie on other disks; a folder that several
    links lead to is there once, so that no link leads round in a circle.
    """
    seen = {os.path.realpath(folder)}
    for place, names, _ in os.walk(folder, followlinks=True):
        fresh = []
        for name in sorted(names):
            real = os.path.realpath(Path(place, name))
            if real not in seen and not name.startswith((".", "__MACOSX")):
                seen.add(real)
                fresh.append(name)
        names[:] = fresh  # os.walk goes on into these only
        yield from (Path(place, name) for name in fresh)


def image_files(fold: Path) -> dict[str, list[Path]]:
    """List the images of a fold by class.

    Parameters
    ----------
    fold : Path
        A folder with the sub-folders `all` and `hem`.

    Returns
    -------
    dict
        For "hem" and "all" the image files in the order of their names; none when there is no
        such sub-folder.

    Raises
    ------
    InputError
        When there is another sub-folder: its cells would have no label.
    """
    for path in sorted(fold.iterdir()):
        if path.is_dir() and path.name not in LABELS and not path.name.startswith("."):
            raise InputError(
                f"{path}: unknown class folder, expected only all and hem in a fold; remove it."
            )
    return {
        name: sorted(
            path
            for path in fold.glob(f"{name}/*")
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
        for name in LABELS
    }


def check_folds(table: pd.DataFrame, place: Path) -> None:
    """Raise InputError when a cell of C-NMC 2019 is in another fold than in the data set.

    Its subject's other cells would be trained on: folds are of whole subjects.

    Parameters
    ----------
    table : DataFrame
        Cells with filename and fold.
    place : Path
        Where they come from, for the sentence.
    """
    official = table["filename"].map(training_cells().set_index("filename")["fold"])
    moved = table[official.notna() & (official != table["fold"])]
    if len(moved):
        first = moved.iloc[0]
        raise InputError(
            f"{place}: {first['filename']} is in {first['fold']}, in the data set it is in "
            f"{official[moved.index[0]]} (so are {len(moved):,} of {len(table):,} cells in another "
            "fold); move them back, see `leukgnn data verify`."
        )


def found_there(place: str) -> str:
    """SHA-256 of what lies at a place: name, size and date of a file or of all images of a folder.

    It changes when an image is added, taken away or changed. Empty where nothing lies.
    """
    path = Path(place)
    if place and path.is_dir():
        folders = [path, *_folders(path)]
        found = [f for folder in folders for f in folder.glob("*") if f.suffix.lower() in SUFFIXES]
    else:
        found = [path] if place and path.is_file() else []
    lines = []
    for file in sorted(found):
        status = file.stat()
        lines.append(f"{file.relative_to(path.parent)}:{status.st_size}:{status.st_mtime_ns}")
    return sha256_bytes("\n".join(lines).encode()) if lines else ""


def scan(folder: Path) -> pd.DataFrame:
    """Give the table of the images below a folder, from their places and names alone.

    Parameters
    ----------
    folder : Path
        Holds images in the C-NMC layout, at any depth: .bmp originals or .png, .webp, .jpg copies.

    Returns
    -------
    DataFrame
        path (Path), filename (the original's, ending in .bmp), fold, label, subject, image, cell;
        in the order of `training_cells`.

    Raises
    ------
    InputError
        When there is no such folder, no fold in it, an unknown class folder, a class without an
        image, a name that does not parse or says another class, two images of one cell, or a cell
        of C-NMC 2019 in another fold than there.
    """
    rows = []
    for fold in find_folds(folder):
        for name, paths in image_files(fold).items():
            if not paths:
                raise InputError(
                    f"{fold / name}: no image of this class, expected some ({', '.join(SUFFIXES)});"
                    " complete the fold or remove it."
                )
            for path in paths:
                parsed = parse_name(path.name)
                if parsed.label != LABELS[name]:
                    raise InputError(f"{path}: lies in {name} but is named otherwise; move it.")
                rows.append((path, f"{path.stem}.bmp", fold.name, *parsed))
    table = pd.DataFrame(rows, columns=["path", "filename", "fold", *CellName._fields])
    table = table.sort_values(["fold", "filename"], ignore_index=True)
    again = table[table.duplicated("filename")]
    if len(again):
        first = table.loc[table["filename"] == again.iloc[0]["filename"], "path"].iloc[0]
        raise InputError(
            f"{again.iloc[0]['path']}: a second image of this cell, beside {first}; keep one of "
            "them."
        )
    check_folds(table, folder)
    return table[["path", "filename", "fold", "label", "subject", "image", "cell"]]
