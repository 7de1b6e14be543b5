import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from leukgnn import cells
from leukgnn.cells.verify import STATUSES, WHERE, Report, get, verify
from leukgnn.files import InputError, sha256_file

ALL = Path("C-NMC_training_data/fold_0/all/UID_901_1_1_all.bmp")
HEM = Path("C-NMC_training_data/fold_0/hem/UID_H901_1_1_hem.bmp")


@pytest.fixture
def copy(phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to damage, whose manifest is that of the phantoms."""
    table = cells.scan(phantoms)
    table["bytes"] = [path.stat().st_size for path in table["path"]]
    table["sha256"] = [sha256_file(path) for path in table["path"]]
    monkeypatch.setattr("leukgnn.cells.verify.training_cells", table.drop(columns="path").copy)
    return Path(shutil.copytree(phantoms, tmp_path / "copy"))


def only_defect(report: Report) -> tuple[str, str, str]:
    bad = report.files[~report.files["status"].isin(["intact", "missing"])]
    assert len(bad) == 1
    status, path, reason = bad.iloc[0][["status", "path", "reason"]]
    assert f"{status}: {path}: {reason}" in report.text()
    return status, path, reason


def test_restored_originals_are_intact(originals: Path) -> None:
    report = verify(originals, progress=False)
    assert report.counts == dict.fromkeys(STATUSES, 0) | {"intact": 892, "missing": 9_769}
    assert report.ok(partial=True)
    assert not report.ok(partial=False)
    assert "missing: fold_0/all: 2,105 (UID_11_10_1_all.bmp, " in report.text()
    assert len(report.files) == 10_661


def test_a_complete_copy_is_fine(copy: Path) -> None:
    report = verify(copy, progress=False)
    assert report.ok(partial=False)
    assert report.text().endswith("in all: 24 intact")


def test_missing(copy: Path) -> None:
    (copy / ALL).unlink()
    report = verify(copy, progress=False)
    assert report.counts["missing"] == 1
    assert report.ok(partial=True)
    assert not report.ok(partial=False)
    assert f"missing: fold_0/all: 1 ({ALL.name})" in report.text()


def shorten(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "status", "reason"),
    [
        (lambda path: shorten(path, 0), "truncated", "0 bytes"),
        (lambda path: shorten(path, 20), "truncated", "20 of 608,454 bytes"),
        (lambda path: shorten(path, 608_000), "truncated", "608,000 of 608,454 bytes"),
        (change_a_byte, "altered", "another SHA-256"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "altered", "608,455 bytes"),
        (lambda path: Image.new("L", (450, 450)).save(path), "altered", "the mode is L"),
        (lambda path: Image.new("RGB", (300, 300)).save(path), "altered", "the size is 300x300"),
        (lambda path: Image.new("RGB", (450, 90)).save(path), "altered", "the size is 450x90"),
    ],
)
def test_damaged_originals(
    damage: Callable[[Path], object], status: str, reason: str, copy: Path
) -> None:
    damage(copy / ALL)
    report = verify(copy, progress=False)
    found = only_defect(report)
    assert found[:2] == (status, ALL.as_posix())
    assert reason in found[2]
    assert report.counts["missing"] == 0
    assert not report.ok(partial=True)


@pytest.mark.parametrize(
    ("damage", "status", "reason"),
    [
        (lambda path: None, "copy", ""),
        (lambda path: shorten(path, 0), "truncated", "0 bytes"),
        (lambda path: shorten(path, 2_000), "truncated", "cannot be decoded"),
        (lambda path: Image.new("RGB", (64, 64)).save(path), "altered", "the size is 64x64"),
        (lambda path: Image.new("RGBA", (128, 128)).save(path), "altered", "the mode is RGBA"),
    ],
)
def test_copies(damage: Callable[[Path], object], status: str, reason: str, copy: Path) -> None:
    png = copy / ALL.with_suffix(".png")
    Image.open(copy / ALL).save(png)
    (copy / ALL).unlink()
    damage(png)
    report = verify(copy, progress=False)
    found = report.files[report.files["filename"] == ALL.name]
    assert found["status"].tolist() == [status]
    assert reason in found["reason"].iloc[0]
    assert report.ok(partial=False) == (status == "copy")


def test_misnamed_says_whose_content_it_holds(copy: Path) -> None:
    (copy / ALL).rename(copy / ALL.with_name("cell 1.bmp"))
    report = verify(copy, progress=False)
    status, _, reason = only_defect(report)
    assert status == "misnamed"
    assert reason.endswith(f"its content is that of {ALL.name}")
    assert report.counts["missing"] == 1


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (ALL, ALL.with_name("UID_999_1_1_all.bmp"), f"its content is that of {ALL.name}"),
        (ALL, HEM.with_name(ALL.name), "lies in fold_0/all"),
        (ALL, Path("C-NMC_training_data/fold_1/all") / ALL.name, "lies in fold_0/all"),
        (ALL, Path("C-NMC_training_data/fold_7/all") / ALL.name, "lies in fold_0/all"),
    ],
)
def test_foreign(source: Path, target: Path, reason: str, copy: Path) -> None:
    (copy / target.parent).mkdir(parents=True, exist_ok=True)
    shutil.copy(copy / source, copy / target)
    report = verify(copy, progress=False)
    foreign = report.files[report.files["status"] == "foreign"]
    assert foreign["path"].tolist() == [target.as_posix()]
    assert reason in foreign["reason"].iloc[0]
    assert report.counts["intact"] == 24
    assert report.counts["missing"] == 0
    assert not report.ok(partial=True)


def test_a_second_image_of_a_cell_is_foreign(copy: Path) -> None:
    Image.open(copy / ALL).save(copy / ALL.with_suffix(".png"))
    status, path, reason = only_defect(verify(copy, progress=False))
    assert (status, path) == ("foreign", ALL.with_suffix(".png").as_posix())
    assert reason == f"a second image of this cell, beside {ALL.as_posix()}"


@pytest.mark.parametrize("keep_folder", [True, False])
def test_an_empty_class(keep_folder: bool, copy: Path) -> None:
    shutil.rmtree(copy / HEM.parent)
    if keep_folder:
        (copy / HEM.parent).mkdir()
    report = verify(copy, progress=False)
    assert only_defect(report) == ("empty", HEM.parent.as_posix(), "no image of this class")
    assert report.counts["missing"] == 4
    assert not report.ok(partial=True)


def test_folders_that_cannot_be_verified(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        verify(tmp_path / "absent")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="no fold in it"):
        verify(tmp_path / "bare")
    (copy / HEM.parent).rename(copy / HEM.parent.with_name("healthy"))
    with pytest.raises(InputError, match="unknown class folder"):
        verify(copy)


def test_the_complete_list_can_be_written(copy: Path, tmp_path: Path) -> None:
    (copy / ALL).unlink()
    report = verify(copy, progress=False)
    report.files.to_csv(tmp_path / "report.csv", index=False)
    again = pd.read_csv(tmp_path / "report.csv", keep_default_na=False)
    assert again["status"].value_counts().to_dict() == {"intact": 23, "missing": 1}


def test_get_downloads_copies_and_verifies(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "cells"
    assert get(target, download=lambda: copy) == target
    assert verify(target, progress=False).ok(partial=False)
    assert [path.name for path in target.parent.iterdir()] == ["cells"]
    assert get(target, download=lambda: pytest.fail("is there already")) == target


def test_get_resumes_and_never_names_a_half(copy: Path, tmp_path: Path) -> None:
    target, source = tmp_path / "cells", tmp_path / "cells.partial"
    whole = (copy / HEM).read_bytes()
    shorten(copy / HEM, 1_000)
    with pytest.raises(InputError, match="not the data set of the manifest"):
        get(target, download=lambda: copy)
    assert not target.exists()
    untouched = (source / ALL).stat()
    (copy / HEM).write_bytes(whole)
    get(target, download=lambda: copy)
    assert (target / ALL).stat().st_ino == untouched.st_ino
    assert verify(target, progress=False).ok(partial=False)


def test_get_leaves_an_incomplete_folder_alone(copy: Path) -> None:
    (copy / ALL).unlink()
    with pytest.raises(InputError, match="is there but not complete"):
        get(copy, download=lambda: pytest.fail("must not download"))


def test_get_without_a_downloader_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kagglehub", None)
    with pytest.raises(InputError) as caught:
        get(tmp_path / "cells")
    assert WHERE in str(caught.value)
    assert "tcia.2019.dc64i46r" in WHERE
    assert "andrewmvd/leukemia-classification" in WHERE
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_read_is_one_finding(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    report = verify(phantoms, progress=False)
    assert report.counts["truncated"] == 24
    assert "cannot be read (Input/output error)" in report.text()


def test_whatever_goes_wrong_in_a_download_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UnauthenticatedError(Exception):
        """No OSError, as kagglehub's own."""

    def fail(_: str) -> str:
        raise UnauthenticatedError("no key")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=fail))
    with pytest.raises(InputError, match=r"download from Kaggle failed \(no key\)"):
        get(tmp_path / "cells")
