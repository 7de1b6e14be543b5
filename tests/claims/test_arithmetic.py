"""What the printed figures imply, against figures worked out by hand."""

import numpy as np
import pytest

from leukgnn import cells, paper
from leukgnn.claims import arithmetic
from leukgnn.networks import GCN, parameter_count

LEUKEMIC, HEALTHY = 7272, 3389


@pytest.fixture(scope="module")
def facts():
    return arithmetic.facts(LEUKEMIC, HEALTHY)


def test_classes_are_those_of_the_manifest_and_of_the_matrix(facts):
    counts = cells.training_cells()["label"].value_counts()
    assert (counts[1], counts[0]) == (LEUKEMIC, HEALTHY)
    assert facts["printed_matrix_leukemic"] == LEUKEMIC
    assert facts["printed_matrix_healthy"] == HEALTHY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 0.789888), ("precision", 0.861287), ("recall", 0.824807),
        ("specificity", 0.714960), ("f1", 0.842652), ("f1_healthy", 0.683884),
        ("weighted_f1", 0.792182), ("balanced_accuracy", 0.769884), ("mcc", 0.528099),
    ],
)  # fmt: skip
def test_metrics_of_the_printed_matrix(facts, name, value):
    assert facts[f"printed_matrix_{name}"] == pytest.approx(value, abs=1e-6)


def test_rows_imply_three_prevalences_that_do_not_meet():
    table = arithmetic.table_1(LEUKEMIC / (LEUKEMIC + HEALTHY)).set_index("model")
    assert table["implied_prevalence"].round(3).tolist() == [0.469, 0.479, 0.461]
    ordered = table.sort_values("prevalence_low")
    assert (
        ordered["prevalence_high"].iloc[:-1].to_numpy() < ordered["prevalence_low"].iloc[1:]
    ).all()
    assert table["prevalence_low"].round(4).tolist() == [0.4668, 0.4759, 0.4577]
    assert table["prevalence_high"].round(4).tolist() == [0.4707, 0.4813, 0.4638]
    assert table["implied_accuracy"].round(3).tolist() == [0.671, 0.756, 0.790]
    assert table["implied_f1"].round(4).tolist() == [0.7548, 0.8176, 0.8426]
    within = table["implied_f1"].between(table["f1_low"], table["f1_high"], inclusive="neither")
    assert within.all() and (table["f1_high"] - table["f1_low"]).round(3).tolist() == [0.001] * 3


def test_implied_accuracy_of_a_made_up_row():
    """80 of 100 leukemic found, 20 false alarms among 100 healthy: all four figures are 0.8."""
    row = paper.Row("x", accuracy=0.8, precision=0.8, recall=0.8, f1=0.8, roc_auc=0.8)
    assert arithmetic.implied_accuracy(row, 0.5) == pytest.approx(0.8)
    assert arithmetic.implied_prevalence(row)[0] == pytest.approx(0.5)
    assert arithmetic.f1_of(row)[0] == pytest.approx(0.8)


def test_auc_bounds():
    bounds = arithmetic.auc_bounds()
    assert {name: round(value, 4) for name, value in bounds.items()} == {
        "lowest": 0.5897,
        "highest": 0.9501,
        "proper_lowest": 0.7699,
        "proper_highest": 0.9001,
        "binormal": 0.8559,
    }


def test_weights_and_missed_cells(facts):
    assert facts["printed_weight_healthy"] == pytest.approx(1.57288, abs=1e-5)
    assert facts["printed_weight_leukemic"] == pytest.approx(0.73302, abs=1e-5)
    assert facts["printed_missed_less_than_cnn"] == pytest.approx(12.06, abs=0.01)
    assert facts["printed_always_leukemic_f1"] == pytest.approx(0.8110, abs=1e-4)


def test_other_readings_do_not_join_accuracy_and_matrix():
    row = paper.TABLE_1[-1]
    prevalence = LEUKEMIC / (LEUKEMIC + HEALTHY)
    precision, f1 = arithmetic.macro_reading(row, prevalence)
    assert (round(precision, 3), round(f1, 3)) == (0.842, 0.832)
    assert arithmetic.training_accuracy(0.789888, row.accuracy) == pytest.approx(0.77286, abs=1e-5)
    assert arithmetic.pooling_gap([3527, 3581, 3553]) == pytest.approx(0.000513, abs=1e-6)
    table = arithmetic.readings(prevalence, [3527, 3581, 3553])
    assert table.columns.tolist() == ["reading", "needs", "what"]
    assert table["needs"].str.findall(r"\d\.\d+").tolist() == [
        ["0.858"], ["0.842", "0.832"], ["0.773"], ["0.846"], ["0.068"]
    ]  # fmt: skip
    assert table["what"].str.findall(r"\d\.\d+").tolist() == [
        ["0.825"], ["0.861", "0.842"], ["0.858"], ["0.858"], ["0.0005"]
    ]  # fmt: skip


def test_macro_reading_of_a_made_up_matrix():
    """108 of 120 leukemic and 48 of 80 healthy found: accuracy 0.78, mean recall 0.75."""
    row = paper.Row("x", accuracy=0.78, precision=0.0, recall=0.75, f1=0.0, roc_auc=0.0)
    precision, f1 = arithmetic.macro_reading(row, 0.6)
    assert precision == pytest.approx((108 / 140 + 48 / 60) / 2)
    assert f1 == pytest.approx((216 / 260 + 96 / 140) / 2)


def test_ceiling_of_the_sensitivity():
    """No area is left below the chord of (0, 0), the point and (1, 1), and none above the line."""
    matrix = paper.ConfusionMatrix(tn=50, fp=50, fn=20, tp=80)
    assert arithmetic.sensitivity_ceiling(0.25, 0.65, matrix) == pytest.approx(0.4)
    assert arithmetic.sensitivity_ceiling(0.25, 1.0, matrix) == pytest.approx(0.7)


def test_parameters_are_those_of_the_network(facts):
    network = GCN(hidden_channels=paper.TRAINING.hidden)
    assert facts["printed_gcn_parameters"] == parameter_count(network) == 65922


def test_rows_on_all_cells_give_the_figures_of_the_matrix(facts):
    """Misses and false alarms of a row's precision and recall on the whole training set."""
    expected = {"svm": (1876, 1630), "cnn": (1447, 1151), "gcn": (1273, 969)}
    for row in paper.TABLE_1:
        found = row.recall * LEUKEMIC
        alarms = found * (1 - row.precision) / row.precision
        assert (round(LEUKEMIC - found), round(alarms)) == expected[row.model]
        errors = LEUKEMIC - found + alarms
        implied = arithmetic.implied_accuracy(row, LEUKEMIC / (LEUKEMIC + HEALTHY))
        assert implied == pytest.approx(1 - errors / (LEUKEMIC + HEALTHY))


def test_the_rounding_interval_of_f1_is_that_of_all_that_rounds_to_the_printed_row():
    row = paper.Row("x", accuracy=0.8, precision=0.9, recall=0.6, f1=0.72, roc_auc=0.8)
    half = arithmetic.HALF
    precision, recall = np.meshgrid(
        np.linspace(0.9 - half, 0.9 + half, 11), np.linspace(0.6 - half, 0.6 + half, 11)
    )
    f1 = 2 * precision * recall / (precision + recall)
    assert arithmetic.f1_of(row) == pytest.approx((0.72, f1.min(), f1.max()))
