"""Compare a copy of the training images with the manifest, and obtain a copy."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image
from tqdm import tqdm

from leukgnn.cells.folder import find_folds, image_files
from leukgnn.cells.images import FORMATS, UNREADABLE, check_size_and_mode, read_content
from leukgnn.cells.table import CLASSES, LABELS, parse_name, training_cells
from leukgnn.files import InputError, atomic_path, check_named, sha256_bytes, sha256_file

SOUND = ("intact", "copy")
STATUSES = (*SOUND, "missing", "foreign", "truncated", "altered", "misnamed", "empty")
ORIGINAL_SIZE = (450, 450)  # pixels of a training image as distributed
FIRST_FEW = 3  # names of missing files in the summary; the table has them all
KAGGLE = "andrewmvd/leukemia-classification"
WHERE = (
    "obtain the images from The Cancer Imaging Archive (https://doi.org/10.7937/"
    f"tcia.2019.dc64i46r) or from Kaggle (https://www.kaggle.com/datasets/{KAGGLE}), unpack them "
    "into any folder and give that folder to 'leukgnn data verify'"
)


class Finding(NamedTuple):
    """One row of a report."""

    path: str  # relative to the verified folder; "" for a missing file
    filename: str  # the original's name in the manifest; "" when it is none of them
    fold: str
    label: int
    status: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes
    ----------
    folder : Path
        What was verified.
    files : DataFrame
        One row for each file that is there or should be: the fields of `Finding`.
    """

    folder: Path
    files: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows of each status, zeros included."""
        found = self.files["status"].value_counts()
        return {status: int(found.get(status, 0)) for status in STATUSES}

    def ok(self, *, partial: bool) -> bool:
        """Whether every file is sound, and, unless `partial`, none is missing."""
        allowed = [*SOUND, "missing"] if partial else [*SOUND]
        return bool(self.files["status"].isin(allowed).all())

    def text(self) -> str:
        """Summary: a table of fold and class, then the defects line by line, then what misses."""
        place = [self.files["fold"], self.files["label"].map(CLASSES)]
        table = pd.crosstab(place, self.files["status"])
        table = table.reindex(columns=STATUSES, fill_value=0).rename_axis(index=["fold", "class"])
        lines = [str(self.folder), table.rename_axis(columns=None).to_string(), ""]
        defects = self.files[~self.files["status"].isin([*SOUND, "missing"])]
        lines += [f"{row.status}: {row.path}: {row.reason}" for row in defects.itertuples()]
        missing = self.files[self.files["status"] == "missing"]
        for (fold, name), group in missing.groupby(["fold", missing["label"].map(CLASSES)]):
            names = ", ".join(group["filename"].head(FIRST_FEW))
            more = ", ..." if len(group) > FIRST_FEW else ""
            lines.append(f"missing: {fold}/{name}: {len(group):,} ({names}{more})")
        total = ", ".join(f"{n:,} {status}" for status, n in self.counts.items() if n)
        return "\n".join([*lines, f"in all: {total}"])


def verify(folder: Path, *, progress: bool = True) -> Report:
    """Compare the images below a folder with the manifest.

    The status of a file is one of

    - intact: an original, its SHA-256 as in the manifest;
    - copy: a .png, .webp or .jpg of one that can be decoded (whether its pixels are the
      original's, nobody can tell without the original);
    - missing: in the manifest, not in the folder;
    - foreign: no cell of the manifest, in another fold or class than there, or there twice;
    - truncated: fewer bytes than in the manifest, a copy that cannot be decoded, or a file that
      cannot be read;
    - altered: another SHA-256, mode or size;
    - misnamed: a name that does not parse;
    - empty: a class folder without an image, in a fold that is there.

    Parameters
    ----------
    folder : Path
        Holds images in the C-NMC layout, at any depth.
    progress : bool
        Whether to draw a progress bar on standard error.

    Raises
    ------
    InputError
        When there is no such folder, no fold in it, a fold twice, or an unknown class folder.
    """
    expected = training_cells()
    found = [
        (path, fold.name, name)
        for fold in find_folds(folder)
        for name, paths in image_files(fold).items()
        for path in paths or [fold / name]
    ]
    check = bind(_check, folder, _Expected.of(expected))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        bar = tqdm(pool.map(check, found), "verify", len(found), unit="file", disable=not progress)
        findings = list(_second_images(bar))
    there = {finding.filename for finding in findings if finding.status != "foreign"}
    findings += [
        Finding("", filename, fold, label, "missing", "not in the folder")
        for filename, fold, label in expected[["filename", "fold", "label"]].to_numpy()
        if filename not in there
    ]
    table = pd.DataFrame(findings, columns=list(Finding._fields))
    order = ["fold", "label", "status", "filename", "path"]
    return Report(folder, table.sort_values(order, ignore_index=True))


class _Expected(NamedTuple):
    """The manifest by name and by content."""

    by_stem: dict[str, Any]
    by_sha256: dict[str, str]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "_Expected":
        stems = table["filename"].map(lambda name: Path(name).stem)
        return cls(
            dict(zip(stems, table.itertuples(index=False), strict=True)),
            dict(zip(table["sha256"], table["filename"], strict=True)),
        )


def _check(folder: Path, expected: _Expected, found: tuple[Path, str, str]) -> Finding:
    """Give one file its status."""
    path, fold, name = found

    def finding(status: str, reason: str = "", filename: str = "") -> Finding:
        relative = path.relative_to(folder).as_posix()
        return Finding(relative, filename, fold, LABELS[name], status, reason)

    if path.name == name:
        return finding("empty", "no image of this class")
    row = expected.by_stem.get(path.stem)
    try:
        content = read_content(path)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return finding("truncated", reason, row.filename if row else "")
    if row is None:
        held = expected.by_sha256.get(sha256_bytes(content))
        note = f"; its content is that of {held}" if held else ""
        try:
            parse_name(path.name)
        except InputError as error:
            return finding("misnamed", str(error).removeprefix(f"{path.name}: ").rstrip(".") + note)
        return finding("foreign", f"no cell of the training set has this name{note}")
    if (row.fold, row.label) != (fold, LABELS[name]):
        home = f"{row.fold}/{CLASSES[row.label]}"
        return finding("foreign", f"in the data set this cell lies in {home}", row.filename)
    return finding(*_status(path, content, row), row.filename)


def _status(path: Path, content: bytes, row: Any) -> tuple[str, str]:
    """Compare the content of a file that has the right name and place with the manifest's row."""
    if not content:
        return "truncated", "0 bytes"
    original = path.suffix.lower() == ".bmp"
    if original and sha256_bytes(content) == row.sha256:
        return "intact", ""
    problem = _image_problem(path, original=original)
    if problem:
        return "altered", problem
    if original and len(content) >= row.bytes:
        return "altered", f"{len(content):,} bytes, but another SHA-256 than the original"
    if original:
        return "truncated", f"{len(content):,} of {row.bytes:,} bytes"
    return _decode(path)


def _image_problem(path: Path, *, original: bool) -> str:
    """Say what is wrong with the mode or size that a readable header gives; "" when nothing is."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            check_size_and_mode(str(path), image)
            if original and image.size != ORIGINAL_SIZE:
                size, right = ("x".join(map(str, pair)) for pair in (image.size, ORIGINAL_SIZE))
                return f"the size is {size}, expected {right} in an original"
    except InputError as error:
        return str(error).removeprefix(f"{path}: ")
    except UNREADABLE:
        return ""
    return ""


def _decode(path: Path) -> tuple[str, str]:
    """Tell a copy that can be decoded from one that cannot."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.load()
    except UNREADABLE as error:
        return "truncated", f"cannot be decoded ({type(error).__name__})"
    return "copy", ""


def _second_images(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Mark what holds a cell that an earlier file holds already."""
    first: dict[str, str] = {}
    for finding in findings:
        if finding.filename and finding.status != "foreign":
            earlier = first.setdefault(finding.filename, finding.path)
            if earlier != finding.path:
                reason = f"a second image of this cell, beside {earlier}"
                yield finding._replace(status="foreign", reason=reason)
                continue
        yield finding


def get(target: Path, *, download: Callable[[], Path] | None = None) -> Path:
    """Obtain the training images: download, copy, verify, and only then give them their name.

    Parameters
    ----------
    target : Path
        Folder to make. Until everything is verified the images lie in `<target>.partial`; what is
        whole there is not copied again after an interruption.
    download : callable, optional
        Gives a folder with the images; kagglehub's download of the Kaggle copy when left out.

    Returns
    -------
    Path
        `target`, complete.

    Raises
    ------
    InputError
        When `target` is there but incomplete, when there is nothing to download with, when the
        download fails, or when what it brings differs from the manifest.
    """
    check_named(target)
    if target.exists() and (target.is_file() or any(target.iterdir())):
        if verify(target).ok(partial=False):
            return target
        raise InputError(f"{target}: is there but not complete; move it away or give another name.")
    source = (download or _download_from_kaggle)()
    partial = target.with_name(f"{target.name}.partial")
    _copy(source, partial / "C-NMC_training_data")
    report = verify(partial)
    if not report.ok(partial=False):
        raise InputError(
            f"{partial}: the download is not the data set of the manifest; see "
            f"'leukgnn data verify {partial}', remove what is wrong there and run this again, or "
            f"{WHERE}."
        )
    partial.replace(target)
    return target


def _copy(source: Path, target: Path) -> None:
    """Copy the training images into folders of folds, but what is there and whole already."""
    sha256 = training_cells().set_index("filename")["sha256"].to_dict()
    for fold in find_folds(source):
        for name, paths in image_files(fold).items():
            for path in tqdm(paths, f"copy {fold.name}/{name}", unit="file"):
                copied = target / fold.name / name / path.name
                if copied.is_file() and sha256_file(copied) == sha256.get(path.name):
                    continue
                with atomic_path(copied) as temporary:
                    shutil.copyfile(path, temporary)


def _download_from_kaggle() -> Path:
    """Download the Kaggle copy into kagglehub's own cache, which resumes by itself."""
    try:
        import kagglehub
    except ImportError as error:
        raise InputError(
            f"nothing to download with: install kagglehub (pip install kagglehub), or {WHERE}."
        ) from error
    try:
        return Path(kagglehub.dataset_download(KAGGLE))
    except Exception as error:  # kagglehub's own errors and those of what it rests on
        raise InputError(
            f"the download from Kaggle failed ({error}); try again, or {WHERE}."
        ) from error
