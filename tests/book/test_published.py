"""The published runs and tables: what ships, what README and book say of it, how it is renewed."""

import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from leukgnn import claims, cli, experiments, names
from leukgnn.book import building, published, publishing, results_page
from leukgnn.experiments import store as stored
from leukgnn.experiments.store import Value, published_makers, published_runs
from leukgnn.features import shipped_features
from leukgnn.files import InputError

ROOT = Path(__file__).parents[2]
RANDOM = {  # whatever is trained from random weights or on a random graph
    "gcn", "mlp", "correct_and_smooth", "gcn_random_graph", "gcn_masked", "gcn_random_weights",
    "mlp_random_weights", "gcn_transductive", "gcn_transductive_masked",
}  # fmt: skip


def test_every_run_that_the_book_shows_ships(plan):
    missing = [a.run.name for a in plan.everything() if a.run.key not in published_runs()]
    assert missing == []


def test_no_other_run_ships(plan):
    assert set(published_runs()) == {a.run.key for a in plan.everything()}


def test_the_published_answers_fit_their_cells(plan):
    for a in plan.everything():
        value = published_runs()[a.run.key]
        assert value.probability.shape == (a.run.asked(a.features).sum(),), a.run.name
        assert ((value.probability >= 0) & (value.probability <= 1)).all(), a.run.name


def test_the_published_metrics_are_those_of_the_published_runs(plan):
    """Counted here from the runs with scikit-learn, not by the code that wrote the tables."""
    from sklearn.metrics import accuracy_score, roc_auc_score

    table = published.table("results.csv").set_index(["protocol", "model", "seed", "fold"])
    chosen = [a for a in plan.results() if a.seed == 0 and a.model in ("gcn", "mlp", "size")]
    for a in chosen:
        probability = published_runs()[a.run.key].probability
        label = a.features.table["label"].to_numpy()[a.run.asked(a.features)]
        fold = f"{a.run.fold} of draw {a.run.partition.draw}"
        if a.protocol != "other_partitions":
            fold = a.run.fold if (a.protocol, a.model, 0, a.run.fold) in table.index else "all"
        row = table.loc[(a.protocol, a.model, 0, fold)]
        assert row["accuracy"] == pytest.approx(accuracy_score(label, probability >= 0.5))
        assert row["roc_auc"] == pytest.approx(roc_auc_score(label, probability))


def test_the_published_results_hold_all_protocols_and_controls(plan):
    results = published.table("results.csv")
    assert set(names.PROTOCOLS) == set(results["protocol"])
    models = results.groupby("protocol")["model"].agg(set)
    doses = {name for name in experiments.CLASSIFIERS if name.startswith("mlp_smoothed")}
    others = {"vote", "gat_vote", *names.GRAPHS, *names.NETWORKS}
    others |= {f"{key}_alone" for key in names.NETWORKS}
    later = [*plan.people(), *plan.own_cells(), *plan.reasons()]
    others |= {a.run.classifier for a in later} - {"gcn", "mlp"}
    everywhere = set(experiments.CLASSIFIERS) - {"gcn_asked_masked"} - doses - others
    assert everywhere | RANDOM | {"cnn", "cnn_gcn", "cnn_mlp"} <= models["subject_disjoint"]
    apart = {"gcn_tuned", "mlp_tuned", "gcn_dummy"}  # with subjects apart alone
    assert everywhere - apart <= models["as_written"]
    assert {"gcn", "gcn_reverse", "mlp"} <= models["as_released"]
    seeds = results.groupby(["protocol", "model"])["seed"].nunique()
    for protocol in ("as_written", "as_released", "subject_disjoint"):
        assert all(seeds[protocol, model] >= 10 for model in RANDOM & models[protocol]), protocol


def test_every_claim_has_a_published_verdict():
    verdicts = published.table("claims.csv").set_index("id")["verdict"]
    assert sorted(verdicts.index) == sorted(entry["id"] for entry in claims.ledger())
    assert set(verdicts) <= set(claims.VERDICTS)


def test_the_published_intervals_agree_with_the_published_results():
    results = published.table("results.csv").query("fold == 'all'")
    means = results.groupby(["protocol", "model"])["accuracy"].mean()
    intervals = published.table("intervals.csv").query("metric == 'accuracy'")
    intervals = intervals.set_index(["protocol", "model"])["value"]
    assert means.to_dict() == pytest.approx(intervals[means.index].to_dict(), abs=1e-9)


def test_provenance_names_one_commit_and_every_chapter(plan):
    origin = published.provenance()
    made = origin["runs"]["made"]
    assert not any(
        commit.endswith("+") for commit in (origin["commit"], *(m["commit"] for m in made))
    )
    assert sum(m["number"] for m in made) == origin["runs"]["number"]
    assert set(published_makers()) == set(published_runs())
    assert {p.stem for p in (ROOT / "notebooks").glob("*.md")} == set(origin["chapters"])
    assert origin["runs"]["number"] == len(plan.everything())


def test_the_readme_tells_the_published_results():
    text = (ROOT / "README.md").read_text()
    assert results_page.with_results(text) == text
    assert results_page.README_MARKS[0] in text and "| GCN | 0." in text


def test_the_readme_is_written_between_its_marks_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("_toc.yml").touch()
    between = "\nold\n".join(results_page.README_MARKS)
    Path("README.md").write_text(f"before\n{between}\nafter\n")
    assert cli.main(["readme"]) == 0
    text = Path("README.md").read_text()
    assert results_page.results_at_a_glance() in text and "\nold\n" not in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")


def test_a_book_without_its_witness_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("_toc.yml").touch()
    with pytest.raises(InputError, match=r"witness\.csv is missing: run `make book` first"):
        building._witness_table()


@pytest.fixture
def build(tmp_path, monkeypatch, small_plan):
    """A full build: two executed chapters, tables, and a store with a small plan's runs."""
    monkeypatch.chdir(tmp_path)
    notebooks = tmp_path / "book" / "chapters"
    notebooks.mkdir(parents=True)
    for name in ("05_gcn", "07_protocols"):
        write_chapter(notebooks / f"{name}.ipynb")
    results = tmp_path / "build" / "results"
    results.mkdir(parents=True)
    for name in published.COMPARED:
        shutil.copy(published.FOLDER / name, results)
    store = experiments.Store(tmp_path / "runs", published=False)
    origin = {
        "commit": "abc", "processor": "a processor", "threads": 2, "python": "3.11",
        "libraries": {"torch": "2"},
    }  # fmt: skip
    monkeypatch.setattr(stored.files, "provenance", lambda: dict(origin))
    for a in small_plan.everything():
        answers = np.full(a.run.asked(a.features).sum(), 0.5, np.float32)
        store.write(a.run, Value(answers, np.zeros((0, 0)), np.zeros(0)))
    monkeypatch.setattr(publishing.Plan, "of", classmethod(lambda *_, **__: small_plan))
    for module in (published, publishing):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "published")
    monkeypatch.setattr(publishing, "PUBLISHED", tmp_path / "published_runs")
    sources = [Path("05_gcn.md"), Path("07_protocols.md")]
    monkeypatch.setattr(publishing.chapters, "chapters", lambda: sources)
    return notebooks, results, store


@pytest.fixture(scope="module")
def small_plan():
    shipped = shipped_features()
    rows = shipped.table.groupby("label").sample(60, random_state=0).index.to_numpy()
    plan = experiments.Plan(
        sources=experiments.Sources(shipped.take(rows)), seeds=1, partitions=1, repeats=1
    )
    groups = {"as_written": plan.as_written(["gcn", "mlp"]), "resubstituted": plan.resubstituted()}
    return SmallPlan(plan, groups)


class SmallPlan:
    """A plan of a few runs, with what `publish` asks of one."""

    def __init__(self, plan, groups):
        self.seeds, self.partitions = plan.seeds, plan.partitions
        self.groups = lambda: groups
        self.everything = lambda: [a for asked in groups.values() for a in asked]


def write_chapter(path, commit="abc"):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["leukgnn"] = {
        "seconds": 1.23,
        "parameters": {"profile": "full"},
        "provenance": {"commit": commit, "processor": "a processor", "threads": 2},
    }
    nbformat.write(notebook, path)


def test_publishing_keeps_runs_and_tables_and_their_origin(build, small_plan):
    publishing.publish(*build)
    for name in published.COMPARED:
        assert (published.FOLDER / name).read_bytes() == (build[1] / name).read_bytes()
    origin = json.loads((published.FOLDER / published.PROVENANCE).read_text())
    assert origin["commit"] == "abc" and "threads" not in origin
    maker = {"commit": "abc", "processor": "a processor", "python": "3.11", "torch": "2"}
    number = len(small_plan.everything())
    assert origin["runs"] == {"number": number, "made": [{"number": number, **maker}]}
    assert origin["chapters"] == {"05_gcn": 1.2, "07_protocols": 1.2}
    kept = {key for path in publishing.PUBLISHED.glob("*.parquet") for key, _ in stored._read(path)}
    assert kept == {a.run.key for a in small_plan.everything()}


@pytest.mark.parametrize(
    ("planted", "word"),
    [
        ({"commit": "abd"}, "abc, abd"),
        ({"commit": "abc+"}, "without changes"),
    ],
)
def test_what_is_no_build_of_one_commit_is_not_published(build, planted, word):
    write_chapter(build[0] / "07_protocols.ipynb", **planted)
    if planted.get("commit") == "abc+":
        write_chapter(build[0] / "05_gcn.ipynb", **planted)
    with pytest.raises(InputError, match=word.replace("+", r"\+")):
        publishing.publish(*build)
    assert not published.FOLDER.exists()


def test_runs_that_were_not_computed_here_stay_as_they_were(build, small_plan, monkeypatch):
    run = small_plan.everything()[0].run
    old = Value(np.full_like(build[2].get(run).probability, 0.25), np.zeros((0, 0)), np.zeros(0))
    build[2]._path(run).unlink()
    maker = {"commit": "old", "processor": "another", "python": "3.12", "torch": "2"}
    monkeypatch.setattr(publishing, "published_runs", lambda: {run.key: old})
    monkeypatch.setattr(publishing, "published_makers", lambda: {run.key: maker})
    publishing.publish(*build)
    read = dict(stored._read(publishing.PUBLISHED / "as_written.parquet"))
    assert (read[run.key].probability == 0.25).all()
    origin = json.loads((published.FOLDER / published.PROVENANCE).read_text())
    assert {"number": 1, **maker} in origin["runs"]["made"]


def test_a_build_without_its_tables_is_not_published(build):
    (build[1] / "claims.csv").unlink()
    with pytest.raises(InputError, match=r"claims\.csv is missing: run `make book PROFILE=full`"):
        publishing.publish(*build)
    assert not published.FOLDER.exists()


def test_a_build_without_a_chapter_is_not_published(build):
    (build[0] / "05_gcn.ipynb").unlink()
    with pytest.raises(InputError, match=r"05_gcn\.ipynb is missing: run `make book PROFILE=full`"):
        publishing.publish(*build)


def test_a_build_on_other_features_is_not_published(build, monkeypatch):
    monkeypatch.setattr(publishing, "read_features", lambda: shipped_features().take(np.arange(9)))
    with pytest.raises(InputError, match="other features than the shipped ones"):
        publishing.publish(*build)
    assert not published.FOLDER.exists()


def test_what_a_killed_publishing_left_is_not_read(build, monkeypatch):
    publishing.publish(*build)
    monkeypatch.setattr(stored, "PUBLISHED", publishing.PUBLISHED)
    whole = stored.published_files()
    (publishing.PUBLISHED / ".as_written.4711.parquet").write_bytes(b"PAR1")
    assert stored.published_files() == whole and len(whole) == 2


def test_a_copy_of_a_chapter_is_no_chapter(build):
    shutil.copy(build[0] / "05_gcn.ipynb", build[0] / "05_gcn-Copy1.ipynb")
    found = [path.stem for path in publishing.chapters.executed(build[0])]
    assert found == ["05_gcn", "07_protocols"]


def test_a_build_without_one_of_its_runs_is_not_published(build, small_plan):
    run = small_plan.everything()[0].run
    build[2]._path(run).unlink()
    with pytest.raises(InputError, match=r"1 run missing, such as gcn, share 0 all, seed 0"):
        publishing.publish(*build)


@pytest.fixture
def copied(tmp_path):
    """The published tables as a build's."""
    for name in published.COMPARED:
        shutil.copy(published.FOLDER / name, tmp_path)
    return tmp_path


def test_the_book_says_that_its_tables_are_the_published_ones(copied):
    text = results_page.generated(copied)["published"]
    assert "The tables of this build are the published ones" in text
    assert "gives every claim the published verdict" in text


@pytest.mark.parametrize("change", ["gone", "new"])
def test_a_column_of_one_table_alone_is_named(copied, change):
    table = pd.read_csv(copied / "results.csv")
    changed = table.drop(columns="mcc") if change == "gone" else table.assign(new=1)
    changed.to_csv(copied / "results.csv", index=False)
    (told,) = published.deviations(copied)
    assert told.startswith(f"results.csv: the column {'mcc' if change == 'gone' else 'new'} is in")


def test_a_number_that_is_not_the_published_one_is_named(copied):
    table = pd.read_csv(copied / "results.csv")
    chosen = table.query("protocol == 'subject_disjoint' and model == 'svm'").index[0]
    table.loc[chosen, "roc_auc"] = 1 - table.loc[chosen, "roc_auc"]
    table.to_csv(copied / "results.csv", index=False)
    (sentence,) = published.deviations(copied)
    assert "protocol subject_disjoint, model svm" in sentence and "roc_auc" in sentence
    assert (
        "differ from the published ones in 1 row (" in results_page.generated(copied)["published"]
    )


def test_a_claim_with_another_verdict_is_named(copied):
    table = pd.read_csv(copied / "claims.csv", keep_default_na=False)
    old = table.loc[0, "verdict"]
    new = next(v for v in claims.VERDICTS if v != old)
    table.loc[0, ["verdict", "our_value"]] = new, "<1>"
    table.to_csv(copied / "claims.csv", index=False)
    other = results_page.generated(copied)["published"]
    assert f"this build *{new}* (&lt;1&gt;)" in other and f"published *{old}*" in other
    assert other.count("\n- ") == 1


def test_every_fact_of_a_published_verdict_was_computed():
    table = published.table("claims.csv")
    assert not table["our_value"].str.contains(claims.ABSENT).any()


def test_an_interval_that_falls_short_is_told():
    rows = [
        {"model": model, "metric": metric, "jackknife": 0.95, "bootstrap": 0.9,
         "found": 0.06 if metric == "roc_auc" and same else 0.04,
         "truth": 0.7, "exchangeable": same, "studies": 600}
        for model in ("gcn", "mlp", "difference") for metric in ("accuracy", "roc_auc")
        for same in (False, True)
    ]  # fmt: skip
    table, intervals = pd.DataFrame(rows), published.table("intervals.csv")
    assert "None lies below 94 %" in results_page.coverage(table, intervals, "abc")
    table.loc[0, "jackknife"] = 0.91
    text = results_page.coverage(table, intervals, "abc")
    assert "commit abc" in text and "ROC AUC is 0.700, the published one 0.8" in text
    assert "Below 94 % lie: accuracy of GCN 91.0%" in text and "down to 90.0%" in text
    assert "Most often, in 6.0% of the studies" in text and "none in ROC AUC." in text
    table.loc[(table["model"] == "gcn") & table["exchangeable"], "jackknife"] = 0.5
    assert results_page.coverage(table, intervals, "abc") == text
