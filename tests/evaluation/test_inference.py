"""Intervals, tests and the tables of them: against brute force, published formulas, a truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import norm, t

from leukgnn import experiments
from leukgnn.cells import log_area, training_cells
from leukgnn.evaluation import (
    CONTRACT,
    DRAWS,
    METRICS,
    PAIRS,
    PRIMARY,
    SECONDARY,
    inference,
    metrics,
    sums,
    tables,
)
from leukgnn.files import InputError
from leukgnn.names import MODELS, PROTOCOLS, TABLES


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
    row = accuracy(inference.intervals(predictions()))
    half = 1.97 * np.sqrt(row["value"] * (1 - row["value"]) / 300)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.02)
    assert row["effective_subjects"] > 60  # the wrong ones carry it, all alike


def test_copies_of_cells_do_not_narrow_the_interval():
    single = accuracy(inference.intervals(predictions()))
    many = accuracy(inference.intervals(predictions(cells=20, seeds=3)))
    assert many[["value", "low", "high"]].tolist() == pytest.approx(
        single[["value", "low", "high"]].tolist()
    )
    assert (many["seeds"], many["subjects"], many["cells"]) == (3, 300, 6000)


def test_the_spread_over_seeds_is_their_standard_deviation():
    first = predictions(20)
    turned = first["probability"].where(first.index > 0, 1 - first["probability"])
    both = pd.concat([first, first.assign(seed=1, probability=turned)])
    assert accuracy(inference.intervals(both))["sd"] == pytest.approx(np.std([0, 1 / 20], ddof=1))
    assert np.isnan(accuracy(inference.intervals(first))["sd"]), "one seed has no spread"


def test_subjects_that_equal_files_link_count_as_one():
    """20 and 21 share files, 22 shares none with them."""
    table = predictions(6, 10)
    names = dict(zip(table["subject"].unique(), ["H1", "20", "H7", "21", "H8", "22"], strict=True))
    linked = table.assign(subject=table["subject"].map(names))
    asked = table.assign(subject=table["subject"].replace({"s3": "s1"}))
    joined, expected = (inference.intervals(t) for t in (linked, asked))
    assert (joined["subjects"] == 5).all()
    assert joined["value"].tolist() == pytest.approx(expected["value"].tolist(), nan_ok=True)
    assert (expected["subjects"] == 5).all()


def test_coverage_over_simulated_clusters():
    """Of 200 simulated studies with 40 subjects of 10 cells, 95 % cover the true 0.8."""
    covered = 0
    for seed in range(200):
        row = accuracy(inference.intervals(predictions(40, 10, seed=seed)))
        covered += row["low"] <= 0.8 <= row["high"]
    assert 183 <= covered <= 199


def test_the_jackknife_leaves_out_one_subject_at_a_time():
    """Against brute force: every metric computed again without each subject."""
    cells = clustered(12, 5)
    table = inference.intervals(cells).set_index("metric")
    subjects = cells["subject"].unique()
    without = pd.DataFrame(
        [
            metrics.score(part["label"], part["probability"])
            for part in (cells[cells["subject"] != s] for s in subjects)
        ]
    )
    leukemic = np.array([cells.loc[cells["subject"] == s, "label"].iloc[0] == 1 for s in subjects])
    for metric in ("accuracy", "roc_auc", "mcc"):
        parts = [without[metric].to_numpy()[members] for members in (leukemic, ~leukemic)]
        variance = sum(5 / 6 * ((p - p.mean()) ** 2).sum() for p in parts)
        row = table.loc[metric]
        assert row["se"] == pytest.approx(np.sqrt(variance))
        assert (row["without_low"], row["without_high"]) == pytest.approx(
            (without[metric].min(), without[metric].max())
        )
    # Six subjects of five cells in each class: five degrees of freedom each (Satterthwaite).
    parts = [without["accuracy"].to_numpy()[members] for members in (leukemic, ~leukemic)]
    v = np.array([5 / 6 * ((p - p.mean()) ** 2).sum() for p in parts])
    row = table.loc["accuracy"]
    assert row["freedom"] == pytest.approx(v.sum() ** 2 / (v**2 / 5).sum())
    half = t.ppf(0.975, row["freedom"]) * row["se"] / (row["value"] * (1 - row["value"]))
    assert row["low"] == pytest.approx(expit(logit(row["value"]) - half))


def test_large_subjects_leave_fewer_degrees_of_freedom():
    """Of 1, 1 and 8 cells there are 100/66 effective subjects, less one of freedom, at least 1."""
    cells = np.array([1.0, 1, 8, 4, 4, 4])
    leukemic = np.array([True, True, True, False, False, False])
    without = np.array([0.1, 0.2, 0.6, 0.3, 0.3, 0.6])
    _, freedom, shares = inference._jackknife(without, leukemic, cells)
    assert freedom.tolist() == pytest.approx([2, 1])
    assert shares.sum() == pytest.approx(1)


def test_one_subject_can_carry_an_interval():
    cells = predictions(20, 10)
    wrong = cells["subject"].isin(["s0", "s1"])
    cells["probability"] = np.where(wrong, 1 - cells["label"], cells["label"]) * 0.8 + 0.1
    assert accuracy(inference.intervals(cells))["effective_subjects"] == pytest.approx(2.4, abs=0.4)


def test_every_subject_can_count_once():
    """A subject with 90 cells, all wrong, and nine with 10 cells, all right."""
    cells = pd.concat([predictions(10, 10), *[predictions(10, 10).query("subject == 's0'")] * 8])
    cells["probability"] = np.where(cells["subject"] == "s0", 0.9, cells["label"]) * 0.8 + 0.1
    row = accuracy(inference.intervals(cells))
    assert row["value"] == pytest.approx(0.5) and row["by_subject"] == pytest.approx(0.9)


def test_networks_of_other_folds_are_not_compared():
    """Each fold ranks perfectly on a scale of its own: pooled, the scales mix."""
    cells = predictions(8, 4)
    number = cells["subject"].str.removeprefix("s").astype(int)
    cells["fold"] = np.where(number < 4, "fold_0", "fold_1")
    shift = np.where(cells["fold"] == "fold_0", 0.5, 0.0)
    cells["probability"] = 0.1 + 0.2 * cells["label"] + shift
    table = inference.intervals(cells).set_index("metric")["value"]
    assert table["roc_auc"] == 1 and table["pooled_auc"] == pytest.approx(0.75)
    assert sums.areas(cells)["roc_auc"] == 1
    assert sums.areas(cells)["pooled_auc"] == pytest.approx(0.75)


def test_at_equal_size_size_alone_tells_nothing():
    cells = training_cells().sample(3000, random_state=0)
    cells = cells.assign(protocol="p", model="size", seed=0, fold="all")
    cells["probability"] = (log_area(cells) - 5) / 10
    found = sums.areas(cells)
    assert found["roc_auc"] > 0.75 and abs(found["size_adjusted_auc"] - 0.5) < 0.06
    order = cells.assign(probability=0.4 + 0.2 * cells["label"])
    assert sums.areas(order)["size_adjusted_auc"] == 1
    assert np.isnan(sums.areas(predictions())["size_adjusted_auc"])  # sizes not known


def test_pairs_are_counted_as_one_by_one():
    """Ties count half, strata are kept apart: against all pairs written out."""
    generator = np.random.default_rng(0)
    label, stratum = generator.integers(0, 2, 80), generator.integers(0, 3, 80)
    probability = generator.integers(0, 5, 80) / 4
    place = 2 * generator.integers(0, 4, 80) + label
    leukemic = np.arange(8) % 2 == 1
    ordered, pairs = sums._pairs(stratum, probability, label, place, leukemic)
    expected = np.zeros((2, 4, 4))
    for i in np.flatnonzero(label == 1):
        for j in np.flatnonzero((label == 0) & (stratum == stratum[i])):
            win = (probability[i] > probability[j]) + 0.5 * (probability[i] == probability[j])
            expected[:, place[i] // 2, place[j] // 2] += win, 1
    np.testing.assert_allclose(ordered, expected[0])
    np.testing.assert_allclose(pairs, expected[1])


def test_what_partitions_add_to_the_error_is_added():
    """Three partitions, on one of which all is wrong: their spread counts, the seeds' does not."""
    parts = [
        predictions(60, 2, seed=0).assign(partition=f"p{i}", seed=s)
        for i in range(3)
        for s in range(2)
    ]
    parts[0]["probability"] = 1 - parts[0]["probability"]
    cells = pd.concat(parts, ignore_index=True)
    row = accuracy(inference.intervals(cells))
    alone = accuracy(inference.intervals(cells.query("partition == 'p1'")))
    of = cells.assign(right=(cells["probability"] > 0.5) == cells["label"])
    means = of.groupby("partition")["right"].mean()
    assert row["value"] == pytest.approx(means.mean())
    assert (row["partitions"], row["seeds"]) == (3, 2)
    assert row["se"] > np.sqrt(means.var() / 3) > alone["se"]


def test_the_variance_is_split_into_subjects_partitions_and_seeds():
    """Accuracy of the first minus the second: planted steps between partitions and seeds."""
    generator = np.random.default_rng(0)
    parts, cells = [], predictions(50, 20)
    for i in range(40):
        of_partition = generator.normal(0, 0.05)
        for s in range(4):
            share = 0.8 + of_partition + generator.normal(0, 0.02)
            right = generator.permutation(len(cells)) < share * len(cells)
            probability = np.where(right, cells["label"], 1 - cells["label"])
            keys = {"partition": f"p{i}", "seed": s}
            parts.append(cells.assign(probability=probability, model="a", **keys))
            parts.append(cells.assign(probability=cells["label"], model="b", **keys))
    (protocol,) = cells["protocol"].unique()
    split = inference.variance_split(pd.concat(parts), protocol, ("a", "b"), "accuracy")
    assert split["partitions"] == pytest.approx(0.05, rel=0.3)
    assert split["seeds"] == pytest.approx(0.02, rel=0.3)
    assert 0 < split["subjects"] < 0.02


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.001, 0.05, "better"), (-0.05, -0.001, "worse"), (-0.001, 0.05, "undecided"),
        (-0.05, 0.001, "undecided"), (-0.019, 0.019, "equivalent"), (0.001, 0.019, "equivalent"),
        (-0.021, 0.019, "undecided"), (0.0, 0.05, "undecided"), (np.nan, np.nan, "undecided"),
    ],
)  # fmt: skip
def test_outcomes(low, high, expected):
    assert inference.outcome(low, high) == expected
    assert expected in inference.OUTCOMES


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
    (asked,) = sums.answers(cells).values()
    weights = inference.draw_subjects(asked.leukemic, 4, 0)
    ours = sums.values(list(asked.sums.values()), weights, asked.leukemic)
    for i, times in enumerate(weights.astype(int)):
        repeated = pd.concat(
            [
                cells[cells["subject"] == s]
                for s, n in zip(asked.subjects, times, strict=True)
                for _ in range(n)
            ]
        )
        theirs = metrics.score(repeated["label"], repeated["probability"])
        assert {name: ours[name][0, i] for name in theirs} == pytest.approx(theirs)


def test_the_bootstrap_draws_classes_apart():
    """As many healthy and as many leukemic subjects in every draw as there are."""
    leukemic = np.array([True, False, True, False, False])
    drawn = inference.draw_subjects(leukemic, 50, 0)
    assert (drawn[:, leukemic].sum(axis=1) == 2).all()
    assert (drawn[:, ~leukemic].sum(axis=1) == 3).all()
    assert len(np.unique(drawn, axis=0)) > 10


def test_the_bootstrap_interval_has_95_of_100_draws():
    cells = clustered(20, 6)
    row = inference.intervals(cells, draws=400, seed=3).set_index("metric").loc["roc_auc"]
    (asked,) = sums.answers(cells).values()
    weights = inference.draw_subjects(asked.leukemic, 400, 3)
    drawn = sums.values(list(asked.sums.values()), weights, asked.leukemic)["roc_auc"][0]
    low, high = row["bootstrap_low"], row["bootstrap_high"]
    assert low < row["value"] < high
    assert (drawn < low).mean() == pytest.approx(0.025, abs=0.003)
    assert (drawn > high).mean() == pytest.approx(0.025, abs=0.003)


def test_an_area_without_a_pair_to_compare_is_missing():
    (asked,) = sums.answers(clustered(6, 4)).values()
    weights = np.stack([asked.leukemic, np.ones(len(asked.subjects))]).astype(float)
    found = sums.values(list(asked.sums.values()), weights, asked.leukemic)["roc_auc"]
    assert np.isnan(found[:, 0]).all() and np.isfinite(found[:, 1]).all()


def delong(label, score):
    """Variance of the AUC by DeLong et al. (1988), cells independent."""
    above, below = score[label == 1], score[label == 0]
    order = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    return order.mean(), order.mean(1).var(ddof=1) / len(above) + order.mean(0).var(ddof=1) / len(
        below
    )


def area(cells):
    return inference.intervals(cells).set_index("metric").loc["roc_auc"]


def test_with_one_cell_a_subject_the_error_of_the_auc_is_delongs():
    cells = clustered(80, 1)
    theirs, variance = delong(cells["label"].to_numpy(), cells["probability"].to_numpy())
    assert area(cells)["value"] == pytest.approx(theirs)
    assert area(cells)["se"] == pytest.approx(np.sqrt(variance), rel=0.03)


def test_the_clustered_interval_covers_the_truth_and_the_naive_one_does_not():
    """200 studies of 40 subjects with 10 cells; the true AUC is known in closed form."""
    truth = norm.cdf(1.5 / 2)  # difference of two scores: mean 1.5, variance 4
    hits, naive = 0, 0
    for seed in range(200):
        cells = clustered(seed=seed)
        row = area(cells)
        hits += row["low"] <= truth <= row["high"]
        value, variance = delong(cells["label"].to_numpy(), cells["probability"].to_numpy())
        naive += abs(value - truth) <= 1.96 * np.sqrt(variance)
    assert 182 <= hits <= 199
    assert naive < 140


def test_p_values_are_uniform_without_and_small_with_a_difference():
    none, some = [], []
    for seed in range(60):
        for shift, found in ((0.0, none), (1.5, some)):
            pair = clustered_pair(seed, shift)
            table = inference.paired_differences(pair, [("a", "b")]).set_index("metric")
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
    table = inference.paired_differences(both, [("gcn", "mlp")])
    known = table[table["value"].notna()]  # without sizes there is no AUC at equal size
    assert len(known) == len(METRICS) - 1
    assert (known[["value", "low", "high"]] == 0).all(axis=None)
    assert (known["p"] == 1).all() and set(known["outcome"]) == {"equivalent"}
    with pytest.raises(InputError, match="svm"):
        inference.paired_differences(both, [("gcn", "svm")])


def test_a_model_without_seeds_stands_beside_every_seed():
    several = predictions(seeds=3)
    fixed = predictions(seed=5).assign(model="svm")
    table = inference.paired_differences(pd.concat([several, fixed]), [("gcn", "svm")]).set_index(
        "metric"
    )
    means = [metrics.score(t["label"], t["probability"])["accuracy"] for t in (several, fixed)]
    assert table.loc["accuracy", "value"] == pytest.approx(means[0] - means[1])


def accuracies(*shares, model="gcn", partition="all"):
    """Two subjects a class with 100 cells each; a seed for each share of right answers."""
    right = [np.arange(400) % 100 < 100 * share for share in shares]
    label = np.repeat([0, 0, 1, 1], 100)
    cells = pd.DataFrame({"subject": np.repeat(list("abcd"), 100), "label": label})
    cells["filename"] = [f"{i}.bmp" for i in range(400)]
    cells = cells.assign(protocol="p", model=model, fold="all", partition=partition)
    answers = [np.where(own, label, 1 - label) * 0.8 + 0.1 for own in right]
    return pd.concat([cells.assign(seed=i, probability=p) for i, p in enumerate(answers)])


def test_trainings_of_other_kinds_differ_by_their_means_and_each_adds_its_error():
    """0.6 is the mean of four seeds, 0.8 that of two: numbers of seeds are no pairs."""
    first = accuracies(0.5, 0.6, 0.6, 0.7)
    second = accuracies(0.7, 0.9, model="cnn")
    table = inference.paired_differences(pd.concat([first, second]), [("gcn", "cnn")])
    row = table.set_index("metric").loc["accuracy"]
    assert row["value"] == pytest.approx(-0.2)
    variances = [np.var([0.5, 0.6, 0.6, 0.7], ddof=1), np.var([0.7, 0.9], ddof=1)]
    assert row["se"] == pytest.approx(np.sqrt(variances[0] / 4 + variances[1] / 2))
    assert row["sd"] == pytest.approx(np.sqrt(sum(variances)))


def test_partitions_are_pairs_whatever_their_seeds():
    """A second model is worse by 0.1 in each of two partitions, however far these lie apart."""
    parts = [accuracies(0.5, 0.7, partition="p0"), accuracies(0.8, 1.0, partition="p1")]
    parts += [accuracies(0.5, model="svm", partition="p0")]
    parts += [accuracies(0.8, model="svm", partition="p1")]
    table = inference.paired_differences(pd.concat(parts), [("gcn", "svm")])
    row = table.set_index("metric").loc["accuracy"]
    assert row["value"] == pytest.approx(0.1) and row["se"] == pytest.approx(0, abs=1e-9)


def test_seeds_that_draw_other_cells_stand_beside_themselves():
    """Each seed tests a third of the cells; of the second model there is one of three."""
    cells = accuracies(0.5, 0.7, 0.9)
    cells = cells[(cells["filename"].str.removesuffix(".bmp").astype(int) % 3) == cells["seed"]]
    second = cells[cells["seed"] == 1].assign(
        model="svm", probability=lambda t: 1 - t["probability"]
    )
    table = inference.paired_differences(pd.concat([cells, second]), [("gcn", "svm")])
    own = cells[cells["seed"] == 1]
    right = metrics.score(own["label"], own["probability"])["accuracy"]
    value = table.set_index("metric").loc["accuracy", "value"]
    assert value == pytest.approx(2 * right - 1)


def test_p_is_never_zero():
    """Every subject differs by the same: there is no error at all, and still no certainty."""
    right = predictions(10, 4)
    right["probability"] = right["label"] * 0.8 + 0.1
    wrong = right.assign(probability=1 - right["probability"], model="mlp")
    table = inference.paired_differences(pd.concat([right, wrong]), [("gcn", "mlp")])
    row = table.set_index("metric").loc["accuracy"]
    assert row["value"] == 1 and 0 < row["p"] < 1e-9 and row["outcome"] == "better"


@pytest.mark.parametrize("value", [2.2281, -2.2281])
def test_p_is_two_sided_and_of_students_t(value):
    """2.2281 errors on ten degrees of freedom are the tables' five per cent."""
    spread = inference.Spread(error=1.0, freedom=10.0, subjects=5.0, low=0.0, high=0.0)
    assert inference._p(value, spread) == pytest.approx(0.05, abs=1e-4)
    normal = inference.Spread(error=1.0, freedom=np.inf, subjects=5.0, low=0.0, high=0.0)
    assert inference._p(1e6 * value, normal) > 0


def test_an_interval_reaches_zero_where_p_is_five_per_cent():
    """Of ten degrees of freedom the tables give 2.2281 for 95 %, on either scale."""
    spread = inference.Spread(error=0.01, freedom=10.0, subjects=5.0, low=0.0, high=0.0)
    assert inference.symmetric(0.3, spread) == pytest.approx((0.277719, 0.322281), abs=1e-5)
    half = 2.2281 * 0.01 / (0.7 * 0.3)
    expected = [expit(logit(0.7) + side * half) for side in (-1, 1)]
    assert inference._transformed("roc_auc", 0.7, spread) == pytest.approx(expected, abs=1e-5)


def test_other_cells_are_not_compared():
    gcn, mlp = predictions(), predictions(cells=2).assign(model="mlp")
    with pytest.raises(InputError, match="other cells"):
        inference.paired_differences(pd.concat([gcn, mlp]), [("gcn", "mlp")])


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


def test_a_subject_of_both_classes_is_named():
    cells = clustered(6, 4)
    cells.loc[0, "label"] = 1
    with pytest.raises(InputError, match="subject s0 has cells of both classes"):
        inference.intervals(cells)


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
    return cells.assign(fold=np.where(number < 10, "fold_0", "fold_1"), n_train=60, partition="p")


def test_all_tables_are_written_from_the_predictions(compared, tmp_path):
    tables.write(compared, tmp_path, draws=20)
    assert {path.name for path in tmp_path.iterdir()} == set(TABLES)
    written = {name: pd.read_csv(tmp_path / name) for name in TABLES if name.endswith(".csv")}
    assert len(written["results.csv"]) == 2 * 2 * 3
    assert len(written["intervals.csv"]) == 2 * len(METRICS)
    assert set(map(tuple, written["differences.csv"][["first", "second"]].to_numpy())) == {
        ("gcn", "mlp")
    }
    stored = pd.read_parquet(tmp_path / "predictions.parquet")
    pd.testing.assert_frame_equal(stored, compared[[*CONTRACT, "partition"]])


def test_predictions_without_a_pair_to_compare_are_named():
    with pytest.raises(InputError, match="no pair of models"):
        tables.differences(predictions())


def test_pairs_are_of_known_models_each_once():
    assert {name for pair in PAIRS for name in pair} <= set(MODELS)
    assert len(set(PAIRS)) == len(PAIRS) and all(a != b for a, b in PAIRS)
    assert DRAWS >= 1000


def test_holms_correction_is_over_the_declared_family_alone(compared):
    renamed = compared.assign(protocol="other_partitions")
    both = pd.concat([renamed, renamed[renamed["model"] == "mlp"].assign(model="size")])
    table = tables.differences(both)
    family = table[table["family"] == "secondary"]
    keys = ["protocol", "first", "second", "metric"]
    assert set(family[keys].itertuples(index=False, name=None)) < set(SECONDARY)
    known = family[family["p"].notna()]  # without sizes nothing is known at equal size
    assert len(known) == len(family) - 1
    assert known["p_holm"].tolist() == inference.holm(known["p"]).tolist()
    assert table.drop(known.index)["p_holm"].isna().all()
    (primary,) = table[table["family"] == "primary"][keys].itertuples(index=False, name=None)
    assert primary == PRIMARY and PRIMARY not in SECONDARY


def test_the_declared_questions_are_of_known_pairs_and_metrics():
    assert len(set(SECONDARY)) == len(SECONDARY)
    for protocol, first, second, metric in (PRIMARY, *SECONDARY):
        assert protocol in PROTOCOLS and metric in METRICS
        assert (first, second) in PAIRS, "only what is compared can be declared"


@pytest.fixture(scope="module")
def published(plan):
    """Published answers: two networks and two without randomness, three seeds at most."""
    asked = [
        *plan.as_written(["gcn", "size"]),
        *plan.subject_disjoint(["gcn", "knn"]),
    ]
    asked = [a for a in asked if a.seed < 3]
    return experiments.predictions(asked, experiments.Store("unused", published=True))


def test_intervals_at_the_books_threshold_are_the_books(published):
    at = inference.intervals_at(published, [0.3, 0.5])
    keys = ["protocol", "model", "metric"]
    known = inference.intervals(published).set_index(keys)[["value", "low", "high"]]
    found = at[at["threshold"] == 0.5].set_index(keys)[["value", "low", "high"]]
    assert set(found.index.get_level_values("metric")) == set(metrics.COUNTED)
    pd.testing.assert_frame_equal(found.sort_index(), known.loc[found.index].sort_index())


def test_another_threshold_is_another_cut_of_the_same_answers(published):
    own = published[(published["protocol"] == "as_written") & (published["model"] == "gcn")]
    cut = own.assign(probability=(own["probability"] >= 0.3).astype(float))
    columns = ["value", "low", "high"]
    expected = inference.intervals(cut).set_index("metric")[columns]
    found = inference.intervals_at(own, [0.3]).set_index("metric")[columns]
    pd.testing.assert_frame_equal(found, expected.loc[found.index])
