"""New cells: attached alone, judged as the whole network would, warned about where they are odd."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from leukgnn import cli, deploy, features, graph, models, phantoms, predict, resnet, training
from leukgnn.files import InputError


@pytest.fixture(scope="session")
def known():
    return features.shipped_features("_random")


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
    x, n, k = new_features(known), len(known.x), predictor.told["k"]
    near, _ = predictor.attach(x)
    inner = graph.edge_index(graph.knn(known.x, k)[0], predictor.told["edges"])
    arriving = np.stack([near.ravel(), n + np.repeat(np.arange(len(x)), k)])
    adjacency = graph.adjacency(np.concatenate([inner, arriving], axis=1), n + len(x))
    together = torch.from_numpy(np.concatenate([known.x, x]))
    gcn = network_of(predictor, models.GCN, "gcn")
    whole = training.predict(gcn, together, adjacency)[n:]
    assert predictor.judge(x, near) == pytest.approx(whole, abs=1e-5)
    mlp = network_of(predictor, models.MLP, "mlp")
    alone = training.predict(mlp, torch.from_numpy(x), adjacency)
    assert predictor.without_graph(x) == pytest.approx(alone, abs=1e-5)


def test_neighbours_change_the_answer(predictor, known):
    x = new_features(known)
    near, _ = predictor.attach(x)
    others = (near + len(known.x) // 2) % len(known.x)
    assert np.abs(predictor.judge(x, near) - predictor.judge(x, others)).max() > 0.01


def test_an_answer_does_not_depend_on_what_else_is_asked(predictor, cells):
    together = predictor.predict(cells)
    assert together == [predictor.predict([cell])[0] for cell in cells]
    assert together[::-1] == predictor.predict(cells[::-1])
    assert predictor.predict([]) == []


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
    sizes = predict._box_range()
    for cell in cells:
        pixels = np.asarray(cell.resize((128, 128))).transpose(2, 0, 1)
        assert predict.not_segmented(pixels, sizes) == ""


@pytest.mark.parametrize(
    ("box", "word"),
    [
        (None, "nothing in it is brighter"),
        ((0, 0, 128, 128), "not black at the border"),
        ((60, 60, 64, 64), "of the image wide"),
        ((40, 60, 90, 66), "of the image high"),
    ],
)
def test_what_is_not_a_segmented_cell_is_told(predictor, box, word):
    image = Image.new("RGB", (128, 128))
    if box:
        image.paste((150, 80, 160), box)
    warnings = predictor.predict([image])[0].warnings
    assert any(word in warning for warning in warnings)


def test_an_unlike_cell_is_told(predictor):
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    assert any("unlike all" in w for w in predictor.predict([Image.fromarray(noise)])[0].warnings)


def test_a_cell_of_the_reference_is_told(predictor, known, cells, monkeypatch):
    monkeypatch.setattr(predictor, "_embed", lambda pixels: known.x[: len(pixels)])
    warnings = predictor.predict(cells[:1])[0].warnings
    assert any(str(known.table["filename"][0]) in warning for warning in warnings)


def test_weights_without_reference_cells_are_named():
    with pytest.raises(InputError, match=r"random:1|seed 1"):
        predict.find_reference(resnet.find_weights("random:1"))


@pytest.fixture
def small(known, tmp_path):
    """A small feature file with its model."""
    rows = known.table.groupby(["fold", "label"]).sample(40, random_state=0).index
    path = tmp_path / "few.npz"
    table = known.table.loc[rows].reset_index(drop=True)
    features.write_features(path, known.x[rows], table, known.provenance)
    deploy.train(path, draws=10, epochs=2)
    return path


def test_no_model_is_trained_on_cells_of_unknown_subjects(tmp_path):
    known = features.shipped_features("_random")
    table = known.table.iloc[:300].copy()
    table.loc[7, "filename"] = "UID_1_99_9_all.bmp"
    path = tmp_path / "mine.npz"
    features.write_features(path, known.x[:300], table, known.provenance)
    with pytest.raises(InputError, match=r"UID_1_99_9_all\.bmp is no training cell"):
        deploy.train(path)


def test_a_model_of_ones_own(small):
    predictor = predict.Predictor(resnet.find_weights("random:0"), small)
    told = predict.described(predictor.told)
    assert told["reference"]["cells"] == 240 and not told["pretrained"]
    assert told["operating_point"]["threshold"] <= 1 and told["unlike"] > 0
    models_told = {(row["model"], row["metric"]) for row in told["performance"]}
    assert models_told == {(m, k) for m in deploy.NETWORKS for k in deploy.SHOWN}
    assert all(row["low"] <= row["value"] <= row["high"] for row in told["performance"])


def test_parts_that_do_not_belong_together_are_refused(small, known):
    weights = resnet.find_weights("random:0")
    with pytest.raises(InputError, match="other weights"):
        predict.Predictor(resnet.find_weights("random:1"), small)
    rows = known.table.index[:50]
    features.write_features(small, known.x[rows], known.table.loc[rows], known.provenance)
    with pytest.raises(InputError, match="other cells"):
        predict.Predictor(weights, small)
    deploy.model_path(small).write_bytes(b"not a model")
    with pytest.raises(InputError, match="not a model of leukgnn"):
        predict.Predictor(weights, small)
    deploy.model_path(small).unlink()
    with pytest.raises(InputError, match="leukgnn model"):
        predict.Predictor(weights, small)


def test_the_operating_point_is_measured_by_other_folds(known):
    """Fold c alone would choose a lower threshold: it must not judge itself by it."""
    table = known.table.groupby(["fold", "label"]).head(20)
    apart = table.assign(model="gcn", protocol="subject_disjoint", seed=0)
    apart["probability"] = 0.6 * apart["label"] + 0.2
    apart.loc[apart["fold"] == "fold_2", "probability"] -= 0.15
    told = deploy.operating_point(apart, table, draws=10)
    assert told["threshold"] == pytest.approx(0.65)
    assert told["sensitivity"] == pytest.approx(2 / 3) and told["specificity"] == 1


def test_the_command_answers_and_names_what_it_cannot_read(tmp_path, cells, capsys):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    cells[0].save(good)
    bad.write_bytes(good.read_bytes()[:200])
    weights = ["--weights", "random:0"]
    assert cli.main(["predict", str(good), *weights, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[0]["ok"] and len(told[0]["neighbours"]) == 10
    assert cli.main(["predict", str(good), str(bad), str(tmp_path / "no.png"), *weights]) == 1
    text = capsys.readouterr().out
    assert "bad.png: cannot be read" in text and "no such image file" in text
    assert "not a medical device" in text
