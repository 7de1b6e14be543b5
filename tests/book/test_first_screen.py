"""The first screen: question, answer and picture come from the tables, and turn with them."""

import shutil

import pandas as pd
import pytest

from leukgnn.book import first_screen
from leukgnn.book.published import FOLDER
from leukgnn.evaluation import OUTCOMES, PRIMARY
from leukgnn.text import NBSP


@pytest.fixture
def tables(tmp_path):
    """The published tables, to be changed."""
    for name in ("intervals.csv", "differences.csv"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def change(folder, name, key, **values):
    table = pd.read_csv(folder / name)
    rows = pd.concat([table[column] == value for column, value in key.items()], axis=1).all(axis=1)
    assert rows.sum() == 1
    for column, value in values.items():
        table.loc[rows, column] = value
    table.to_csv(folder / name, index=False)


def answer(folder):
    return first_screen.generated(folder)["answer"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_answer_is_that_of_the_primary_question(tables, outcome):
    key = dict(zip(("protocol", "first", "second", "metric"), PRIMARY, strict=True))
    change(tables, "differences.csv", key, outcome=outcome, value=0.1234)
    text = answer(tables).replace(NBSP, " ")
    assert text.startswith(f"**{first_screen.ANSWERS[outcome]}.** Asked about cells of people")
    assert "+0.123 [" in text and f"(*{outcome}*" in text


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(-0.3, -0.1, "worse"), (-0.3, 0.1, "undecided"), (-0.01, 0.01, "equivalent")],
)
def test_the_answer_says_what_comes_of_weighing_people_alike(tables, low, high, word):
    key = dict(zip(("protocol", "first", "second", "metric"), PRIMARY, strict=True))
    given = {"by_subject": -0.0456, "by_subject_low": low, "by_subject_high": high}
    change(tables, "differences.csv", key, **given)
    text = answer(tables).replace(NBSP, " ")
    assert f"beforehand, the difference is -0.046 [{low:+.3f}, {high:+.3f}] (*{word}*);" in text


def test_a_secondary_comparison_is_told_with_its_corrected_p(tables):
    key = dict(zip(("protocol", "first", "second"), PRIMARY, strict=False))
    key["metric"] = "size_adjusted_auc"
    change(tables, "differences.csv", key, outcome="worse", p=0.0126, p_holm=0.1138)
    assert "(*worse*, p 0.114 after Holm's correction" in answer(tables)


def test_every_accuracy_is_the_tables(tables):
    for number, (protocol, model) in enumerate(
        [("as_written", "gcn"), ("subject_disjoint", "gcn"), ("subject_disjoint", "size")]
    ):
        key = {"protocol": protocol, "model": model, "metric": "accuracy"}
        once = {"by_subject": 0.0101 * number, "by_subject_low": 0.0, "by_subject_high": 0.9}
        change(tables, "intervals.csv", key, value=0.1111 * (number + 1), **once)
    text = answer(tables).replace(NBSP, " ")
    assert "gives 0.111 [" in text and "people give 0.222 [" in text and "gives 0.333 [" in text
    assert "(every person weighed alike: 0.010 [0.000, 0.900])" in text
    assert "] (so weighed: 0.020 [0.000, 0.900])." in text
    assert "accuracy of 0.858 and a confusion matrix that gives 0.790" in text


def test_the_picture_has_a_version_for_each_theme_and_shows_all_rows(tables, tmp_path):
    first_screen.draw(tables, tmp_path)
    light, dark = ((tmp_path / f"first_{theme}.svg").read_bytes() for theme in ("light", "dark"))
    assert light != dark and b"#14181e" in dark
    first_screen.draw(tables, tmp_path)
    assert (tmp_path / "first_light.svg").read_bytes() == light, "the same bytes each time"
    text = first_screen.generated(tables)["first"]
    assert "first_light.svg" in text and "first_dark.svg" in text


def test_the_cnn_is_told_with_its_trainings_or_not_at_all(tables, tmp_path):
    key = dict(zip(("protocol", "model", "metric"), first_screen.CNN, strict=True))
    change(tables, "intervals.csv", key, seeds=7, sd=0.4321)
    told = first_screen.generated(tables)["first"]
    assert "its 7 trainings lie apart (standard deviation 0.432:" in told
    rows = pd.read_csv(tables / "intervals.csv")
    rows[rows["model"] != "cnn"].to_csv(tables / "intervals.csv", index=False)
    assert "CNN" not in first_screen.generated(tables)["first"]
    first_screen.draw(tables, tmp_path)
    assert "cnn" not in (tmp_path / "figures" / "first.csv").read_text().lower()
