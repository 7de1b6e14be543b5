"""Extraction: weights, determinism, interruption, the feature file, bad input."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from torchvision.models import resnet18

from leukgnn import cells, extraction, features, finetune, resnet
from leukgnn.files import InputError
from leukgnn.images import normalise


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
    told = resnet.extractor(weights, normalised=normalised)(pixels)
    assert told.shape == (4, 512)
    np.testing.assert_allclose(told, expected, atol=1e-4, rtol=1e-4)


def test_features_do_not_depend_on_batches_or_threads(weights, paths):
    embed = resnet.extractor(weights)
    told = [extraction.extract(paths, embed, batch_size=b, progress=False) for b in (1, 5, 32)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    told.append(extraction.extract(paths, embed, progress=False))
    torch.set_num_threads(threads)
    for other in told[1:]:
        np.testing.assert_allclose(told[0], other, atol=1e-5, rtol=1e-5)


def test_random_weights_depend_on_the_seed_alone():
    torch.manual_seed(5)
    one, same, other = (resnet.find_weights(f"random:{s}").sha256 for s in (1, 1, 2))
    assert one == same != other


def test_weights_are_named_by_their_content(weights, tmp_path, shared):
    real = shared / "weights" / "resnet18_killthebits_small.safetensors"
    copied = shutil.copy(real, tmp_path / "IMAGENET1K_V1.safetensors")
    assert "Bit Goes Down" in resnet.find_weights(str(copied)).name


def test_shipped_features_are_those_of_the_shared_cells(shared):
    """The first cells, computed again from pixels: the shipped file is what it says."""
    found = resnet.find_weights(str(shared / "weights" / "resnet18_killthebits_small.safetensors"))
    table = cells.scan(shared / "data/cnmc2019/images_128").iloc[::400]
    told = extraction.extract(table["path"].tolist(), resnet.extractor(found), progress=False)
    shipped = features.shipped_features()
    place = shipped.table.set_index("filename").index.get_indexer(table["filename"])
    np.testing.assert_allclose(told, shipped.x[place], atol=2e-3, rtol=2e-3)


def test_bad_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "empty"))
    with pytest.raises(InputError, match="LEUKGNN_WEIGHTS"):
        resnet.find_weights("")
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
    with pytest.raises(InputError, match="not a ResNet-18"):
        resnet.find_weights(str(other))


def test_a_pickled_file_is_not_loaded(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="convert them to safetensors"):
        resnet.find_weights(str(path))


def test_extraction_goes_on_after_a_kill(phantoms, tmp_path, weights, monkeypatch):
    """Killed in the middle: what is finished stays, the rest follows, nothing is doubled."""
    target = tmp_path / "features.npz"
    script = (
        "import sys, pathlib; from leukgnn import extraction, resnet; extraction.SHARD = 4;"
        "extraction.extract_folder(pathlib.Path(sys.argv[1]), resnet.find_weights('random:0'),"
        "pathlib.Path(sys.argv[2]), progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(phantoms), str(target)])
    deadline = time.monotonic() + 60
    while not (shards := sorted(tmp_path.rglob("0*.npy"))) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert shards and not target.exists()
    marked = np.load(shards[0])
    marked[0] = 42.0  # tells a shard that was kept from one computed again
    np.save(shards[0], marked)
    monkeypatch.setattr(extraction, "SHARD", 4)
    told = extraction.extract_folder(phantoms, weights, target, progress=False)
    assert (told.x[0] == 42.0).all()
    assert told.table["filename"].is_unique
    assert len(told.x) == len(cells.scan(phantoms))
    fresh = extraction.extract(
        cells.scan(phantoms)["path"].tolist(), resnet.extractor(weights), progress=False
    )
    np.testing.assert_allclose(told.x[1:], fresh[1:], atol=2e-3, rtol=2e-3)
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
    told = features.read_features(str(written.parent))
    assert told.x.dtype == np.float32
    assert told.table["label"].tolist() == [0, 1]


def test_damaged_feature_files_are_named(written, tmp_path):
    with pytest.raises(InputError, match="03_features"):
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
        with pytest.raises(InputError, match=r"ends in \.parquet"):
            finetune.cross_predict(phantoms, weights, tmp_path / refused, seed=0)
    assert not list(tmp_path.iterdir())


def test_a_failed_download_is_told(monkeypatch, tmp_path):
    def fail(**_):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(
        resnet.ResNet18_Weights.IMAGENET1K_V1, "get_state_dict", fail, raising=False
    )
    with pytest.raises(InputError, match=r"could not be downloaded .*no network.*--weights"):
        resnet.find_weights(download=True)


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
    told = features.control_features("_random", table)
    assert told.table["filename"].tolist() == table["filename"].tolist()
    whole = features.shipped_features("_random")
    places = [whole.table["filename"].tolist().index(name) for name in table["filename"]]
    assert (told.x == whole.x[places]).all()
    assert "untrained" in told.provenance["weights"]["name"]
    with pytest.raises(InputError, match="none of the 1 cells"):
        features.control_features("_random", pd.DataFrame({"filename": ["none.bmp"]}))
