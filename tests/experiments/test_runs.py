"""Runs and their store: stable keys, nothing computed twice, nothing damaged or stale believed."""

import ast
import dataclasses
import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from joblib.externals.loky import get_reusable_executor
from safetensors import safe_open
from threadpoolctl import threadpool_limits

import leukgnn
from leukgnn.experiments import (
    Asked,
    Partition,
    Run,
    Store,
    Task,
    Value,
    answer,
    choice,
    compute,
    fill,
    fingerprint,
    predictions,
    runs,
    store,
    values,
)
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Joined
from leukgnn.networks import CURVES, Settings
from leukgnn.profiles import profile

PACKAGE = Path(leukgnn.__file__).parent
BY_HAND = Run(
    features="0" * 64,
    partition=Partition(by="official"),
    fold="fold_0",
    classifier="gcn",
    graph=Attached(k=10, edges="union"),
    settings=Settings(
        hidden=128, dropout=0.5, learning_rate=0.001, weight_decay=5e-4, epochs=400,
        weighted=True, batch_size=None,
    ),
    seed=0,
    chooser=0,
)  # fmt: skip
OTHER = {  # another value for each field that could matter
    "features": "1" * 64,
    "partition": Partition(by="share", share=0.2, draw=0),
    "fold": "fold_1",
    "graph": Attached(k=20, edges="union"),
    "settings": dataclasses.replace(BY_HAND.settings, epochs=399),
    "seed": 1,
    "chooser": 1,
    "everywhere": True,
}
ALWAYS = {"features", "partition", "fold", "everywhere"}
MATTERS = {
    "gcn": {*ALWAYS, "graph", "settings", "seed"},
    "gcn_tuned": {*ALWAYS, "graph", "settings", "seed", "chooser"},
    "correct_and_smooth": {*ALWAYS, "graph", "settings", "seed", "chooser"},
    "mlp": {*ALWAYS, "settings", "seed"},
    "sgc": {*ALWAYS, "graph", "chooser"},
    "svm": {*ALWAYS, "chooser"},
    "size": ALWAYS,
}


def ask(features, *classifiers, seeds=(0,), epochs=2):
    """Runs on the first official fold, each seed a task of its own."""
    return [
        Asked(
            "subject_disjoint", name, seed,
            dataclasses.replace(
                BY_HAND, features=features.key, classifier=name, seed=seed,
                graph=Attached(k=5, edges="union"), settings=Settings(epochs=epochs),
            ),
            features,
        )
        for name in classifiers
        for seed in seeds
    ]  # fmt: skip


@pytest.fixture
def alone(monkeypatch):
    """Compute in this process."""
    monkeypatch.setattr(runs, "cpu_count", lambda: 1)


@pytest.fixture
def own(tmp_path, alone):
    """An empty store of this machine's."""
    return Store(tmp_path / "runs", published=False)


@pytest.fixture
def computed(monkeypatch):
    """The runs that are computed, in their order."""
    calls = []
    monkeypatch.setattr(runs, "compute", lambda run, *a: calls.append(run) or compute(run, *a))
    return calls


def assert_same(a, b):
    for name in ("probability", "curves", "choice"):
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype and left.tobytes() == right.tobytes(), name


# Keys


def test_keys_are_those_of_the_published_runs():
    """Whoever changes these makes every stored and published run unknown."""
    svm = dataclasses.replace(
        BY_HAND,
        partition=Partition(by="share", share=0.2, draw=0),
        fold="all",
        classifier="svm",
        graph=Joined(k=10, edges="union"),
        chooser=3,
    )
    assert BY_HAND.key == "3dba9f990f39451ea31867706b7bf22062691b1220faea93e873a178db70d3d0"
    assert svm.key == "aef077330151dd912ba8a791b536db240894493a69200da6aea91fc9ca66011f"
    assert svm.description == (
        '{"chooser":3,"classifier":"svm","features":"' + "0" * 64 + '","fold":"all","format":1,'
        '"partition":{"by":"share","draw":0,"folds":null,"inner":false,"share":0.2,'
        '"similarity":null}}'
    )


@pytest.mark.parametrize("classifier", MATTERS)
def test_a_key_changes_with_what_matters_to_the_classifier_and_with_nothing_else(classifier):
    run = dataclasses.replace(BY_HAND, classifier=classifier)
    changed = {
        name: dataclasses.replace(run, **{name: value}).key != run.key
        for name, value in OTHER.items()
    }
    assert {name for name, other in changed.items() if other} == MATTERS[classifier]
    assert run.key != dataclasses.replace(BY_HAND, classifier="majority").key


OTHER_SETTINGS = {
    "hidden": 64, "dropout": 0.4, "learning_rate": 0.01, "weight_decay": 0.0, "epochs": 399,
    "weighted": False, "batch_size": 32, "inputs": "unit", "normalisation": "row",
    "similarity_weights": True, "batch_norm": True, "residual": True,
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_of_a_network_changes_its_key(name):
    settings = dataclasses.replace(BY_HAND.settings, **{name: OTHER_SETTINGS[name]})
    assert dataclasses.replace(BY_HAND, settings=settings).key != BY_HAND.key


def test_without_a_graph_it_matters_whether_test_cells_are_there_while_training():
    joined, larger = (Joined(k=k, edges="union") for k in (10, 20))
    mlp = dataclasses.replace(BY_HAND, classifier="mlp")
    assert dataclasses.replace(mlp, graph=joined).key != mlp.key
    assert dataclasses.replace(mlp, graph=joined).key == dataclasses.replace(mlp, graph=larger).key


def test_an_unknown_classifier_has_no_key():
    with pytest.raises(InputError, match="'forest': expected one of majority"):
        _ = dataclasses.replace(BY_HAND, classifier="forest").key


def test_a_name_says_what_a_message_needs():
    assert BY_HAND.name == f"gcn, official fold_0, seed 0 ({BY_HAND.key[:12]})"
    drawn = dataclasses.replace(BY_HAND, partition=OTHER["partition"], fold="all")
    assert drawn.name == f"gcn, share 0 all, seed 0 ({drawn.key[:12]})"


# This machine's store


def test_what_is_stored_is_read_and_not_computed_again(real, own, computed):
    asked = ask(real, "gcn", "mlp", "svm", "size")
    assert not any(a.run in own for a in asked)
    first = values(asked, own, progress=False)
    assert [run.classifier for run in computed] == ["gcn", "mlp", "svm", "size"]
    assert fill(asked, own, progress=False) == 0
    second = values(asked, Store(own.folder, published=False), progress=False)
    assert len(computed) == 4
    for a, before, after in zip(asked, first, second, strict=True):
        assert_same(before, after)
        assert len(after.probability) == a.run.asked(real).sum()
        assert after.probability.dtype == np.float32
    gcn, mlp, svm, size = second
    assert gcn.curves.shape[1] == mlp.curves.shape[1] == len(CURVES)
    assert svm.curves.size == size.curves.size == size.choice.size == gcn.choice.size == 0
    assert svm.choice.shape == (4,)


def test_a_run_asked_for_twice_is_computed_once(real, own, computed):
    asked = ask(real, "size")
    found = values([*asked, *asked], own, progress=False)
    assert len(computed) == 1
    assert_same(*found)


def test_the_store_writes_down_who_computed_a_run(real, own):
    (a,) = ask(real, "majority")
    fill([a], own, progress=False)
    assert {"commit", "libraries", "processor", "threads"} <= set(own.provenance(a.run))


def test_what_is_not_there_is_named(real, own):
    (a,) = ask(real, "gcn")
    with pytest.raises(InputError) as refused:
        own.get(a.run)
    expected = f"{a.run.name} is not in {own.folder}: compute it with `leukgnn runs`."
    assert str(refused.value) == expected


def test_runs_lie_where_the_environment_says_or_beside_what_is_built(monkeypatch, tmp_path):
    monkeypatch.setenv("LEUKGNN_RUNS", str(tmp_path))
    for name in ("quick", "full"):
        opened = store.open_store(name)
        assert opened.folder == tmp_path and opened.published == profile(name).published
    monkeypatch.delenv("LEUKGNN_RUNS")
    monkeypatch.setattr(store.files, "build_folder", lambda: tmp_path / "built")
    assert store.runs_folder() == tmp_path / "built" / "runs"


def test_a_stored_run_says_what_it_is(real, own):
    (a,) = ask(real, "size")
    fill([a], own, progress=False)
    path = own.folder / a.run.key[:2] / f"{a.run.key}.safetensors"
    with safe_open(path, framework="numpy") as stored:
        assert stored.metadata()["description"] == a.run.description
        assert set(stored.metadata()) == {"description", "sha256", "code", "provenance"}


def test_a_bar_counts_the_runs_that_are_missing_unless_it_is_silenced(real, own, capsys):
    asked = ask(real, "majority", "size")
    assert fill(asked[:1], own) == 1
    shown = capsys.readouterr().err
    assert "runs: 100%" in shown and "1/1" in shown
    assert fill(asked[:1], own) == 0 and capsys.readouterr().err == ""
    predictions(asked, own)
    assert "runs: 100%" in capsys.readouterr().err
    values(ask(real, "mlp", epochs=1), own)
    assert "runs: 100%" in capsys.readouterr().err
    predictions(ask(real, "mlp", seeds=(1,), epochs=1), own, progress=False)
    assert capsys.readouterr().err == ""


def test_strengths_that_are_known_are_not_chosen_again(real, own, monkeypatch):
    monkeypatch.setattr(runs.classifiers, "choice", lambda *_: pytest.fail("chosen again"))
    (a,) = ask(real, "knn")
    areas = np.array([0.1, 0.2, 0.9, 0.3, 0.4, 0.5])
    assert fill([a], own, choices={a.run.key: areas}, progress=False) == 1
    value = own.get(a.run)
    assert value.choice.tolist() == areas.tolist()
    expected = answer("knn", a.run.task(real), areas)[a.run.asked(real)]
    assert value.probability.tolist() == expected.astype(np.float32).tolist()


def file_of(own):
    (path,) = own.folder.rglob("*.safetensors")
    return path


def cut(content):
    return content[:-5]


def cut_short(content):
    return content[:4]


def emptied(content):
    return b""


def flipped_in_the_last_number(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def flipped_in_the_header(content):
    return bytes([content[0] ^ 64]) + content[1:]


def flipped_in_the_word_code(content):
    assert content.count(b'"code"') == 1
    return content.replace(b'"code"', b'"cope"')


@pytest.mark.parametrize(
    "damage",
    [
        cut, cut_short, emptied, flipped_in_the_last_number, flipped_in_the_header,
        flipped_in_the_word_code,
    ],
)  # fmt: skip
def test_a_damaged_run_is_computed_anew(real, own, computed, capsys, damage):
    asked = ask(real, "size")
    (whole,) = values(asked, own, progress=False)
    path = file_of(own)
    path.write_bytes(damage(path.read_bytes()))
    assert asked[0].run not in own
    assert f"leukgnn: {path} is damaged (" in capsys.readouterr().err
    (again,) = values(asked, own, progress=False)
    assert len(computed) == 2
    assert_same(whole, again)
    capsys.readouterr()
    assert asked[0].run in own
    assert capsys.readouterr().err == ""


def test_no_flipped_byte_of_a_run_changes_an_answer(real, own, capsys):
    """Wherever it is flipped the run is either not there or as it was."""
    (a,) = ask(real, "majority")
    (whole,) = values([a], own, progress=False)
    path = file_of(own)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        found = own.read(a.run)
        if found is not None:
            assert_same(whole, found)
    capsys.readouterr()


def test_a_run_of_other_code_is_stale(real, own, computed, monkeypatch, capsys):
    asked = ask(real, "size")
    with monkeypatch.context() as patch:
        patch.setattr(store, "code_fingerprint", lambda: "of another day")
        fill(asked, own, progress=False)
        assert asked[0].run in own
    assert asked[0].run not in own
    assert fill(asked, own, progress=False) == 1
    assert asked[0].run in own
    assert len(computed) == 2
    assert capsys.readouterr().err == ""


# The fingerprint of the code


CODE = '''"""A module."""

LAYERS = 2  # of the network


def smooth(x):
    """Smooth the cells' features."""
    return x * LAYERS


class Network:
    """A network."""
'''


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("A module.", "Another sentence."), True),
        (("Smooth the", "Flatten the"), True),
        (("# of the network", "# passes"), True),
        (("\n\n\ndef", "\n\ndef"), True),
        (('    """Smooth the cells\' features."""\n', ""), True),
        (("LAYERS = 2", "LAYERS = 3"), False),
        (("x * LAYERS", "LAYERS * x"), False),
        (("def smooth(x)", "def smooth(x, y=1)"), False),
    ],
)
def test_words_do_not_change_the_essence_of_code_and_numbers_do(tmp_path, change, same):
    path = tmp_path / "module.py"
    path.write_text(CODE)
    before = fingerprint._essence(path)
    assert change[0] in CODE
    path.write_text(CODE.replace(*change))
    assert (fingerprint._essence(path) == before) == same


def test_a_changed_module_changes_the_fingerprint(tmp_path, monkeypatch):
    (tmp_path / "graphs").mkdir()
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    path = tmp_path / "graphs" / "search.py"
    found = []
    for text in (CODE, CODE.replace("A module", "The module"), CODE.replace("= 2", "= 3")):
        path.write_text(text)
        fingerprint.code_fingerprint.cache_clear()
        found.append(fingerprint.code_fingerprint())
    fingerprint.code_fingerprint.cache_clear()
    assert found[0] == found[1] != found[2]


COMPUTING_ROOMS = ("graphs", "networks", "experiments")


def imported(path):
    """Files in which stands what a file takes from the rooms that compute.

    A name that a room's face hands on counts for the module that defines it.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == PACKAGE.name:
            module = importlib.import_module(node.module)
            for alias in node.names:
                value = getattr(module, alias.name)
                if inspect.ismodule(value) and value.__name__ == f"{PACKAGE.name}.networks":
                    # A face that is loaded when used: all that it hands on.
                    yield from (home(getattr(value, name), node.module) for name in dir(value))
                yield home(value, node.module)


def home(value, module):
    """File that defines a value; of what has no module of its own, the one it was taken from."""
    if not inspect.ismodule(value):
        value = importlib.import_module(getattr(value, "__module__", module))
    return Path(value.__file__)


def computing(path):
    return PACKAGE in path.parents and path.relative_to(PACKAGE).parts[0] in COMPUTING_ROOMS


def test_the_fingerprint_covers_all_that_computes():
    """Every module of these rooms that a task, a classifier or a partition can reach."""
    waiting = [PACKAGE / "experiments" / f"{n}.py" for n in ("tasks", "classifiers", "partitions")]
    reached = set()
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += filter(computing, imported(path))
    assert {"search.py", "fast.py", "adjacency.py", "splits.py"} <= {p.name for p in reached}
    missing = reached - set(fingerprint.computing_modules())
    assert not missing


def test_every_computing_module_is_there():
    for pattern in fingerprint.COMPUTING:
        assert list(PACKAGE.glob(pattern)), pattern


# Tables


def test_predictions_are_the_answers_cell_by_cell(real, own):
    asked = ask(real, "gcn", "size")
    table = predictions(asked, own, progress=False)
    contract = ["protocol", "model", "seed", "fold", "filename", "subject", "label", "probability"]
    assert table.columns.tolist() == [*contract, "n_train", "partition", "prevalence"]
    for a, (_, rows) in zip(asked, table.groupby("model"), strict=True):
        split = a.run.partition.split(real, "fold_0")
        cells = real.table[split.test]
        for name in ("filename", "subject", "label"):
            assert rows[name].tolist() == cells[name].tolist()
        assert rows["probability"].to_numpy().astype(np.float32).tolist() == (
            own.get(a.run).probability.tolist()
        )
        assert (rows["n_train"] == split.train.sum()).all()
        assert (rows["prevalence"] == real.table.loc[split.train, "label"].mean()).all()
        assert set(rows["fold"]) == {"fold_0"}
        assert set(rows["protocol"]) == {"subject_disjoint"}
        assert set(rows["partition"]) == {"official"}
    assert table.index.tolist() == list(range(len(table)))
    assert table["label"].dtype == np.int64 and table["probability"].dtype == np.float64


def test_folds_of_several_draws_have_names_of_their_own(real, own):
    (a,) = ask(real, "size")
    drawn = Partition(by="equal_files", folds=2, draw=7)
    asked = [
        dataclasses.replace(a, run=dataclasses.replace(a.run, partition=drawn, fold=f"part_{i}"))
        for i in (0, 1)
    ]
    table = predictions(asked, own, progress=False)
    assert table["fold"].unique().tolist() == ["part_0 of draw 7", "part_1 of draw 7"]
    assert set(table["partition"]) == {"equal_files 7"}


def test_a_run_holds_what_its_classifier_answers_for_its_test_cells(real):
    (a,) = ask(real, "mlp_tuned", seeds=(3,))
    run = dataclasses.replace(a.run, fold="fold_1", graph=Joined(k=4, edges="mutual"), chooser=2)
    split = Partition(by="official").split(real, "fold_1")
    task = Task(features=real, split=split, graph=run.graph, seed=3, settings=run.settings)
    asked = run.task(real)
    assert (asked.edge_index == task.edge_index).all() and asked.seed == 3
    value = compute(run, asked)
    assert value.choice.tolist() == choice("mlp_tuned", task, 2).tolist()
    expected = answer("mlp_tuned", task, value.choice)[split.test]
    assert value.probability == pytest.approx(expected, abs=1e-6)


def test_a_later_seed_reads_the_strength_that_the_first_one_chose(real, own, monkeypatch):
    chosen = []
    monkeypatch.setattr(
        runs.classifiers, "choice", lambda name, *given: chosen.append(name) or choice(name, *given)
    )
    asked = ask(real, "correct_and_smooth", seeds=(0, 1))
    first, later = values(asked, own, progress=False)
    assert len(chosen) == 1 and first.choice.tolist() == later.choice.tolist()
    again = ask(real, "correct_and_smooth", seeds=(1, 0), epochs=1)
    values(again, own, progress=False)
    assert len(chosen) == 2, "whoever is named first, the first seed is computed first"
    assert (first.probability != later.probability).any()


def test_a_run_keeps_the_curves_of_its_own_network(real):
    for a in ask(real, "gcn", "mlp"):
        task = a.run.task(real)
        trained = {"gcn": task.trained_gcn, "mlp": task.trained_mlp}[a.model][1]
        np.testing.assert_array_equal(compute(a.run, task).curves, trained.to_numpy())


def test_each_answer_stands_under_the_seed_and_fold_whose_network_gave_it(real, own):
    asked = [
        dataclasses.replace(a, run=dataclasses.replace(a.run, fold=fold))
        for a in ask(real, "size", "mlp", seeds=(0, 1), epochs=1)
        for fold in ("fold_0", "fold_2")
    ]
    table = predictions(asked, own, progress=False)
    folds = real.table.set_index("filename")["fold"]
    assert (table["fold"] == table["filename"].map(folds)).all()
    sizes = folds.value_counts()
    for (_, _, fold), rows in table.groupby(["model", "seed", "fold"]):
        assert len(rows) == sizes[fold]
        split = Partition(by="official").split(real, fold)
        assert (rows["n_train"] == split.train.sum()).all()
    for a in asked:
        of_run = (table["model"] == a.model) & (table["seed"] == a.seed)
        found = table.loc[of_run & (table["fold"] == a.run.fold), "probability"]
        assert found.tolist() == own.get(a.run).probability.astype(float).tolist()


def test_a_run_asked_everywhere_answers_for_all_cells(real, own):
    (a,) = ask(real, "gcn")
    (everywhere,) = [dataclasses.replace(a, run=dataclasses.replace(a.run, everywhere=True))]
    tested, all_cells = values([a, everywhere], own, progress=False)
    assert len(all_cells.probability) == len(real.table)
    assert all_cells.probability[a.run.asked(real)] == pytest.approx(tested.probability, abs=1e-7)


# Published runs


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder of published runs in place of the package's."""
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setattr(store, "PUBLISHED", folder)
    store.published_runs.cache_clear()
    yield folder
    store.published_runs.cache_clear()


def publish(folder, asked, found):
    path = folder / "subject_disjoint.parquet"
    store.write_published(
        path,
        {a.run.key: (a.run.description, value) for a, value in zip(asked, found, strict=True)},
        {a.run.key: {"commit": "abc"} for a in asked},
    )
    return path


def test_published_runs_are_read_bit_by_bit(real, own, published, computed):
    asked = ask(real, "gcn", "svm", "size")
    found = values(asked, own, progress=False)
    publish(published, asked, found)
    reader = Store(own.folder.with_name("nothing"), published=True)
    for before, after in zip(found, values(asked, reader, progress=False), strict=True):
        assert_same(before, after)
        assert before.sha256 == after.sha256
    assert values(asked, reader, progress=False)[0].curves.shape == found[0].curves.shape
    assert len(computed) == 3
    assert not any(reader.folder.rglob("*"))
    assert reader.read_own(asked[0].run) is None
    assert Store(reader.folder, published=False).read(asked[0].run) is None


def test_published_runs_outlive_a_change_of_the_code(real, own, published, monkeypatch):
    asked = ask(real, "size")
    publish(published, asked, values(asked, own, progress=False))
    monkeypatch.setattr(store, "code_fingerprint", lambda: "of another day")
    assert asked[0].run in Store(own.folder, published=True)
    assert asked[0].run not in own


def test_other_parameters_are_never_mixed_up_with_published_runs(real, own, published, computed):
    asked = ask(real, "mlp", "gcn")
    publish(published, asked, values(asked, own, progress=False))
    others = [
        dataclasses.replace(a, run=dataclasses.replace(a.run, graph=Attached(k=4, edges="union")))
        for a in asked
    ]
    reader = Store(own.folder.with_name("anew"), published=True)
    assert fill(others, reader, progress=False) == 1, "the MLP knows no k"
    assert computed[-1].graph.k == 4


def test_a_changed_published_answer_is_refused_and_named(real, own, published):
    (a,) = ask(real, "size")
    path = publish(published, [a], values([a], own, progress=False))
    table = pq.read_table(path)
    (answers,) = table["probability"].to_pylist()
    changed = pa.array([[1 - answers[0], *answers[1:]]], pa.list_(pa.float32()))
    place = table.column_names.index("probability")
    pq.write_table(table.set_column(place, "probability", changed), path)
    with pytest.raises(InputError) as refused:
        store.published_runs()
    damaged = f"the answers of the run {a.run.description} are damaged; install leukgnn again."
    assert str(refused.value) == f"{path}: {damaged}"


def test_a_published_run_under_the_key_of_another_is_refused(real, own, published):
    size, majority = ask(real, "size", "majority")
    (value,) = values([size], own, progress=False)
    store.write_published(
        published / "mixed.parquet",
        {majority.run.key: (size.run.description, value)},
        {majority.run.key: {}},
    )
    with pytest.raises(InputError, match="are damaged"):
        store.published_runs()


def test_the_makers_of_all_published_runs_are_known(real, own, published):
    asked = ask(real, "size", "majority")
    found = values(asked, own, progress=False)
    for i, (a, value) in enumerate(zip(asked, found, strict=True)):
        made = {a.run.key: {"torch": "2", "commit": f"c{i}"}}
        path = published / f"{i}.parquet"
        store.write_published(path, {a.run.key: (a.run.description, value)}, made)
        assert pq.read_table(path)["made"].to_pylist() == [f'{{"commit": "c{i}", "torch": "2"}}']
    assert store.published_makers() == {
        a.run.key: {"commit": f"c{i}", "torch": "2"} for i, a in enumerate(asked)
    }


def test_a_published_file_is_small(real, own, published):
    asked = ask(real, "gcn")
    path = publish(published, asked, values(asked, own, progress=False))
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "BYTE_STREAM_SPLIT" in columns["probability.list.element"].encodings
    assert not any(column.has_dictionary_page for column in columns.values())


def test_a_published_file_that_is_none_is_named(published):
    (published / "as_written.parquet").write_bytes(b"not a table")
    none = r"as_written\.parquet: not a file of runs \(.+\); install leukgnn again\.$"
    with pytest.raises(InputError, match=none):
        store.published_runs()


def test_a_hash_is_of_all_numbers():
    value = Value(np.ones(3, np.float32), np.ones((2, 5)), np.ones(4))
    for name in ("probability", "curves", "choice"):
        changed = getattr(value, name).copy()
        changed.flat[1] = 2
        assert dataclasses.replace(value, **{name: changed}).sha256 != value.sha256


# Side by side


def handed_over(tmp_path, asked, own):
    """The runs and the store, for another process."""
    path = tmp_path / "asked.pickle"
    path.write_bytes(pickle.dumps((asked, own)))
    return path


FILL = """
import pickle, sys, time
from pathlib import Path
from leukgnn.experiments import Store, fill
asked, store = pickle.loads(Path(sys.argv[1]).read_bytes())
if "linger" in sys.argv:
    write = Store.write
    def linger(self, run, value):
        write(self, run, value)
        print("stored", flush=True)
        time.sleep(600)
    Store.write = linger
print("ready", flush=True)
sys.stdin.readline()
print(fill(asked, store, progress=False))
"""


@pytest.fixture
def filling(tmp_path, own, monkeypatch):
    """Start another process that fills the store, one run at a time, when it gets a line."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = []

    def start(asked, *how):
        path = handed_over(tmp_path, asked, own)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", FILL, path, *how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_fill_a_store_at_the_same_time(real, own, filling):
    asked = ask(real, "gcn", "mlp", "size", seeds=range(4), epochs=5)
    other = filling(asked)
    here = values(asked, own, progress=False)
    rest, _ = other.communicate(timeout=120)
    assert other.returncode == 0 and int(rest) <= len(asked)
    keys = {a.run.key for a in asked}
    assert {path.stem for path in own.folder.rglob("*") if path.is_file()} == keys
    for a, value in zip(asked, here, strict=True):
        assert own.read(a.run).probability == pytest.approx(value.probability, abs=1e-5)


def test_an_interrupted_fill_goes_on_where_it_stopped(real, own, filling, computed):
    asked = ask(real, "gcn", "mlp", seeds=(0, 1))
    other = filling(asked, "linger")
    assert other.stdout.readline() == "stored\n"
    other.kill()
    other.wait()
    before = {a.run.key for a in asked if a.run in own}
    assert len(before) == 1
    assert fill(asked, own, progress=False) == 3
    assert len(computed) == 3
    assert not before & {run.key for run in computed}
    assert all(a.run in own for a in asked)


@pytest.fixture
def single_thread():
    """As many threads here as a worker has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def test_side_by_side_gives_what_a_single_worker_gives(real, tmp_path, monkeypatch, single_thread):
    asked = ask(real, "gcn", "mlp", "svm", seeds=(0, 1))
    found = []
    for workers in (1, 2):
        monkeypatch.setattr(runs, "cpu_count", lambda workers=workers: workers)
        own = Store(tmp_path / f"{workers}", published=False)
        found.append(values(asked, own, progress=False))
    get_reusable_executor().shutdown()
    for single, double in zip(*found, strict=True):
        assert double.probability == pytest.approx(single.probability, abs=1e-6)
        assert double.choice == pytest.approx(single.choice, abs=1e-6)


def test_runs_that_share_a_network_train_it_once(real, own, monkeypatch):
    trained, fit = [], leukgnn.networks.fit
    monkeypatch.setattr(leukgnn.networks, "fit", lambda *a, **k: trained.append(1) or fit(*a, **k))
    fill(ask(real, "gcn", "gcn_dummy", "gcn_asked_masked"), own, progress=False)
    assert len(trained) == 1
