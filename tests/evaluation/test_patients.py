"""People: who is decided about, exact intervals, and decisions from a few cells."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from leukgnn import evaluation
from leukgnn.cells import known_merged_subjects
from leukgnn.evaluation import patients
from leukgnn.files import InputError


def cells(probability, subject, label, **more):
    n = len(probability)
    given = {"protocol": "p", "model": "gcn", "seed": 0, "partition": "", "fold": "f", **more}
    return pd.DataFrame(
        {
            **{name: [value] * n if np.isscalar(value) else value for name, value in given.items()},
            "filename": [f"{i}.bmp" for i in range(n)],
            "subject": subject,
            "label": label,
            "probability": probability,
        }
    )


def test_a_person_is_decided_by_the_mean_of_all_cells():
    table = cells([0.9, 0.9, 0.0, 0.4, 0.4], ["a", "a", "a", "b", "b"], [1, 1, 1, 0, 0])
    decided = evaluation.decisions(table).set_index("subject")
    assert decided["probability"].to_dict() == pytest.approx({"a": 0.6, "b": 0.4})
    assert decided["filename"].to_dict() == {"a": "a", "b": "b"}  # a person stands for a cell


def test_linked_names_are_one_person_before_anything_is_counted():
    """Two names with equal files: one wrong and one right name make one person, by the mean."""
    linked = pd.Series(known_merged_subjects())
    person = next(name for name, n in linked.value_counts().items() if n > 1)
    first, second = linked.index[linked == person][:2]
    table = cells([0.2, 0.9, 0.9, 0.1], [first, second, second, "b"], [1, 1, 1, 0])
    decided = evaluation.decisions(table)
    assert len(decided) == 2
    leukemic = decided[decided["label"] == 1]
    assert leukemic["probability"].item() == pytest.approx(2 / 3)
    found = evaluation.shares(decided).set_index("metric")
    assert found["people"].to_dict() == {"accuracy": 2, "recall": 1, "specificity": 1}


def test_a_person_of_several_folds_has_the_fold_of_most_cells():
    table = cells([0.9] * 3 + [0.1], list("aaab"), [1, 1, 1, 0], fold=["x", "y", "y", "x"])
    assert evaluation.decisions(table).set_index("subject")["fold"].to_dict() == {
        "a": "y",
        "b": "x",
    }


@pytest.mark.parametrize(("right", "people"), [(0, 5), (5, 5), (38, 39), (15, 21), (1, 2)])
def test_intervals_of_shares_are_exact(right, people):
    expected = binomtest(right, people).proportion_ci(0.95, method="exact")
    assert evaluation.exact(right, people) == pytest.approx((expected.low, expected.high))


def test_a_mean_over_seeds_lies_between_whole_numbers():
    low, high = evaluation.exact(14.5, 21)
    assert evaluation.exact(14, 21)[0] < low < evaluation.exact(15, 21)[0]
    assert evaluation.exact(14, 21)[1] < high < evaluation.exact(15, 21)[1]


@pytest.mark.parametrize(("right", "people"), [(3, 2), (-1, 2), (0, 0)])
def test_impossible_shares_are_refused(right, people):
    with pytest.raises(InputError, match=f"{right} of {people} people"):
        evaluation.exact(right, people)


def test_shares_are_means_over_seeds_of_people_and_not_of_cells():
    """Seed 0 is right about all, seed 1 misses the healthy one, who has most of the cells."""
    subject, label = ["a", "b", "h", "h", "h", "h"], [1, 1, 0, 0, 0, 0]
    seeds = [cells([0.9, 0.9, *[wrong] * 4], subject, label, seed=seed)
             for seed, wrong in enumerate((0.1, 0.8))]  # fmt: skip
    found = evaluation.shares(evaluation.decisions(pd.concat(seeds))).set_index("metric")
    assert found["right"].to_dict() == {"accuracy": 2.5, "recall": 2, "specificity": 0.5}
    assert found.loc["accuracy", "value"] == pytest.approx(2.5 / 3)
    assert tuple(found.loc["specificity", ["low", "high"]]) == evaluation.exact(0.5, 1)


def test_a_person_at_the_threshold_counts_as_leukemic():
    decided = evaluation.decisions(cells([0.5, 0.5], ["a", "h"], [1, 0]))
    found = evaluation.shares(decided).set_index("metric")["right"]
    assert found.to_dict() == {"accuracy": 1, "recall": 1, "specificity": 0}


@pytest.fixture(scope="module")
def noisy():
    """Ten people with 30 cells, whose cells scatter about 0.7 or 0.3, and one with 3 cells."""
    generator = np.random.default_rng(0)
    subject = [f"s{i}" for i in range(10) for _ in range(30)] + ["few"] * 3
    label = np.array([i % 2 for i in range(10) for _ in range(30)] + [1] * 3)
    probability = (0.3 + 0.4 * label + generator.normal(0, 0.4, len(label))).clip(0, 1)
    one = cells(probability, subject, label)
    return pd.concat([one, one.assign(model="mlp", probability=1 - one["probability"])])


def test_more_cells_of_a_person_make_surer_decisions(noisy):
    few = evaluation.by_cells(noisy, (1, 5, 30), draws=10)
    assert "few" not in set(few["subject"]), "people with fewer cells are left out for all"
    found = evaluation.shares(few[few["model"] == "gcn"]).query("metric == 'accuracy'")
    values = found.set_index("protocol")["value"]
    assert values["1"] < values["5"] < values["30"] == 1
    assert set(few["seed"]) == set(range(10))


def test_each_draw_takes_other_cells(noisy):
    few = evaluation.by_cells(noisy, (2,), draws=4)
    own = few[(few["model"] == "gcn") & (few["subject"] == "s0")]
    assert own["probability"].nunique() == 4


def test_all_of_a_persons_cells_give_the_decision_itself(noisy):
    whole = evaluation.by_cells(noisy, (30,), draws=2)
    own = evaluation.decisions(noisy).set_index(["model", "subject"])["probability"]
    drawn = whole[whole["seed"] == 1].set_index(["model", "subject"])["probability"]
    assert drawn.to_dict() == pytest.approx(own[drawn.index].to_dict())


def test_models_are_asked_about_the_same_cells(noisy):
    few = evaluation.by_cells(noisy, (2,), draws=3).set_index(["model", "seed", "subject"])
    both = few["probability"]
    assert (1 - both["mlp"]).to_dict() == pytest.approx(both["gcn"].to_dict())


def test_too_few_people_with_so_many_cells_are_named(noisy):
    with pytest.raises(InputError, match="cells=31: too few people"):
        patients.by_cells(noisy, (1, 31))


def test_power_is_the_share_of_studies_that_delongs_interval_finds():
    """The same draws, study by study, with scikit-learn's areas and DeLong's placements."""
    given = {"area": 0.8, "correlation": 0.5, "leukemic": 12, "healthy": 9, "studies": 40}
    table = evaluation.power([0.1], **given, seed=3)
    drawn = np.random.default_rng(3).multivariate_normal(
        [0, 0], [[1, 0.5], [0.5, 1]], size=(40, 21)
    )
    label = np.array([1] * 12 + [0] * 9)
    found = 0
    for scores in drawn + label[:, None] * np.sqrt(2) * norm.ppf([0.8, 0.9]):
        positive, negative = scores[:12], scores[12:]
        per_leukemic = np.array(
            [[(p > negative[:, m]).mean() for p in positive[:, m]] for m in (0, 1)]
        )
        per_healthy = np.array(
            [[(n < positive[:, m]).mean() for n in negative[:, m]] for m in (0, 1)]
        )
        gain = roc_auc_score(label, scores[:, 1]) - roc_auc_score(label, scores[:, 0])
        assert gain == pytest.approx(per_leukemic[1].mean() - per_leukemic[0].mean())
        variance = (
            np.var(per_leukemic[1] - per_leukemic[0], ddof=1) / 12
            + np.var(per_healthy[1] - per_healthy[0], ddof=1) / 9
        )
        found += gain > 1.959964 * variance**0.5
    assert 0 < found < 40
    assert table.to_dict("records") == [{"gain": 0.1, "power": pytest.approx(found / 40)}]


def test_power_grows_with_gain_people_and_correlation_and_is_small_without_gain():
    given = {"area": 0.85, "correlation": 0.6, "leukemic": 40, "healthy": 25}
    by_gain = evaluation.power([0.0, 0.03, 0.06, 0.1], **given)["power"]
    assert by_gain.is_monotonic_increasing and by_gain[0] < 0.05 and by_gain[3] > 0.6
    for more in ({"leukemic": 400, "healthy": 250}, {"correlation": 0.95}):
        assert evaluation.power([0.03], **{**given, **more})["power"][0] > by_gain[1] + 0.15


def test_impossible_studies_are_refused():
    given = {"correlation": 0.5, "healthy": 9}
    with pytest.raises(InputError, match="1 leukemic and 9 healthy people: expected 2 of each"):
        evaluation.power([0.1], area=0.8, leukemic=1, **given)
    with pytest.raises(InputError, match=r"area=0\.8 with gains up to 0\.2: expected areas within"):
        evaluation.power([0.2], area=0.8, leukemic=9, **given)


def test_correlations_are_within_people_and_not_between_them():
    """Within each person answers fall as the value grows; between people they grow."""
    table = cells(
        [0.3, 0.2, 0.1, 0.9, 0.8, 0.7, 0.5, 0.5],
        ["a"] * 3 + ["b"] * 3 + ["c"] * 2,
        [0] * 3 + [1] * 5,
    )
    values = pd.Series([1, 2, 3, 11, 13, 12, 5, 5], index=table["filename"])
    found = evaluation.within_people(table, values).set_index("subject")
    assert found["correlation"].to_dict() == pytest.approx({"a": -1, "b": -0.5})
    assert found.loc["b", ["label", "cells"]].tolist() == [1, 3]
    again = pd.concat([table, table.assign(seed=1, probability=1 - table["probability"])])
    averaged = evaluation.within_people(again, values).set_index("subject")["correlation"]
    assert averaged.to_dict() == pytest.approx({"a": 0, "b": 0})


def test_a_mean_over_people_has_students_interval():
    found = evaluation.over_people(pd.Series([0.1, 0.2, 0.4, 0.5]))
    error = np.std([0.1, 0.2, 0.4, 0.5], ddof=1) / 2
    assert found["value"] == pytest.approx(0.3)
    assert found["high"] - found["value"] == pytest.approx(3.182446 * error)
    assert found["value"] - found["low"] == pytest.approx(3.182446 * error)
    assert found["outcome"] == "better" and found["effective_subjects"] == 4
    assert evaluation.over_people(pd.Series([-0.1, 0.1, 0.3]))["outcome"] == "undecided"
    with pytest.raises(InputError, match="1 people: an interval over people needs 2"):
        evaluation.over_people(pd.Series([0.1]))
