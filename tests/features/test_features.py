"""Extraction: weights, determinism, interruption, the feature file, bad input."""

import dataclasses
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from PIL import Image
from torchvision.models import resnet18

from leukgnn import cells, features, files
from leukgnn.cells.transforms import normalise
from leukgnn.features import extraction, resnet
from leukgnn.files import InputError


@pytest.fixture(scope="module")
def weights():
    return resnet.find_weights("random:0")


@pytest.fixture(scope="module")
def paths(phantoms):
    return cells.scan(phantoms)["path"].tolist()


@pytest.mark.parametrize("normalised", [True, False])
def test_features_are_those_of_torchvisions_network(weights, paths, normalised):
    network = resnet18()
    network.load_state_dict(weights.state)
    network.fc = torch.nn.Identity()
    pixels = extraction.decode(paths[:4])
    given = normalise(pixels) if normalised else pixels / 255
    with torch.inference_mode():
        expected = network.eval()(given).numpy()
    found = resnet.extractor(weights, normalised=normalised)(pixels)
    assert found.shape == (4, 512)
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


def test_features_do_not_depend_on_batches_workers_or_threads(weights, paths):
    embed = resnet.extractor(weights)
    found = [extraction.extract(paths, embed, batch_size=b, progress=False) for b in (1, 5, 32)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found.append(extraction.extract(paths, embed, progress=False))
    torch.set_num_threads(threads)
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, atol=1e-5, rtol=1e-5)


def test_random_weights_depend_on_the_seed_alone():
    torch.manual_seed(5)
    first, same, other = (resnet.find_weights(f"random:{s}").sha256 for s in (1, 1, 2))
    assert first == same != other


def test_weights_are_named_by_their_content(weights, tmp_path, shared):
    real = shared / "weights" / "resnet18_killthebits_small.safetensors"
    copied = shutil.copy(real, tmp_path / "IMAGENET1K_V1.safetensors")
    assert "Bit Goes Down" in resnet.find_weights(str(copied)).name


def test_shipped_features_are_those_of_the_shared_cells(shared):
    """The first cells, computed again from pixels: the shipped file is what it says."""
    real = resnet.find_weights(str(shared / "weights" / "resnet18_killthebits_small.safetensors"))
    table = cells.scan(shared / "data/cnmc2019/images_128").iloc[::400]
    found = extraction.extract(table["path"].tolist(), resnet.extractor(real), progress=False)
    shipped = features.shipped_features()
    place = shipped.table.set_index("filename").index.get_indexer(table["filename"])
    np.testing.assert_allclose(found, shipped.x[place], atol=2e-3, rtol=2e-3)


def test_bad_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "empty"))
    with pytest.raises(InputError, match="LEUKGNN_WEIGHTS"):
        resnet.find_weights("imagenet")
    assert resnet.find_weights("").own
    assert resnet.local_weights("") is None
    with pytest.raises(InputError, match="whole number"):
        resnet.find_weights("random:x")
    with pytest.raises(InputError, match="no such weight file"):
        resnet.find_weights(str(tmp_path / "none.safetensors"))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(b"12")
    with pytest.raises(InputError, match="not a whole safetensors"):
        resnet.find_weights(str(cut))
    other = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"conv1.weight": torch.zeros(3)}, other)
    with pytest.raises(InputError, match=r"not a ResNet-18 .* 120 named tensors before fc"):
        resnet.find_weights(str(other))
    state = resnet.find_weights("random:0").state
    state["layer1.0.conv1.weight"][0] = torch.nan
    safetensors.torch.save_file(state, other)
    with pytest.raises(InputError, match=r"layer1\.0\.conv1\.weight holds numbers that are not"):
        resnet.find_weights(str(other))


@pytest.mark.parametrize("classes", [0, 2, 1000])
def test_a_fine_tuned_network_serves_by_its_body(weights, paths, tmp_path, classes):
    state = {key: v for key, v in weights.state.items() if not key.startswith("fc.")}
    if classes:
        state |= {"fc.weight": torch.ones(classes, 512), "fc.bias": torch.ones(classes)}
    path = tmp_path / "tuned.safetensors"
    safetensors.torch.save_file(state, path)
    tuned = resnet.find_weights(str(path))
    pixels = extraction.decode(paths[:2])
    expected = resnet.extractor(weights)(pixels)
    np.testing.assert_array_equal(resnet.extractor(tuned)(pixels), expected)


def test_a_pickled_file_is_not_loaded(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="convert them to safetensors"):
        resnet.find_weights(str(path))


def test_extraction_goes_on_after_a_kill(phantoms, tmp_path, weights, monkeypatch):
    """Killed in the middle: what is finished stays, the rest follows, nothing is doubled."""
    target = tmp_path / "features.npz"
    script = (
        "import sys, pathlib; from leukgnn.features import extraction, resnet;"
        "extraction.SHARD = 4;"
        "extraction.extract_folder(pathlib.Path(sys.argv[1]), resnet.find_weights('random:0'),"
        "pathlib.Path(sys.argv[2]), progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(phantoms), str(target)])
    deadline = time.monotonic() + 60
    while not (shards := sorted(tmp_path.rglob("0*.npz"))) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert shards and not target.exists()
    with np.load(shards[0]) as stored:
        marked = dict(stored)
    marked["x"][0] = 42.0  # tells a shard that was kept from one computed again
    np.savez(shards[0], **marked)
    monkeypatch.setattr(extraction, "SHARD", 4)
    found = extraction.extract_folder(phantoms, weights, target, progress=False)
    assert (found.x[0] == 42.0).all()
    assert found.table["filename"].is_unique
    assert len(found.x) == len(cells.scan(phantoms))
    fresh = extraction.extract(
        cells.scan(phantoms)["path"].tolist(), resnet.extractor(weights), progress=False
    )
    np.testing.assert_allclose(found.x[1:], fresh[1:], atol=2e-3, rtol=2e-3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["features.json", "features.npz"]


def test_shipped_features_are_real_and_say_what_they_are():
    shipped = features.shipped_features()
    assert shipped.x.shape == (7936, 512)
    assert shipped.table["filename"].is_unique
    assert shipped.provenance["weights"]["sha256"] in resnet.KNOWN_WEIGHTS
    counts = shipped.table.groupby("fold").size().to_dict()
    assert counts == {"fold_0": 3527, "fold_1": 3581, "fold_2": 828}


@pytest.fixture
def written(tmp_path):
    table = pd.DataFrame(
        {"filename": ["a", "b"], "fold": ["f", "f"], "subject": ["1", "2"], "label": [0, 1]}
    )
    target = tmp_path / "features.npz"
    features.write_features(
        target, np.ones((2, 512), np.float32), table, {"weights": {"name": "w"}}
    )
    return target


def test_feature_file_round_trip(written):
    found = features.read_features(str(written.parent))
    assert found.x.dtype == np.float32
    assert found.table["label"].tolist() == [0, 1]


def test_new_numbers_never_stand_beside_an_old_provenance(written, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_json", killed)
    table = features.read_features_file(written).table
    with pytest.raises(KeyboardInterrupt):
        features.write_features(written, np.zeros((2, 512), np.float32), table, {})
    with pytest.raises(InputError, match=r"features\.json"):
        features.read_features_file(written)


def test_damaged_feature_files_are_named(written, tmp_path):
    with pytest.raises(InputError, match="leukgnn artifacts"):
        features.read_features(str(tmp_path / "nowhere"))
    whole = written.read_bytes()
    written.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a feature file"):
        features.read_features_file(written)
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 64])
    for content in (b"", flipped + whole[middle + 64 :], _array(np.ones(3))):
        written.write_bytes(content)
        with pytest.raises(InputError, match="not a feature file"):
            features.read_features_file(written)
    np.savez(written, features=np.array([object()]))
    with pytest.raises(InputError, match="not a feature file"):
        features.read_features_file(written)
    written.write_bytes(whole)
    written.with_suffix(".json").write_text("{}")
    with pytest.raises(InputError, match="not a feature file"):
        features.read_features_file(written)


def _array(content):
    stream = io.BytesIO()
    np.save(stream, content)
    return stream.getvalue()


def test_an_output_of_another_kind_is_refused_before_the_work(phantoms, tmp_path, weights):
    for refused in ("mine", "mine.json"):
        with pytest.raises(InputError, match=r"ends in \.npz"):
            extraction.extract_folder(phantoms, weights, tmp_path / refused)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [URLError("no network"), IncompleteRead(b"no network")])
def test_a_failed_download_is_named(monkeypatch, tmp_path, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(
        resnet.ResNet18_Weights.IMAGENET1K_V1, "get_state_dict", fail, raising=False
    )
    with pytest.raises(InputError, match=r"could not be downloaded .*--weights"):
        resnet.find_weights("imagenet", download=True)


def test_shapes_that_do_not_fit_are_named(written):
    names = {name: np.array(["a"]) for name in features.COLUMNS}
    np.savez(written, features=np.ones((2, 3)), **names)
    with pytest.raises(InputError, match=r"shape \(2, 3\) for 1 names"):
        features.read_features_file(written)


def test_batch_size_below_one_is_named(weights, paths):
    with pytest.raises(InputError, match="batch_size=0"):
        extraction.extract(paths, resnet.extractor(weights), batch_size=0)


def test_control_features_stand_in_the_order_asked_for():
    shipped = features.shipped_features()
    table = shipped.table.iloc[[7, 3, 5000]].reset_index(drop=True)
    found = features.control_features("_random", table)
    assert found.table["filename"].tolist() == table["filename"].tolist()
    whole = features.shipped_features("_random")
    places = [whole.table["filename"].tolist().index(name) for name in table["filename"]]
    assert (found.x == whole.x[places]).all()
    assert "untrained" in found.provenance["weights"]["name"]
    with pytest.raises(InputError, match="none of the 1 cells"):
        features.control_features("_random", pd.DataFrame({"filename": ["none.bmp"]}))


def test_a_damaged_image_gives_its_own_sentence_from_any_process(phantoms, tmp_path, weights):
    """Decoded here or by a worker process: the reader sees no worker's traceback."""
    folder = shutil.copytree(phantoms, tmp_path / "phantoms")
    damaged = cells.scan(folder)["path"].tolist()
    damaged[9].write_bytes(b"")
    embed = resnet.extractor(weights)
    for batch_size in (2, 32):
        with pytest.raises(InputError) as caught:
            extraction.extract(damaged, embed, batch_size=batch_size, progress=False)
        assert str(caught.value) == (
            f"{damaged[9]}: the file is empty (0 bytes); copy it again from the data set."
        )


def test_extraction_leaves_the_global_generator(weights, paths):
    embed = resnet.extractor(weights)
    before = torch.random.get_rng_state()
    extraction.extract(paths, embed, batch_size=4, progress=False)
    assert torch.equal(before, torch.random.get_rng_state())


def test_shards_go_on_at_their_border(weights, paths, tmp_path, monkeypatch):
    """A batch size that does not divide a shard, and a last shard that is not full."""
    monkeypatch.setattr(extraction, "SHARD", 10)
    embed = resnet.extractor(weights)
    whole = extraction.extract(paths, embed, batch_size=4, partial=tmp_path, progress=False)
    sizes = {path.name: len(np.load(path)["x"]) for path in tmp_path.iterdir()}
    assert sizes == {"000000.npz": 10, "000010.npz": 10, "000020.npz": 4}
    (tmp_path / "000010.npz").unlink()
    again = extraction.extract(paths, embed, batch_size=4, partial=tmp_path, progress=False)
    np.testing.assert_array_equal(again, whole)


@pytest.fixture
def three():
    """Three cells of two subjects, with two features each."""
    table = pd.DataFrame(
        {
            "filename": ["a.bmp", "b.bmp", "c.bmp"],
            "fold": "fold_0",
            "subject": ["H1", "2", "2"],
            "label": [0, 1, 1],
        }
    )
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    return features.Features(x, table, {"weights": {"name": "w"}}, "3 cells of a test.")


def test_the_key_is_of_numbers_and_cells(three):
    same = dataclasses.replace(three, x=three.x.astype(np.float64), origin="elsewhere")
    others = [
        dataclasses.replace(three, x=three.x + np.float32(1)),
        dataclasses.replace(three, table=three.table.assign(filename=["a.bmp", "b.bmp", "d.bmp"])),
        dataclasses.replace(three, table=three.table.assign(subject=["H1", "2", "3"])),
        dataclasses.replace(three, table=three.table.assign(label=[1, 0, 0])),
        three.take(np.array([1, 0, 2])),
    ]
    assert re.fullmatch("[0-9a-f]{64}", three.key)
    assert three.key == same.key
    assert three == same
    assert three not in others
    assert len({three, same, *others}) == 1 + len(others)


def test_the_hash_of_features_is_that_of_their_bytes(three):
    expected = hashlib.sha256(three.x.astype("<f4").tobytes()).hexdigest()
    assert features.features_hash(three.x) == expected
    assert features.features_hash(np.asfortranarray(three.x)) == expected


@pytest.mark.parametrize("rows", [[2, 0], [True, False, True]])
def test_taken_cells_keep_their_features(three, rows):
    taken = three.take(np.array(rows))
    names = ["c.bmp", "a.bmp"] if rows == [2, 0] else ["a.bmp", "c.bmp"]
    assert taken.table["filename"].tolist() == names
    assert taken.table.index.tolist() == [0, 1]
    assert taken.x[:, 0].tolist() == [{"a.bmp": 0, "c.bmp": 4}[name] for name in names]
    assert taken.provenance == three.provenance
    assert taken.origin == "2 of 3 cells of a test."
    assert three.take(np.arange(3)).origin == three.origin


@pytest.mark.parametrize("rows", [[3], [True, False]])
def test_taking_a_cell_that_is_not_there(three, rows):
    with pytest.raises(IndexError):
        three.take(np.array(rows))


def test_all_sizes_are_of_every_labelled_cell():
    sizes = features.all_sizes()
    assert sizes.x.shape == (10_661, 1)
    assert sizes.x.dtype == np.float32
    assert (sizes.x == 1).all()
    pd.testing.assert_frame_equal(sizes.table, cells.training_cells())
    assert "size" in sizes.origin
    assert sizes.key != features.shipped_features().key


def test_the_probe_reads_the_size_that_stands_in_the_features():
    shipped = features.shipped_features()
    rows = np.arange(0, len(shipped.x), 40)
    probed = features.area_probe(shipped.take(rows))
    assert len(probed) == len(rows)
    assert np.corrcoef(probed["measured"], probed["predicted"])[0, 1] > 0.5


def test_the_probe_of_few_subjects():
    shipped = features.shipped_features()
    subjects = shipped.table["merged_subject"]
    three = shipped.take(subjects.isin(subjects.unique()[:3]).to_numpy())
    assert np.isfinite(features.area_probe(three)["predicted"]).all()
    with pytest.raises(InputError, match="at least two subjects"):
        features.area_probe(shipped.take(subjects.eq(subjects[0]).to_numpy()))


@pytest.mark.parametrize("damage", [b"", b"PK", b"half"])
def test_a_damaged_shard_is_computed_again_and_other_files_do_not_matter(
    phantoms, tmp_path, weights, monkeypatch, damage
):
    """As a full disk, a file browser and an earlier version leave them."""
    monkeypatch.setattr(extraction, "SHARD", 10)
    target = tmp_path / "features.npz"
    monkeypatch.setattr(extraction, "write_features", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extraction.extract_folder(phantoms, weights, target, progress=False)
    (shard,) = tmp_path.rglob("000010.npz")
    shard.write_bytes(shard.read_bytes()[:2000] if damage == b"half" else damage)
    for folder in (shard.parent, shard.parent.parent):
        (folder / ".DS_Store").touch()
    monkeypatch.setattr(extraction, "write_features", features.write_features)
    found = extraction.extract_folder(phantoms, weights, target, progress=False)
    assert np.isfinite(found.x).all() and len(found.x) == 24
    assert sorted(p.name for p in tmp_path.iterdir()) == ["features.json", "features.npz"]


def interrupted(*_):
    raise KeyboardInterrupt


def test_odd_images_are_counted_as_the_demo_warns_of_them(phantoms, tmp_path, weights, capsys):
    """Over an interruption too."""
    folder = shutil.copytree(phantoms, tmp_path / "cells")
    paths = cells.scan(folder)["path"].tolist()
    for path in paths[:3]:
        canvas = Image.new("RGB", (600, 600))
        canvas.paste(Image.open(path), (75, 75))
        canvas.save(path)
    Image.new("RGB", (450, 450)).save(paths[5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "write_features", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extraction.extract_folder(folder, weights, tmp_path / "f.npz", progress=False)
    found = extraction.extract_folder(folder, weights, tmp_path / "f.npz", progress=False)
    assert found.provenance["warnings"] == {"unsegmented": 1, "scale": 3}
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "leukgnn: 1 of 24 images do not look like one segmented cell on black."
    assert said[1].startswith("leukgnn: 3 of 24 images are not 450x450 pixels large")


def test_features_that_tell_no_cells_apart_are_refused(phantoms, tmp_path, weights):
    folder = shutil.copytree(phantoms, tmp_path / "cells")
    for path in cells.scan(folder)["path"]:
        Image.new("RGB", (450, 450)).save(path)
    with pytest.raises(InputError, match="all 24 cells have the same features"):
        extraction.extract_folder(folder, weights, tmp_path / "f.npz", progress=False)
    assert [path.name for path in tmp_path.rglob("*.npz")] == []


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_features_that_the_file_cannot_hold_are_refused(value):
    x = np.ones((3, 512), np.float32)
    x[1, 7] = value
    assert extraction._unusable(x).startswith("the features of 1 of 3 cells are not finite")


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [("fold", "fold_9", "is in fold_9, in the data set it is in fold_"), ("filename", 0, "twice")],
)
def test_a_feature_file_with_moved_or_doubled_cells_is_named(tmp_path, column, value, word):
    shipped = features.shipped_features().take(np.arange(5))
    table = shipped.table.copy()
    table.loc[4, column] = value or table.loc[0, column]
    target = tmp_path / "features.npz"
    features.write_features(target, shipped.x, table, shipped.provenance)
    with pytest.raises(InputError, match=word):
        features.read_features_file(target)


def test_the_probe_never_learns_a_size_from_the_person_that_it_is_asked_about():
    """Each person has a size and a look of its own: what is recognised must not be read back.

    Two linked subjects each, so that splitting by subject would give it away as well.
    """
    generator = np.random.default_rng(0)
    person = generator.permutation(np.repeat(np.arange(40), 8))
    look, size = generator.normal(size=(40, 60)), generator.normal(5, 1, 40)
    table = pd.DataFrame({"merged_subject": person.astype(str)})
    table["subject"] = table["merged_subject"] + np.where(np.arange(320) % 2, "a", "b")
    table["bbox_w"] = table["bbox_h"] = np.exp(size[person]).round()
    x = (look[person] + 0.1 * generator.normal(size=(320, 60))).astype(np.float32)
    probed = features.area_probe(features.Features(x, table, {}, "planted"))
    assert np.corrcoef(probed["measured"], probed["predicted"])[0, 1] < 0.4
    assert probed["measured"].tolist() == pytest.approx(2 * np.log(table["bbox_w"] + 1))
