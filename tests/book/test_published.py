"""The published run: what ships, what the README and the book tell of it, how it is renewed."""

import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from leukgnn import claims, cli, controls, published
from leukgnn.files import InputError

ROOT = Path(__file__).parent.parent
RANDOM = {  # whatever is trained from random weights or on a random graph
    "gcn", "mlp", "correct_and_smooth", "gcn_random_graph", "gcn_masked", "gcn_random_weights",
    "mlp_random_weights", "gcn_transductive", "gcn_transductive_masked",
}  # fmt: skip


def test_the_published_results_hold_all_protocols_and_controls():
    results = published.table("results.csv")
    assert set(published.PROTOCOLS) <= set(results["protocol"])
    models = results.groupby("protocol")["model"].agg(set)
    assert (
        set(controls.CONTROLS) | RANDOM | {"cnn", "cnn_gcn", "cnn_mlp"}
        <= models["subject_disjoint"]
    )
    apart = {"gcn_tuned", "mlp_tuned", "gcn_dummy"}  # with subjects apart alone
    assert set(controls.CONTROLS) - apart <= models["as_written"]
    assert {"gcn", "gcn_reverse", "mlp"} <= models["as_released"]
    seeds = results.groupby(["protocol", "model"])["seed"].nunique()
    for protocol, there in models.items():
        if protocol in published.PROTOCOLS:
            assert all(seeds[protocol, model] >= 10 for model in RANDOM & there), protocol


def test_every_claim_has_a_published_verdict():
    verdicts = published.table("claims.csv").set_index("id")["verdict"]
    assert list(verdicts.index) == [entry["id"] for entry in claims.ledger()]
    assert set(verdicts) <= set(claims.VERDICTS)


def test_the_published_intervals_agree_with_the_published_results():
    means = published.table("results.csv").groupby(["protocol", "model"])["accuracy"].mean()
    told = published.table("intervals.csv").query("metric == 'accuracy'")
    told = told.set_index(["protocol", "model"])["value"]
    assert means.to_dict() == pytest.approx(told[means.index].to_dict(), abs=1e-9)


def test_provenance_names_one_commit_and_every_chapter():
    told = published.provenance()
    assert not told["commit"].endswith("+") and told["command"] == "make book PROFILE=full"
    assert {p.stem for p in (ROOT / "notebooks").glob("*.md")} == set(told["chapters"])


def test_the_readme_tells_the_published_results():
    text = (ROOT / "README.md").read_text()
    assert published.with_results(text) == text
    assert published.README_MARKS[0] in text and "| ResNet-18 + GCN | 0." in text


def test_the_readme_is_written_between_its_marks_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("_toc.yml").touch()
    Path("README.md").write_text("before\n" + "\nold\n".join(published.README_MARKS) + "\nafter\n")
    assert cli.main(["readme"]) == 0
    text = Path("README.md").read_text()
    assert published.results_at_a_glance() in text and "\nold\n" not in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A build's folder with two executed chapters of the full profile and the published tables."""
    monkeypatch.chdir(tmp_path)
    chapters = tmp_path / "book" / "chapters"
    chapters.mkdir(parents=True)
    for name in ("05_gcn", "07_protocols"):
        write_chapter(chapters / f"{name}.ipynb")
    results = tmp_path / "build" / "results"
    results.mkdir(parents=True)
    for name in published.TABLES:
        shutil.copy(published.FOLDER / name, results)
    return chapters, results, tmp_path / "published"


def write_chapter(path, profile="full", commit="abc"):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["leukgnn"] = {
        "seconds": 1.23,
        "parameters": {"profile": profile, "seeds": 10},
        "provenance": {"commit": commit, "processor": "a processor", "threads": 2},
    }
    nbformat.write(notebook, path)


def test_publishing_keeps_the_tables_and_their_origin(build):
    published.publish(*build)
    for name in published.TABLES:
        assert (build[2] / name).read_bytes() == (build[1] / name).read_bytes()
    told = json.loads((build[2] / published.PROVENANCE).read_text())
    assert told["commit"] == "abc" and "threads" not in told
    chapter = {"seconds": 1.2, "parameters": {"profile": "full", "seeds": 10}}
    assert told["chapters"] == {"05_gcn": chapter, "07_protocols": chapter}


@pytest.mark.parametrize(
    ("planted", "word"),
    [
        ({"profile": "quick"}, "07_protocols was not executed in the full profile"),
        ({"commit": "abd"}, "abc, abd"),
        ({"commit": "abc+"}, "without changes"),
    ],
)
def test_what_is_no_full_run_of_one_commit_is_not_published(build, planted, word):
    write_chapter(build[0] / "07_protocols.ipynb", **planted)
    with pytest.raises(InputError, match=word.replace("+", r"\+")):
        published.publish(*build)
    assert not build[2].exists()


def test_a_build_without_its_tables_is_not_published(build):
    (build[1] / "claims.csv").unlink()
    with pytest.raises(InputError, match=r"claims\.csv is missing: run `make book PROFILE=full`"):
        published.publish(*build)
    assert not build[2].exists()


def test_the_book_sets_a_build_beside_the_published_run(build):
    _, results, _ = build
    same = published.generated(results)["published"]
    assert "gives every claim the published verdict" in same
    table = pd.read_csv(results / "claims.csv", keep_default_na=False)
    old, new = (
        table.loc[0, "verdict"],
        next(v for v in claims.VERDICTS if v != table.loc[0, "verdict"]),
    )
    table.loc[0, ["verdict", "our_value"]] = new, "<1>"
    table.to_csv(results / "claims.csv", index=False)
    intervals = pd.read_csv(results / "intervals.csv")
    intervals[intervals["model"] != "cnn"].to_csv(results / "intervals.csv", index=False)
    other = published.generated(results)["published"]
    assert f"this build *{new}* (&lt;1&gt;)" in other and f"published *{old}*" in other
    assert other.count("\n- ") == 1 and "| – |" in other
