"""Intervals, tests and the tables of them: against brute force, published formulas, a truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from leukgnn.evaluation import CONTRACT, DRAWS, METRICS, PAIRS, inference, metrics, tables
from leukgnn.files import InputError
from leukgnn.names import MODELS, TABLES


def predictions(subjects=300, cells=1, seeds=1, seed=0):
    generator = np.random.default_rng(seed)
    label = np.repeat(np.arange(subjects) % 2, cells)
    right = np.repeat(generator.random(subjects) < 0.8, cells)
    rows = pd.DataFrame(
        {
            "protocol": "as_written",
            "model": "gcn",
            "fold": "all",
            "filename": [f"{i}.bmp" for i in range(subjects * cells)],
            "subject": np.repeat([f"s{i}" for i in range(subjects)], cells),
            "label": label,
            "probability": np.where(right, label, 1 - label) * 0.8 + 0.1,
        }
    )
    return pd.concat([rows.assign(seed=s) for s in range(seeds)], ignore_index=True)


def accuracy(table):
    return table.set_index("metric").loc["accuracy"]


def test_interval_of_independent_cells_is_the_binomial_one():
    row = accuracy(inference.intervals(predictions(), draws=2000, seed=0))
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / 300)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.1)


def test_copies_of_cells_do_not_narrow_the_interval():
    single = accuracy(inference.intervals(predictions(), draws=500, seed=0))
    many = accuracy(inference.intervals(predictions(cells=20, seeds=3), draws=500, seed=0))
    assert many[["value", "low", "high"]].tolist() == pytest.approx(
        single[["value", "low", "high"]].tolist()
    )
    assert (many["seeds"], many["subjects"], many["cells"]) == (3, 300, 6000)


def test_subjects_that_equal_files_link_count_as_one():
    """20 and 21 share files, 22 shares none with them."""
    table = predictions(6, 10)
    names = dict(zip(table["subject"].unique(), ["H1", "20", "H7", "21", "H8", "22"], strict=True))
    linked = table.assign(subject=table["subject"].map(names))
    asked = table.assign(subject=table["subject"].replace({"s3": "s1"}))
    joined, expected = (inference.intervals(t, draws=50, seed=0) for t in (linked, asked))
    assert (joined["subjects"] == 5).all()
    assert joined["value"].tolist() == pytest.approx(expected["value"].tolist())
    assert (expected["subjects"] == 5).all()


def test_coverage_over_simulated_clusters():
    """Of 60 simulated studies with 40 subjects of 10 cells, nearly all cover the true 0.8."""
    covered = 0
    for seed in range(60):
        row = accuracy(inference.intervals(predictions(40, 10, seed=seed), draws=200, seed=0))
        covered += row["low"] <= 0.8 <= row["high"]
    assert covered >= 51


def test_intervals_are_deterministic():
    twice = [inference.intervals(predictions(), draws=50, seed=4) for _ in range(2)]
    pd.testing.assert_frame_equal(*twice)


def clustered(subjects=40, cells=10, seed=0, shift=0.0, model="gcn"):
    """Subjects of one class each, whose cells share a subject's own offset."""
    generator = np.random.default_rng(seed)
    label = np.repeat(np.arange(subjects) % 2, cells)
    offset = np.repeat(generator.normal(0, 1, subjects), cells)
    score = 1.5 * label + offset + generator.normal(0, 1, len(label)) + shift * label
    return pd.DataFrame(
        {
            "protocol": "p",
            "model": model,
            "seed": 0,
            "fold": "all",
            "filename": [f"{i}.bmp" for i in range(len(label))],
            "subject": np.repeat([f"s{i}" for i in range(subjects)], cells),
            "label": label,
            "probability": norm.cdf(score - 0.75),
        }
    )


def test_sums_give_what_repeated_cells_give():
    """The bootstrap by sums per subject is the bootstrap that really repeats the cells."""
    cells = clustered(12, 5)
    subjects, leukemic = inference._subjects(cells)
    weights = inference._draw_subjects(leukemic, 4, 0)
    sums = list(inference._sums(cells, subjects, leukemic).values())
    ours = inference._of_seeds(sums, weights, leukemic)
    for i, times in enumerate(weights.astype(int)):
        repeated = pd.concat(
            [
                cells[cells["subject"] == s]
                for s, n in zip(subjects, times, strict=True)
                for _ in range(n)
            ]
        )
        theirs = metrics.score(repeated["label"], repeated["probability"])
        assert {name: v[0, i] for name, v in ours.items()} == pytest.approx(theirs)


def delong(label, score):
    """Variance of the AUC by DeLong et al. (1988), cells independent."""
    above, below = score[label == 1], score[label == 0]
    order = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    return order.mean(), order.mean(1).var(ddof=1) / len(above) + order.mean(0).var(ddof=1) / len(
        below
    )


def clustered_auc(predictions):
    """ROC AUC and its standard error over subjects, as the p of a paired difference rests on."""
    subjects, leukemic = inference._subjects(predictions)
    sums = list(inference._sums(predictions, subjects, leukemic).values())
    value, deviations = inference._components(sums, leukemic)
    return value, np.sqrt(inference._variance(deviations, leukemic))


def test_with_one_cell_a_subject_the_clustered_auc_is_delongs():
    cells = clustered(80, 1)
    value, error = clustered_auc(cells)
    theirs, variance = delong(cells["label"].to_numpy(), cells["probability"].to_numpy())
    assert value == pytest.approx(theirs)
    assert error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_the_clustered_error_covers_the_truth_and_the_naive_one_does_not():
    """200 studies of 40 subjects with 10 cells; the true AUC is known in closed form."""
    truth = norm.cdf(1.5 / 2)  # difference of two scores: mean 1.5, variance 4
    hits, naive = 0, 0
    for seed in range(200):
        cells = clustered(seed=seed)
        value, error = clustered_auc(cells)
        hits += abs(value - truth) <= 1.96 * error
        _, variance = delong(cells["label"].to_numpy(), cells["probability"].to_numpy())
        naive += abs(value - truth) <= 1.96 * np.sqrt(variance)
    assert 176 <= hits <= 200
    assert naive < 140


def test_p_values_are_uniform_without_and_small_with_a_difference():
    none, some = [], []
    for seed in range(60):
        for shift, found in ((0.0, none), (1.5, some)):
            table = inference.paired_differences(
                clustered_pair(seed, shift), [("a", "b")], draws=99, seed=0
            ).set_index("metric")
            found.append(table.loc[["accuracy", "roc_auc"], "p"])
    none, some = pd.DataFrame(none), pd.DataFrame(some)
    assert (none < 0.1).mean().between(0.0, 0.25).all()
    assert none.mean().between(0.35, 0.65).all()
    assert (some < 0.05).mean().ge(0.8).all()


def clustered_pair(seed, shift):
    """Both models add noise of their own to the same score, so neither is better at shift 0."""
    generator = np.random.default_rng(seed + 999)
    parts = []
    for model, more in (("a", 0.0), ("b", shift)):
        cells = clustered(seed=seed, model=model)
        own = np.repeat(generator.normal(0, 0.7, 40), 10)
        score = norm.ppf(cells["probability"]) + own + more * (cells["label"] - 0.5)
        parts.append(cells.assign(probability=norm.cdf(score)))
    return pd.concat(parts, ignore_index=True)


def test_paired_difference_of_a_model_with_itself_is_nothing():
    gcn = predictions()
    both = pd.concat([gcn, gcn.assign(model="mlp")], ignore_index=True)
    table = inference.paired_differences(both, [("gcn", "mlp")], draws=50, seed=0)
    assert (table[["value", "low", "high"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()
    with pytest.raises(InputError, match="svm"):
        inference.paired_differences(both, [("gcn", "svm")], draws=50, seed=0)


def test_a_model_without_seeds_stands_beside_every_seed():
    several = predictions(seeds=3)
    fixed = predictions(seed=5).assign(model="svm")
    table = inference.paired_differences(
        pd.concat([several, fixed]), [("gcn", "svm")], draws=50, seed=0
    ).set_index("metric")
    means = [metrics.score(t["label"], t["probability"])["accuracy"] for t in (several, fixed)]
    assert table.loc["accuracy", "value"] == pytest.approx(means[0] - means[1])


def test_other_cells_are_not_compared():
    gcn, mlp = predictions(), predictions(cells=2).assign(model="mlp")
    with pytest.raises(InputError, match="other cells"):
        inference.paired_differences(pd.concat([gcn, mlp]), [("gcn", "mlp")], draws=9, seed=0)


def test_holm_by_hand():
    corrected = inference.holm(pd.Series([0.01, 0.04, 0.03, 0.005]))
    assert corrected.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert inference.holm(pd.Series([0.6, 0.7])).tolist() == [1, 1]


def test_design_effect_of_copies_is_their_number():
    single = inference.design_effect(predictions(subjects=300))
    copied = inference.design_effect(predictions(subjects=300, cells=20))
    assert single["design_effect"].item() == pytest.approx(1, abs=0.05)
    assert copied["design_effect"].item() == pytest.approx(20, rel=0.05)
    assert copied["effective_cells"].item() == pytest.approx(300, rel=0.05)


def test_subjects_decide_by_the_mean_of_their_cells():
    cells = clustered(6, 4)
    decided = inference.subject_decisions(cells)
    assert len(decided) == 6
    first = cells[cells["subject"] == "s0"]
    assert decided.set_index("subject").loc["s0", "probability"] == pytest.approx(
        first["probability"].mean()
    )
    table = inference.intervals(decided, draws=20, seed=0)
    assert (table["cells"] == 6).all()


def test_a_subject_of_both_classes_is_named():
    cells = clustered(6, 4)
    cells.loc[0, "label"] = 1
    with pytest.raises(InputError, match="subject s0 has cells of both classes"):
        inference.intervals(cells, draws=10, seed=0)


def test_too_few_draws_are_named():
    with pytest.raises(InputError, match="draws=1"):
        inference.intervals(clustered(6, 4), draws=1, seed=0)


@pytest.fixture
def compared():
    """A GCN and an MLP, two seeds each, on two folds."""
    parts = [
        clustered(20, 6, seed=seed, model=model).assign(seed=seed)
        for model in ("gcn", "mlp")
        for seed in (0, 1)
    ]
    cells = pd.concat(parts, ignore_index=True)
    number = cells["subject"].str.removeprefix("s").astype(int)
    return cells.assign(fold=np.where(number < 10, "fold_0", "fold_1"), n_train=60)


def test_all_tables_are_written_from_the_predictions(compared, tmp_path):
    tables.write(compared, tmp_path, draws=20, seed=0)
    assert {path.name for path in tmp_path.iterdir()} == set(TABLES)
    written = {name: pd.read_csv(tmp_path / name) for name in TABLES if name.endswith(".csv")}
    assert len(written["results.csv"]) == 2 * 2 * 3
    assert len(written["intervals.csv"]) == len(written["subjects.csv"]) == 2 * len(METRICS)
    assert set(written["subjects.csv"]["cells"]) == {20}
    assert set(map(tuple, written["differences.csv"][["first", "second"]].to_numpy())) == {
        ("gcn", "mlp")
    }
    assert written["calibration.csv"]["model"].tolist() == ["gcn", "mlp"]
    stored = pd.read_parquet(tmp_path / "predictions.parquet")
    pd.testing.assert_frame_equal(stored, compared[CONTRACT])


def test_calibration_of_a_table_is_the_mean_over_seeds(compared):
    row = tables.calibration(compared).set_index("model").loc["gcn"]
    of_seeds = [c for _, c in compared[compared["model"] == "gcn"].groupby("seed")]
    briers = [metrics.brier(cells["label"], cells["probability"]) for cells in of_seeds]
    assert row["brier"] == pytest.approx(np.mean(briers))
    assert row["effective_cells"] < 120 and row["design_effect"] > 1


def test_predictions_without_a_pair_to_compare_are_named():
    with pytest.raises(InputError, match="no pair of models"):
        tables.differences(predictions(), draws=9, seed=0)


def test_pairs_are_of_known_models_each_once():
    assert {name for pair in PAIRS for name in pair} <= set(MODELS)
    assert len(set(PAIRS)) == len(PAIRS) and all(a != b for a, b in PAIRS)
    assert DRAWS >= 1000
