"""The explorer: its numbers are those of the package, in the files and in the browser."""

import json
import os

import numpy as np
import pytest

from leukgnn import evaluation, experiments, names
from leukgnn.book import checks, explorer
from leukgnn.paper import THRESHOLD


@pytest.fixture(scope="module")
def store():
    """The published runs, and no others."""
    return experiments.Store("unused", published=True)


@pytest.fixture(scope="module")
def predictions(plan, store):
    """Published answers: two networks and two without randomness, three seeds at most."""
    asked = [
        *plan.as_written(["gcn", "mlp", "size"]),
        *plan.subject_disjoint(["gcn", "mlp", "knn", "size"]),
    ]
    asked = [a for a in asked if a.seed < 3]
    return experiments.predictions(asked, store)


@pytest.fixture(scope="module")
def intervals(predictions):
    return evaluation.intervals(predictions)


@pytest.fixture(scope="module")
def site(predictions, intervals, plan, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer") / "explore"
    held = explorer.export(predictions, intervals, plan, store, folder)
    data = [folder / f"{name}.{kind}" for name in ("explorer", "cells") for kind in ("json", "bin")]
    assert held == sum(path.stat().st_size for path in data)
    return folder


def test_the_files_hold_every_answer_and_interval(site, predictions, intervals):
    told = json.loads((site / "explorer.json").read_text())
    content = (site / "explorer.bin").read_bytes()
    assert told["bytes"] == len(content)
    assert "default-src 'none'" in (site / "index.html").read_text()
    merged = evaluation.with_merged_subjects(predictions)
    at = evaluation.intervals_at(predictions, [0.2])
    at = at.set_index(["protocol", "model", "metric"])[["value", "low", "high"]]
    metrics = [metric["key"] for metric in told["metrics"]]
    for protocol in told["protocols"]:
        for model in protocol["models"]:
            own = merged[
                (merged["protocol"] == protocol["key"]) & (merged["model"] == model["key"])
            ]
            assert len(model["runs"]) == own["seed"].nunique()
            first = own[own["seed"] == own["seed"].min()]
            run = model["runs"][0]
            held = np.frombuffer(content, "<f4", run["n"], run["probability"])
            assert held.tolist() == first["probability"].astype(np.float32).tolist()
            cells = np.frombuffer(content, "<u2", run["n"], run["cells"])
            people = [told["subjects"][told["subject"][cell]] for cell in cells]
            assert [one["name"] for one in people] == first["subject"].tolist()
            assert [one["leukemic"] for one in people] == (first["label"] == 1).tolist()
            shape = len(told["thresholds"]), len(metrics), 3
            spans = np.frombuffer(content, "<f4", np.prod(shape), model["at"]).reshape(shape)
            row = spans[told["thresholds"].index(0.2)]
            expected = at.loc[(protocol["key"], model["key"])].loc[metrics].to_numpy()
            assert row == pytest.approx(expected, abs=1e-6)
            known = intervals.set_index(["protocol", "model", "metric"])
            auc = known.loc[(protocol["key"], model["key"], "roc_auc"), "value"]
            assert model["free"]["roc_auc"][0] == pytest.approx(auc, abs=1e-6)


def test_neighbours_are_the_nearest_of_other_folds_and_answers_those_of_the_runs(site, plan, store):
    told = json.loads((site / "cells.json").read_text())
    content = (site / "cells.bin").read_bytes()
    cells, x = plan.sources.paper.table, plan.sources.paper.x
    near = np.frombuffer(content, "<u2", len(x) * told["most"], told["near"]).reshape(len(x), -1)
    cosine = np.frombuffer(content, "<f4", len(x) * told["most"], told["similarity"])
    cosine = cosine.reshape(len(x), -1)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    (split, *_) = experiments.official_folds(cells)
    for cell in np.flatnonzero(split.test)[::500]:
        among = np.where(split.train, unit @ unit[cell], -1)
        best = np.sort(among)[::-1][: told["most"]]
        assert cosine[cell] == pytest.approx(best, abs=1e-5)
        assert among[near[cell]] == pytest.approx(best, abs=1e-5)
    assert told["ks"] == [2, 5, 10, 20, 50] and told["filename"] == cells["filename"].tolist()
    for k, place in zip(told["ks"], told["gcn"], strict=True):
        held = np.frombuffer(content, "<f4", len(x), place)
        asked = plan.subject_disjoint(["gcn"]) if k == 10 else plan.sweep()
        asked = [a for a in asked if a.seed == 0 and a.run.graph.k == k]
        assert len(asked) == 3
        for a in asked:
            assert held[a.run.asked(a.features)].tolist() == store.get(a.run).probability.tolist()


VIEWS = [
    ("subject_disjoint", ["gcn", "size"], "accuracy", 0.5),
    ("as_written", ["mlp"], "recall", 0.3),
    ("subject_disjoint", ["knn"], "mcc", 0.62),
]


def told_rows(page):
    return page.get_by_test_id("told").evaluate(
        "table => [...table.tBodies[0].rows].map(row => ({key: row.dataset.key,"
        " interval: row.dataset.interval.split(' ').map(Number),"
        " counts: [...row.cells].slice(2).map(cell => Number(cell.dataset.value))}))"
    )


def test_the_browser_counts_as_python_does_with_the_network_off(site, predictions, browser):
    with checks.served(site) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{address}/index.html")
        page.get_by_test_id("told").wait_for()
        page.context.set_offline(True)
        for protocol, models, metric, threshold in VIEWS:
            view = f"#protocol={protocol}&models={','.join(models)}"
            page.evaluate(
                "hash => { location.hash = hash }", f"{view}&metric={metric}&threshold={threshold}"
            )
            page.get_by_role("heading", name=names.METRICS[metric].label, exact=True).wait_for()
            rows = told_rows(page)
            assert [row["key"] for row in rows] == models
            own = predictions[predictions["protocol"] == protocol]
            at = evaluation.intervals_at(own, [threshold]).set_index(["model", "metric"])
            for row in rows:
                cells = own[own["model"] == row["key"]]
                counts = [
                    evaluation.confusion(run["label"], (run["probability"] >= threshold) * 1.0)
                    for _, run in cells.groupby("seed")
                ]
                assert row["counts"] == pytest.approx(np.mean(counts, axis=0).tolist(), abs=1e-6)
                span = at.loc[(row["key"], metric)][["value", "low", "high"]]
                assert row["interval"] == pytest.approx(span.tolist(), abs=1e-6)
        assert page.locator(".chart svg").count() == 3
        assert said == []
        page.close()


def test_a_view_has_an_address_and_keys_move_the_threshold(site, browser, serious):
    with checks.served(site) as address:
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.goto(f"{address}/index.html")
        page.get_by_test_id("told").wait_for()
        before = told_rows(page)
        page.get_by_role("slider").focus()
        for _ in range(10):
            page.keyboard.press("ArrowLeft")
        assert page.get_by_role("status").first.inner_text() == "0.30"
        assert "threshold=0.30" in page.url
        assert told_rows(page) != before
        page.get_by_label("as written").check()
        page.get_by_label("Metric", exact=True).select_option("specificity")
        told, again = told_rows(page), browser.new_page()
        again.goto(page.url)
        again.get_by_test_id("told").wait_for()
        assert told_rows(again) == told
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert serious(page) == [] and serious(again) == []
        if target := os.environ.get("LEUKGNN_SCREENSHOTS"):
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": 1100, "height": 1180})
            page.screenshot(path=f"{target}/explore_wide.png")
        page.close()
        again.close()


def test_a_cell_is_shown_with_its_neighbours(site, browser, serious):
    told = json.loads((site / "cells.json").read_text())
    with checks.served(site) as address:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{address}/index.html")
        page.get_by_test_id("read-cells").click()
        shown = page.get_by_test_id("cell")
        shown.wait_for()
        name = told["filename"][1234]
        page.get_by_label("or by name").fill(name)
        page.get_by_role("button", name="Show").click()
        shown.get_by_role("heading", name=name).wait_for()
        assert f"cell={name}" in page.url
        assert shown.locator("tbody tr").count() == 11
        held = (site / "cells.bin").read_bytes()
        near = np.frombuffer(held, "<u2", 10, told["near"] + 2 * 1234 * told["most"])
        people = shown.locator("tbody tr td:nth-child(4)").all_inner_texts()
        assert people == [told["subject"][cell] for cell in (1234, *near)]
        leukemic = sum(told["leukemic"][cell] for cell in near)
        assert shown.get_by_text(f"{leukemic} of 10 are leukemic").is_visible()
        probability = np.frombuffer(held, "<f4", 1, told["gcn"][2] + 4 * 1234)[0]
        assert f"leukemia {probability:.3f}" in shown.inner_text()
        shown.get_by_role("slider").focus()
        page.keyboard.press("ArrowRight")
        shown.get_by_text("choose one of these").wait_for()
        page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="A mistake").click()
        shown.get_by_text("wrong").first.wait_for()
        shown.get_by_role("slider").fill("5")
        page.evaluate("Math.random = () => 0.5")
        page.get_by_role("button", name="A mistake").click()
        assert f"cell={a_mistake(told, held, k=5)}" in page.url
        page.get_by_label("or by name").fill("nobody.bmp")
        page.get_by_role("button", name="Show").click()
        assert "nobody.bmp: no such cell" in page.get_by_role("alert").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert serious(page) == []
        page.close()


def a_mistake(told, held, k):
    """The middle one of the cells that the GCN with k neighbours mistakes."""
    start = told["gcn"][told["ks"].index(k)]
    probability = np.frombuffer(held, "<f4", len(told["filename"]), start)
    wrong = np.flatnonzero((probability >= THRESHOLD) != np.array(told["leukemic"], bool))
    return told["filename"][wrong[len(wrong) // 2]]


@pytest.mark.parametrize("fault", ["version", "cut", "gone"])
def test_files_that_do_not_fit_are_refused_in_one_sentence(site, browser, fault):
    page = browser.new_page()

    def other(route):
        told = route.fetch().json()
        told["version" if fault == "version" else "bytes"] += 1
        route.fulfill(json=told)

    with checks.served(site) as address:
        if fault == "gone":
            page.route("**/explorer.bin", lambda route: route.abort())
        else:
            page.route("**/explorer.json", other)
        page.goto(f"{address}/index.html")
        page.get_by_role("alert").wait_for()
        said = page.get_by_role("alert").inner_text()
        words = {
            "version": "build the book again", "cut": "copy the book again", "gone": "could not be",
        }  # fmt: skip
        assert words[fault] in said
        page.close()
