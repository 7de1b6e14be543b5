"""The encoder: what it learns, what it goes on from, what it leaves behind."""

import dataclasses
import json
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from leukgnn import experiments, features, files
from leukgnn.cells import training_cells
from leukgnn.cells.phantoms import write_phantoms
from leukgnn.cells.views import centre
from leukgnn.experiments import encoder, encoder_answers, finetune
from leukgnn.features import extraction, resnet
from leukgnn.files import InputError
from leukgnn.graphs import like_within
from leukgnn.networks import Settings

BRIEF = encoder.Recipe(epochs=3, batch_size=8, averaged=2)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    return write_phantoms(
        tmp_path_factory.mktemp("encoder") / "phantoms", cells_per_class=6, seed=0
    )


@pytest.fixture(scope="module")
def cells(phantoms):
    table, pixels = finetune.read_cells(phantoms)
    return table["label"].to_numpy(), pixels


@pytest.fixture(scope="module")
def everyone(cells):
    return np.ones(len(cells[0]), dtype=bool)


@pytest.fixture(scope="module")
def trained(cells, everyone):
    labels, pixels = cells
    return encoder.train(pixels, labels, everyone, seed=0, recipe=BRIEF, progress=False)


def test_its_first_weights_are_the_seeds():
    a, b, c = (encoder.Encoder(seed).body.conv1.weight for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_it_tells_bright_cells_from_dark_ones():
    """A planted class that a few steps find."""
    labels = np.arange(24) % 2
    pixels = torch.zeros(24, 3, 128, 128, dtype=torch.uint8)
    pixels[:, :, 40:88, 40:88] = torch.from_numpy(60 + 120 * labels)[:, None, None, None].byte()
    shown = np.arange(24) < 16
    recipe = encoder.Recipe(epochs=6, batch_size=8, averaged=2)
    network, losses = encoder.train(pixels, labels, shown, seed=0, recipe=recipe, progress=False)
    assert losses[-1] < losses[0]
    probability, x = encoder.answer(network, pixels[~shown])
    assert ((probability > 0.5) == labels[~shown]).all()
    assert x.shape == (8, 512) and not network.training


def test_an_interrupted_training_ends_with_the_same_encoder(cells, everyone, trained, tmp_path):
    labels, pixels = cells
    checkpoint = tmp_path / "c.pt"

    save = encoder._Training.save

    def save_and_stop(self, path, losses):
        save(self, path, losses)
        if len(losses) == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(encoder._Training, "save", save_and_stop)
        encoder.train(
            pixels, labels, everyone, seed=0, recipe=BRIEF, checkpoint=checkpoint, progress=False
        )
    resumed, losses = encoder.train(
        pixels, labels, everyone, seed=0, recipe=BRIEF, checkpoint=checkpoint, progress=False
    )
    assert losses == trained[1]
    for name, value in resumed.state_dict().items():
        torch.testing.assert_close(value, trained[0].state_dict()[name], msg=name)


def test_the_weights_are_the_mean_of_the_last_epochs(cells, everyone, trained):
    labels, pixels = cells
    seen = []
    update = encoder.AveragedModel.update_parameters
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            encoder.AveragedModel, "update_parameters",
            lambda self, network: seen.append(network.head.weight.clone()) or update(self, network),
        )  # fmt: skip
        encoder.train(pixels, labels, everyone, seed=0, recipe=BRIEF, progress=False)
    assert len(seen) == BRIEF.averaged
    torch.testing.assert_close(trained[0].head.weight, torch.stack(seen).mean(dim=0))


def test_batch_norms_are_estimated_on_the_cells_as_they_are(cells, trained):
    network, inputs = trained[0], []
    hook = network.body.bn1.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    encoder.answer(network, cells[1])
    hook.remove()
    seen = torch.cat(inputs)
    torch.testing.assert_close(
        network.body.bn1.running_mean, seen.mean(dim=(0, 2, 3)), atol=1e-4, rtol=1e-3
    )
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 20


def test_classes_are_weighed(cells, everyone, monkeypatch):
    labels, pixels = cells
    few = everyone & ~((labels == 0) & (np.cumsum(labels == 0) > 2))
    given, steps, loss = [], [], encoder.cross_entropy

    def weighed(logits, target, *, weight, label_smoothing):
        given.append((weight, label_smoothing))
        found = loss(logits, target, weight=weight, label_smoothing=label_smoothing)
        steps.append(found.item() * len(target))
        return found

    monkeypatch.setattr(encoder, "cross_entropy", weighed)
    recipe = dataclasses.replace(BRIEF, epochs=1, averaged=1, batch_size=5, label_smoothing=0.2)
    _, losses = encoder.train(pixels, labels, few, seed=0, recipe=recipe, progress=False)
    n, rare = int(few.sum()), int((few & (labels == 0)).sum())
    assert n == 8 and len(given) == 2
    for weight, smoothing in given:
        assert weight.tolist() == pytest.approx([n / (2 * rare), n / (2 * (n - rare))])
        assert smoothing == 0.2
    assert losses == pytest.approx([sum(steps) / n]), "the mean over cells, not over batches"


def test_the_optimiser_and_its_schedule_are_the_recipes():
    recipe = encoder.Recipe(epochs=3, averaged=1, learning_rate=0.02, weight_decay=0.3)
    training = encoder._Training(0, recipe, steps=4)
    rates = []
    for _ in range(12):
        rates.append(training.optimiser.param_groups[0]["lr"])
        training.step(training.network.head.bias.sum())
    assert training.schedule.total_steps == 12
    assert max(rates) == pytest.approx(0.02, rel=0.1) and rates[-1] < rates[0] < 0.002
    assert training.optimiser.param_groups[0]["weight_decay"] == 0.3


@pytest.mark.parametrize(("precision", "quick"), [("bfloat16", True), ("float32", False)])
def test_products_are_quick_where_they_are_said_to_be(
    cells, everyone, monkeypatch, capsys, precision, quick
):
    """Each epoch of each seed draws by a number of its own, and shows its bar."""
    given, numbers, cast, seeded = [], [], torch.autocast, torch.manual_seed
    monkeypatch.setattr(encoder, "products", lambda: precision)
    monkeypatch.setattr(
        torch, "autocast", lambda *a, **k: given.append((a, k)) or cast("cpu", enabled=False)
    )
    monkeypatch.setattr(torch, "manual_seed", lambda n: numbers.append(n) or seeded(n))
    labels, pixels = cells
    recipe = encoder.Recipe(epochs=2, averaged=1, batch_size=4)
    some = everyone & (np.arange(len(labels)) % 3 == 0)
    network, _ = encoder.train(pixels, labels, some, seed=2, recipe=recipe)
    assert given == [(("cpu",), {"dtype": torch.bfloat16, "enabled": quick})] * 2
    assert numbers == [2, 2000, 2001]
    assert network.head.weight.dtype == torch.float32
    shown = capsys.readouterr().err
    assert "epoch 1/2" in shown and "epoch 2/2: 100%" in shown


def test_a_fold_is_answered_by_an_encoder_that_has_not_seen_it(phantoms, tmp_path, monkeypatch):
    asked, train = [], encoder.train
    monkeypatch.setattr(
        encoder, "train", lambda p, y, chosen, **k: asked.append(chosen) or train(p, y, chosen, **k)
    )
    recipe = dataclasses.replace(BRIEF, epochs=1, averaged=1)
    given = {"seed": 3, "recipe": recipe, "progress": False}
    begun = time.perf_counter()
    target = encoder.encode(phantoms, tmp_path, part="fold_1", **given)
    took = time.perf_counter() - begun
    table, _ = finetune.read_cells(phantoms)
    of_fold = (table["fold"] == "fold_1").to_numpy()
    assert not (asked[0] & of_fold).any() and asked[0].any()
    with np.load(target, allow_pickle=False) as stored:
        assert stored["filename"].tolist() == table["filename"].tolist()
        assert stored["test"].tolist() == of_fold.tolist()
        assert stored["features"].shape == (len(table), 512)
        assert stored["features"].dtype == np.float16
    provenance = json.loads(target.with_suffix(".json").read_text())
    assert provenance["training_cells"] == asked[0].sum() and len(provenance["losses"]) == 1
    assert provenance["cells"] == of_fold.sum() and provenance["crop"] == encoder.CROP
    assert provenance["command"] == "leukgnn encoder DIR --part fold_1 --seed 3"
    assert provenance["recipe"] == dataclasses.asdict(recipe)
    assert 0 < provenance["seconds"] <= round(took, 1)
    assert provenance["products"] == encoder.products()
    assert {"commit", "processor", "libraries", "threads"} <= set(provenance)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "encoder_fold_1_3.json", "encoder_fold_1_3.npz"
    ]  # fmt: skip


def test_a_part_is_trained_as_it_was_asked_for(phantoms, tmp_path, monkeypatch):
    """By the book's recipe where none is given; the paper's augmentation has names of its own."""
    asked = []

    def untrained(pixels, labels, chosen, **given):
        asked.append(given)
        given["checkpoint"].write_bytes(b"of an epoch")
        return encoder.Encoder(given["seed"]), [0.5, 0.25]

    monkeypatch.setattr(encoder, "train", untrained)
    papers = encoder.Recipe(views=encoder.PAPERS)
    encoder.encode(phantoms, tmp_path, part="fold_0", seed=1)
    encoder.encode(phantoms, tmp_path, part="fold_2", seed=5, recipe=papers, progress=False)
    assert asked == [
        {
            "seed": 1, "recipe": encoder.Recipe(), "progress": True,
            "checkpoint": tmp_path / "encoder_fold_0_1.partial.pt",
        },
        {
            "seed": 5, "recipe": papers, "progress": False,
            "checkpoint": tmp_path / "encoder_papers_fold_2_5.partial.pt",
        },
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "encoder_fold_0_1.json", "encoder_fold_0_1.npz",
        "encoder_papers_fold_2_5.json", "encoder_papers_fold_2_5.npz",
    ]  # fmt: skip
    origin = json.loads((tmp_path / "encoder_papers_fold_2_5.json").read_text())
    assert origin["command"] == "leukgnn encoder DIR --part fold_2 --seed 5 --papers-views"
    assert origin["losses"] == [0.5, 0.25]


def test_the_encoder_of_all_cells_is_given_away_as_it_answers(phantoms, tmp_path):
    recipe = dataclasses.replace(BRIEF, epochs=1, averaged=1)
    target = encoder.encode(phantoms, tmp_path, part="all", seed=0, recipe=recipe, progress=False)
    given = target.with_suffix(".safetensors")
    state = load_file(given)
    assert {v.dtype for v in state.values()} == {torch.float16, torch.int64}
    weights = resnet.find_weights(str(given))
    assert weights.own and weights.name == encoder.NAME
    table, pixels = finetune.read_cells(phantoms)
    x = torch.from_numpy(resnet.extractor(weights)(pixels))
    logits = x @ state["fc.weight"].float().T + state["fc.bias"].float()
    with np.load(target, allow_pickle=False) as stored:
        assert stored["probability"] == pytest.approx(logits.softmax(1)[:, 1].numpy(), abs=1e-5)
        assert stored["features"] == pytest.approx(x.numpy(), abs=2e-3 * float(x.abs().max()))
        assert len(stored["filename"]) == len(table)
        assert stored["test"].dtype == bool and stored["test"].all()
    assert json.loads(target.with_suffix(".json").read_text())["training_cells"] == len(table)


def test_the_encoder_that_ships_is_whole_and_its_own(cells):
    """Its pixels are the central ones: what stands at the edge does not count."""
    weights = resnet.find_weights(str(files.shipped_path("encoder.safetensors")))
    assert weights.own and weights.name == encoder.NAME
    _, pixels = cells
    framed = pixels[:2].clone()
    framed[:, :, :16] = 255
    embed = resnet.extractor(weights)
    assert np.array_equal(embed(pixels[:2]), embed(framed))


def test_an_encoder_of_another_view_is_refused(tmp_path):
    state = resnet.find_weights("random:0").state
    path = tmp_path / "other.safetensors"
    save_file(state, path, metadata={resnet.VIEW: "64 pixels"})
    with pytest.raises(InputError, match=r"other\.safetensors.*64 pixels.*expected 96 pixels"):
        resnet.find_weights(str(path))
    save_file(state, path, metadata={resnet.VIEW: resnet.CENTRAL})
    with pytest.raises(InputError, match="--unnormalised"):
        resnet.extractor(resnet.find_weights(str(path)), normalised=False)


def test_nothing_is_measured_on_features_that_have_met_every_cell(phantoms, tmp_path):
    own = resnet.find_weights(str(files.shipped_path("encoder.safetensors")))
    met = extraction.extract_folder(phantoms, own, tmp_path / "met.npz", progress=False)
    assert "central 96 pixels" in met.provenance["preprocessing"]
    with pytest.raises(InputError) as refused:
        experiments.Sources(met)
    assert str(refused.value) == (
        f"{met.origin} These weights were trained on the cells, so nothing can be measured on new "
        "subjects; give features of other weights."
    )


def test_graphs_are_asked_about_cells_that_their_encoder_has_not_met(tmp_path):
    """A planted class that each fold's encoder writes down, with another sign for its own fold."""
    rng = np.random.default_rng(0)
    table = training_cells().groupby(["fold", "label"]).head(20).reset_index(drop=True)
    for fold in sorted(table["fold"].unique()):
        test = (table["fold"] == fold).to_numpy()
        sign = np.where(table["label"].to_numpy() == 1, 1, -1) * np.where(test, -1, 1)
        x = rng.normal(size=(len(table), 512)) * 0.1
        x[:, 0] += sign
        stem = tmp_path / f"encoder_{fold}_0"
        np.savez(
            stem.with_suffix(".npz"), filename=table["filename"].to_numpy().astype(str),
            features=x.astype(np.float16), probability=np.linspace(0, 1, len(table)), test=test,
        )  # fmt: skip
        origin = {
            "recipe": {"epochs": 1}, "losses": [0.5, float(fold[-1])], "seconds": 1,
            "commit": f"c{2 - int(fold[-1])}", "processor": f"p{int(fold[-1]) // 2}",
        }  # fmt: skip
        stem.with_suffix(".json").write_text(
            json.dumps(origin | {"training_cells": int((~test).sum())})
        )
    settings = Settings(epochs=20)
    found = encoder_answers.collect(tmp_path, tmp_path, seeds=(0,), settings=settings)
    origin = json.loads((tmp_path / "encoder_predictions.json").read_text())
    assert set(origin["losses"]) == {"fold_0 seed 0", "fold_1 seed 0", "fold_2 seed 0"}
    assert origin["seconds"] == 3 and origin["losses"]["fold_2 seed 0"] == [0.5, 2]
    assert origin["command"] == "leukgnn encoder DIR --part FOLD --seed SEED, then --part answers"
    assert origin["models"] == ["encoder", "encoder_gcn", "encoder_mlp"]
    assert origin["recipe"] == {"epochs": 1}
    assert origin["commits"] == ["c0", "c1", "c2"] and origin["processors"] == ["p0", "p1"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "encoder_predictions.parquet"), found)
    assert list(found) == [
        "protocol", "model", "seed", "fold", "filename", "subject", "label", "probability",
        "n_train",
    ]  # fmt: skip
    assert found.index.equals(pd.RangeIndex(len(found)))
    for column, value in (("protocol", "subject_disjoint"), ("seed", 0), ("fold", "all")):
        assert set(found[column]) == {value}
    for model in ("encoder_gcn", "encoder_mlp"):
        asked = found[found["model"] == model]
        assert sorted(asked["filename"]) == sorted(table["filename"])
        wrong = (asked["probability"] >= 0.5) != asked["label"]
        assert wrong.mean() > 0.9
    with np.load(tmp_path / "features_encoder_folds.npz", allow_pickle=False) as stored:
        assert sorted(stored["filename"]) == sorted(table["filename"])
        label = table.set_index("filename").loc[stored["filename"], "label"]
        assert ((stored["features"][:, 0] < 0) == (label == 1)).all()
        folds = table.set_index("filename").loc[stored["filename"], "fold"]
        assert stored["fold"].tolist() == folds.tolist()
        assert stored["features"].dtype == np.float16
    apart = []
    for fold in ("fold_0", "fold_1", "fold_2"):
        encoded, test = encoder_answers.encoded(tmp_path, fold=fold, seed=0)
        assert encoded.origin == f"120 cells, by the encoder of {fold}, seed 0."
        assert encoded.provenance == {"weights": {"name": f"encoder of {fold}, seed 0"}}
        assert encoded.x.dtype == np.float32
        assert (test == (encoded.table["fold"] == fold)).all()
        apart.append((encoded.x[test], encoded.x[~test]))
    assert origin["unlike"] == like_within(apart)


@pytest.fixture
def answered(tmp_path):
    """What three folds' encoders wrote of the same six cells; 2, 1 and 0 of a fold are leukemic."""
    every = training_cells()
    drawn = [
        every[(every["fold"] == fold) & (every["label"] == label)].head(number)
        for fold, leukemic in (("fold_0", 2), ("fold_1", 1), ("fold_2", 0))
        for label, number in ((0, 2 - leukemic), (1, leukemic))
    ]
    table = pd.concat(drawn, ignore_index=True)
    for number, fold in enumerate(sorted(table["fold"].unique())):
        stem = tmp_path / f"encoder_{fold}_1"
        np.savez(
            stem.with_suffix(".npz"),
            filename=table["filename"].to_numpy().astype(str),
            probability=np.linspace(0, 0.5, len(table)) + 0.1 * number,
            test=(table["fold"] == fold).to_numpy(),
        )
        origin = {
            "recipe": {"epochs": 1}, "losses": [0.5], "seconds": 2.0, "training_cells": 10 + number,
            "commit": "c", "processor": "p",
        }  # fmt: skip
        stem.with_suffix(".json").write_text(json.dumps(origin))
    return tmp_path, table


def test_each_folds_cells_are_answered_by_its_own_encoder(answered):
    folder, table = answered
    together, origins = encoder_answers.together(folder, seed=1)
    asked = together.set_index("filename").loc[table["filename"]]
    numbers = table["fold"].str[-1].astype(int).to_numpy()
    expected = np.linspace(0, 0.5, len(table)) + 0.1 * numbers
    assert asked["probability"].tolist() == pytest.approx(expected)
    assert asked["n_train"].tolist() == (10 + numbers).tolist()
    assert asked["label"].tolist() == table["label"].tolist()
    assert asked["subject"].tolist() == table["subject"].tolist()
    assert set(origins) == {"fold_0", "fold_1", "fold_2"}
    assert origins["fold_2"]["training_cells"] == 12


def test_every_seeds_answers_are_kept_and_the_first_seeds_features(answered, monkeypatch):
    """GCN and MLP are asked by the book's settings."""
    folder, table = answered
    rng = np.random.default_rng(0)
    for seed in (1, 0):
        for fold in sorted(table["fold"].unique()):
            with np.load(folder / f"encoder_{fold}_1.npz", allow_pickle=False) as stored:
                parts = {name: stored[name] for name in ("filename", "probability", "test")}
            x = rng.random((len(table), 512)).astype(np.float16)
            np.savez(folder / f"encoder_{fold}_{seed}.npz", features=x, **parts)
            origin = (folder / f"encoder_{fold}_1.json").read_text()
            (folder / f"encoder_{fold}_{seed}.json").write_text(origin)
    asked = []

    def nobody(cells, fold, seed, settings):
        asked.append((fold, seed, settings))
        return encoder_answers.together(folder, seed=seed)[0].iloc[:0]

    monkeypatch.setattr(encoder_answers, "_asked", nobody)
    found = encoder_answers.collect(folder, folder)
    folds = ["fold_0", "fold_1", "fold_2"]
    assert asked == [(fold, seed, Settings()) for seed in (0, 1) for fold in folds]
    assert found.groupby("seed").size().to_dict() == {0: len(table), 1: len(table)}
    origin = json.loads((folder / "encoder_predictions.json").read_text())
    assert set(origin["losses"]) == {f"{fold} seed {seed}" for fold in folds for seed in (0, 1)}
    assert origin["seconds"] == 12
    with np.load(folder / "features_encoder_folds.npz", allow_pickle=False) as stored:
        assert len(stored["filename"]) == len(table)
        for fold in folds:
            cells, test = encoder_answers.encoded(folder, fold=fold, seed=0)
            assert (stored["features"][stored["fold"] == fold] == cells.x[test]).all()


def test_answers_that_are_not_there_or_there_twice_are_refused(answered):
    folder, table = answered
    with pytest.raises(InputError) as refused:
        encoder_answers.together(folder, seed=2)
    missing = folder / "encoder_fold_0_2.npz"
    assert str(refused.value) == f"{missing} is missing: train part fold_0 with seed 2 first."
    everywhere = np.ones(len(table), dtype=bool)
    names = table["filename"].to_numpy().astype(str)
    np.savez(
        folder / "encoder_fold_1_1.npz", filename=names, probability=names == "", test=everywhere
    )
    with pytest.raises(InputError) as refused:
        encoder_answers.together(folder, seed=1)
    twice = "two folds' encoders answer one cell; train all folds anew."
    assert str(refused.value) == f"{folder}: {twice}"


def test_the_control_is_of_the_folds_that_have_one(answered, monkeypatch):
    folder, table = answered
    with pytest.raises(InputError, match=r"has no encoder_papers_FOLD_0\.npz: train a fold with"):
        encoder_answers.collect_control(folder, folder)
    for fold in ("fold_2", "fold_0"):
        for kind in (".npz", ".json"):
            own = (folder / f"encoder_{fold}_1").with_suffix(kind).read_bytes()
            (folder / f"encoder_papers_{fold}_0").with_suffix(kind).write_bytes(own)
    found = encoder_answers.collect_control(folder, folder)
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "encoder_papers_predictions.parquet"), found
    )
    assert set(found["model"]) == {"encoder_papers"} and set(found["seed"]) == {0}
    assert sorted(found["filename"]) == sorted(table.loc[table["fold"] != "fold_1", "filename"])
    origin = json.loads((folder / "encoder_papers_predictions.json").read_text())
    assert origin["seconds"] == 4 and set(origin["losses"]) == {"fold_0", "fold_2"}
    expected = {
        split.fold: float(table.loc[split.train, "label"].mean())
        for split in experiments.official_folds(table)
    }
    assert origin["prevalence"] == {fold: expected[fold] for fold in ("fold_0", "fold_2")}
    monkeypatch.setattr(experiments.reading.files, "shipped_path", folder.joinpath)
    read, _ = experiments.reference("encoder_papers", table)
    assert sorted(read["filename"]) == sorted(found["filename"])
    assert read["prevalence"].tolist() == read["fold"].map(expected).tolist()
    assert read.set_index("filename")["fold"].to_dict() == (
        table[table["fold"] != "fold_1"].set_index("filename")["fold"].to_dict()
    )


def test_a_file_that_names_a_cell_twice_or_holds_more_than_numbers_is_refused(answered):
    folder, table = answered
    names = table["filename"].to_numpy().astype(str)
    parts = {"features": np.ones((len(table), 512)), "test": names == names[0]}
    parts["probability"] = np.ones(len(table))
    names[1] = names[0]
    np.savez(folder / "encoder_fold_0_1.npz", filename=names, **parts)
    with pytest.raises(pd.errors.MergeError):
        encoder_answers.encoded(folder, fold="fold_0", seed=1)
    np.savez(folder / "encoder_fold_0_1.npz", filename=names.astype(object), **parts)
    with pytest.raises(ValueError, match="allow_pickle"):
        encoder_answers.encoded(folder, fold="fold_0", seed=1)
    with pytest.raises(ValueError, match="allow_pickle"):
        encoder_answers.together(folder, seed=1)


def test_the_shipped_answers_are_whole():
    shipped = features.shipped_features().table
    everything, provenance = experiments.reference("encoder", shipped)
    assert set(everything["model"]) == {"encoder", "encoder_gcn", "encoder_mlp"}
    for _, answers in everything.groupby(["model", "seed"]):
        assert sorted(answers["filename"]) == sorted(shipped["filename"])
        assert answers["probability"].between(0, 1).all()
        facts = training_cells().set_index("filename").loc[answers["filename"]]
        for column in ("subject", "label", "fold"):
            assert (facts[column].to_numpy() == answers[column].to_numpy()).all()
    assert provenance["recipe"] == json.loads(json.dumps(dataclasses.asdict(encoder.Recipe())))
    assert len(provenance["losses"]) == 3 * everything["seed"].nunique()


def test_what_cannot_be_trained_is_refused(phantoms, cells, everyone, tmp_path):
    labels, pixels = cells
    with pytest.raises(
        InputError, match=r"^part 'fold_9': expected one of fold_0, fold_1, fold_2, all\.$"
    ):
        encoder.encode(phantoms, tmp_path, part="fold_9", seed=0, recipe=BRIEF)
    for name in ("epochs", "batch_size", "averaged"):
        with pytest.raises(InputError, match=rf"^{name}=0: expected at least 1\.$"):
            encoder.Recipe(**{name: 0})
    with pytest.raises(InputError, match=r"^averaged=5: expected at most epochs=3\.$"):
        encoder.Recipe(epochs=3, averaged=5)
    assert encoder.Recipe(epochs=1, averaged=1, batch_size=1).averaged == 1
    with pytest.raises(InputError, match="both present"):
        encoder.train(pixels, labels, labels == 1, seed=0, recipe=BRIEF)
    damaged = tmp_path / "c.pt"
    damaged.write_bytes(b"PK\x03\x04 cut off")
    given = {"seed": 0, "recipe": BRIEF, "progress": False, "checkpoint": damaged}
    with pytest.raises(
        InputError, match=r"c\.pt: a damaged checkpoint; delete it and run again\.$"
    ):
        encoder.train(pixels, labels, everyone, **given)
    brief = dataclasses.replace(BRIEF, epochs=1, averaged=1)
    damaged.unlink()
    encoder.train(pixels, labels, everyone, **{**given, "recipe": brief})
    with pytest.raises(InputError, match=r"c\.pt: of another training; delete it and run again\.$"):
        encoder.train(pixels, labels, everyone, **given)


def test_it_sees_the_centre(cells):
    network = encoder.Encoder(0).eval()
    pixels = cells[1][:2].clone()
    before = encoder.answer(network, pixels)[1]
    pixels[:, :, :16] = 255
    assert (encoder.answer(network, pixels)[1] == before).all()
    assert centre(pixels).max() <= 1


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_products_are_what_the_processor_multiplies_in(monkeypatch, able, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert encoder.products() == expected
