"""New cells: attached alone, judged as the whole network would, warned about where they are odd."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_info, threadpool_limits

from leukgnn import cli, networks
from leukgnn.cells import phantoms
from leukgnn.cells.appearance import box_range, not_segmented
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.demo import find_reference, model_path, predict, read_model
from leukgnn.demo.model_file import TENSORS
from leukgnn.features import shipped_features
from leukgnn.features.resnet import find_weights
from leukgnn.files import InputError, shipped_path
from leukgnn.graphs import knn, knn_edges, no_edges
from leukgnn.networks import GCN, MLP


@pytest.fixture(scope="session")
def known():
    return shipped_features("_encoder")


@pytest.fixture
def cells():
    return [phantoms.draw_cell(n % 2, np.random.default_rng([7, n])) for n in range(5)]


def network_of(predictor, kind, name):
    network = kind()
    network.load_state_dict(
        {
            key.removeprefix(f"{name}."): torch.from_numpy(value).float()
            for key, value in predictor._tensors.items()
            if key.startswith(f"{name}.")
        }
    )
    return network


def new_features(known):
    rng = np.random.default_rng(0)
    rows = known.x[rng.choice(len(known.x), 6)]
    return (rows * rng.uniform(0.95, 1.05, rows.shape)).astype(np.float32)


def test_the_answer_is_that_of_the_network_on_the_whole_graph(predictor, known):
    """The short way over stored scores, against the GCN on all cells and one-way edges."""
    x, n, k = new_features(known), len(known.x), predictor.metadata["k"]
    near, _ = predictor.attach(x)
    inner = knn_edges(knn(known.x, k)[0], predictor.metadata["edges"])
    arriving = np.stack([near.ravel(), n + np.repeat(np.arange(len(x)), k)])
    edge_index = np.concatenate([inner, arriving], axis=1)
    gcn = network_of(predictor, GCN, "gcn")
    whole = networks.predict(gcn, np.concatenate([known.x, x]), edge_index)[n:]
    assert predictor.judge(x, near) == pytest.approx(whole, abs=1e-5)
    mlp = network_of(predictor, MLP, "mlp")
    alone = networks.predict(mlp, x, no_edges())
    assert predictor.without_graph(x) == pytest.approx(alone, abs=1e-5)


def test_neighbours_change_the_answer(predictor, known):
    x = new_features(known)
    near, _ = predictor.attach(x)
    others = (near + len(known.x) // 2) % len(known.x)
    assert np.abs(predictor.judge(x, near) - predictor.judge(x, others)).max() > 0.01


def test_a_neighbours_change_is_that_of_the_network_without_its_edge(predictor, known, cells):
    """Against the GCN on all cells, each of the new cell's edges taken away in turn."""
    x, n, k = new_features(known)[:1], len(known.x), predictor.metadata["k"]
    near, _ = predictor.attach(x)
    inner = knn_edges(knn(known.x, k)[0], predictor.metadata["edges"])
    gcn = network_of(predictor, GCN, "gcn")
    for one in range(k):
        fewer = np.delete(near[0], one)
        edge_index = np.concatenate([inner, np.stack([fewer, np.full(k - 1, n)])], axis=1)
        whole = networks.predict(gcn, np.concatenate([known.x, x]), edge_index)[n]
        assert predictor.without_each(x, near)[0, one] == pytest.approx(whole, abs=1e-5)
    (answer,) = predictor.predict(cells[:1])
    changes = [neighbour.change for neighbour in answer.neighbours]
    x = predictor._embed(evaluation_pixels(cells[0])[None])
    near, _ = predictor.attach(x)
    expected = predictor.without_each(x, near) - predictor.judge(x, near)[:, None]
    assert changes == pytest.approx(expected[0].tolist(), abs=2e-6) and len(set(changes)) > 1


def test_an_answer_does_not_depend_on_what_else_is_asked(predictor, cells):
    together = predictor.predict(cells)
    assert together == [predictor.predict([cell])[0] for cell in cells]
    assert together[::-1] == predictor.predict(cells[::-1])
    assert predictor.predict([]) == []


def test_while_it_answers_numpy_leaves_the_cores_to_torch(predictor, cells, monkeypatch):
    def blas_threads():
        found = threadpool_info()
        return {pool["num_threads"] for pool in found if pool["user_api"] == "blas"}

    seen = []
    attach = predictor.attach
    monkeypatch.setattr(predictor, "attach", lambda x: seen.append(blas_threads()) or attach(x))
    with threadpool_limits(2, "blas"):
        predictor.predict(cells)
        assert seen == [{1}] and blas_threads() == {2}


def test_the_fields_of_an_answer_fit_each_other(predictor, cells):
    for answer in predictor.predict(cells):
        assert answer.label == ("Leukemia" if answer.probability >= 0.5 else "Healthy")
        share = np.mean([n.label == "Leukemia" for n in answer.neighbours])
        assert answer.leukemic_share == pytest.approx(share)
        likely = max(answer.probability, 1 - answer.probability)
        assert answer.confidence == pytest.approx(likely, abs=0.0051)
        similarity = [n.similarity for n in answer.neighbours]
        assert similarity == sorted(similarity, reverse=True) and len(similarity) == 10
        json.dumps(asdict(answer))


def test_ordinary_phantoms_look_like_segmented_cells(cells):
    sizes = box_range()
    for cell in cells:
        pixels = np.asarray(cell.resize((128, 128))).transpose(2, 0, 1)
        assert not_segmented(pixels, sizes) == ""


@pytest.mark.parametrize(
    ("box", "word"),
    [
        (None, "nothing in it is brighter"),
        ((0, 0, 128, 128), "not black at the border"),
        ((60, 60, 64, 64), "of the image wide"),
        ((40, 60, 90, 66), "of the image high"),
    ],
)
def test_what_is_not_a_segmented_cell_is_warned_about(predictor, box, word):
    image = Image.new("RGB", (128, 128))
    if box:
        image.paste((150, 80, 160), box)
    warnings = predictor.predict([image])[0].warnings
    assert any(word in warning for warning in warnings)


def test_an_unlike_cell_is_warned_about(predictor):
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    assert any("unlike all" in w for w in predictor.predict([Image.fromarray(noise)])[0].warnings)


def test_a_cell_of_the_reference_is_warned_about(predictor, known, cells, monkeypatch):
    monkeypatch.setattr(predictor, "_embed", lambda pixels: known.x[: len(pixels)])
    warnings = predictor.predict(cells[:1])[0].warnings
    assert any(str(known.table["filename"][0]) in warning for warning in warnings)


def test_weights_without_reference_cells_are_named():
    with pytest.raises(InputError, match=r"random:1|seed 1"):
        find_reference(find_weights("random:1"))


def test_the_command_answers_and_names_what_it_cannot_read(tmp_path, cells, capsys):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    cells[0].save(good)
    bad.write_bytes(good.read_bytes()[:200])
    assert cli.main(["predict", str(good), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results[0]["ok"] and len(results[0]["neighbours"]) == 10
    changes = {n["filename"]: n["change"] for n in results[0]["neighbours"]}
    assert cli.main(["predict", str(good), "--explain"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "without UID" in line]
    telling = sorted(changes, key=lambda name: -abs(changes[name]))[:3]
    for line, name in zip(lines, telling, strict=True):
        assert f"without {name} (" in line and line.endswith(f"{changes[name]:+.3f}")
    assert cli.main(["predict", str(good), str(bad), str(tmp_path / "no.png")]) == 1
    text = capsys.readouterr().out
    assert "bad.png: cannot be read" in text and "no such image file" in text
    assert "not a medical device" in text


def test_a_model_file_without_all_its_tensors_is_refused(tmp_path):
    """Such as one of the days when the MLP's layers went by the names of convolutions."""
    reference = tmp_path / "features_encoder.npz"
    shipped = model_path(shipped_path(reference.name))
    tensors = load_file(shipped)
    assert set(tensors) == set(TENSORS)
    shutil.copy(shipped, model_path(reference))
    read_model(reference)
    tensors["mlp.conv1.lin.weight"] = tensors.pop("mlp.lin1.weight")
    save_file(tensors, model_path(reference), metadata={"leukgnn": "{}"})
    with pytest.raises(InputError, match=r"not a model of leukgnn .*mlp\.lin1\.weight.*make it"):
        read_model(reference)


def test_answering_needs_no_tools_of_the_book_and_no_training():
    """Seen in a fresh process, as tests before this one may have imported anything."""
    code = "import sys, leukgnn.demo.predict; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split())
    assert "leukgnn.demo.predict" in loaded
    rooms = {f"leukgnn.{room}" for room in ("book", "claims", "experiments", "networks")}
    tools = {"papermill", "jupytext", "myst_nb", "nbformat", "IPython", "flask", "matplotlib"}
    assert not loaded & (rooms | tools)


def test_many_files_are_not_held_at_once(predictor, cells, monkeypatch):
    """And the one that cannot be read spoils no other."""
    monkeypatch.setattr(predict, "BATCH", 2)
    held = []
    monkeypatch.setattr(predictor, "predict", counting(predictor.predict, held))
    content = io.BytesIO()
    cells[0].save(content, "PNG")

    def fail():
        raise InputError("cell_3: cannot be read (Input/output error).")

    given = [(f"cell_{i}", fail if i == 3 else content.getvalue) for i in range(5)]
    results = predict.classify(predictor, given)
    assert [result["name"] for result in results] == [name for name, _ in given]
    assert [result["ok"] for result in results] == [True, True, True, False, True]
    assert held == [2, 1, 1]


def counting(function, numbers):
    def counted(images):
        numbers.append(len(images))
        return function(images)

    return counted


def test_a_cell_at_another_scale_is_warned_about(predictor, cells):
    """On the canvas of the data set's final test files a cell looks smaller than it is."""
    canvas = Image.new("RGB", (600, 600))
    canvas.paste(cells[0], (75, 75))
    warnings = [predictor.predict([image])[0].warnings for image in (cells[0], canvas)]
    assert not any("pixels large" in warning for warning in warnings[0])
    assert any("600x600 pixels large" in w and "75% of its size" in w for w in warnings[1])
    resized = predictor.predict([cells[0].resize((128, 128))])[0].warnings
    assert not any("pixels large" in warning for warning in resized)
