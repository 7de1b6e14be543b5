from pathlib import Path

import numpy as np
import pytest

from leukgnn.cells import scan, training_cells
from leukgnn.cells.images import read_image
from leukgnn.cells.phantoms import draw_cell, write_phantoms
from leukgnn.files import InputError, sha256_file


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*.bmp")
    }


def test_phantoms_have_the_official_layout_and_the_original_format(phantoms: Path) -> None:
    table = scan(phantoms)
    assert table.groupby(["fold", "label"]).size().tolist() == [4] * 6
    assert (table.groupby(["fold", "label"])["subject"].nunique() == 2).all()
    assert {read_image(path).size for path in table["path"]} == {(450, 450)}
    assert {path.stat().st_size for path in table["path"]} == set(training_cells()["bytes"])


def test_no_phantom_can_be_taken_for_a_real_cell(phantoms: Path) -> None:
    assert set(scan(phantoms)["subject"]).isdisjoint(training_cells()["subject"])
    assert set(scan(phantoms)["filename"]).isdisjoint(training_cells()["filename"])


def test_a_seed_gives_the_same_bytes(phantoms: Path, tmp_path: Path) -> None:
    fewer = contents(write_phantoms(tmp_path / "same", cells_per_class=3, seed=0))
    other = contents(write_phantoms(tmp_path / "other", cells_per_class=3, seed=1))
    assert fewer.items() <= contents(phantoms).items()
    assert set(fewer.values()).isdisjoint(other.values())


@pytest.mark.parametrize("label", [0, 1])
def test_phantoms_have_sizes_of_real_cells_of_their_class(label: int) -> None:
    real = training_cells().query("label == @label")[["bbox_w", "bbox_h"]].to_numpy()
    for seed in range(10):
        seen = np.asarray(draw_cell(label, np.random.default_rng(seed))).any(axis=2)
        extent = [np.ptp(np.flatnonzero(seen.any(axis=axis))) for axis in (0, 1)]
        assert np.abs(real - extent).max(axis=1).min() <= 1
        assert not seen[[0, -1]].any()


def test_too_few_phantoms(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cells_per_class is 2, expected at least 3"):
        write_phantoms(tmp_path, cells_per_class=2, seed=0)
