"""The drawing of mutants, and the table that the book shows of them."""

import pandas as pd
import pytest
import yaml
from mutants import DRAWN, ROOMS, ROOT, TARGET, changed, drawn, room_tests

from leukgnn.book import building


def test_a_change_is_told_by_its_first_line():
    assert changed("a\n  b\nc\n", "a\n  d\nc\n") == (2, "b", "d")
    assert changed("a\nb\nc\nd\n", "a\nx\nc\ny\n") == (2, "b c d", "x c y")


def test_the_same_mutants_are_drawn_each_time():
    first, of = drawn("graphs")
    assert len(first) == DRAWN < of and drawn("graphs") == (first, of)
    for mutant in first:
        right = (ROOT / mutant.file).read_text(encoding="utf-8")
        assert mutant.text != right
        assert right.splitlines()[mutant.line - 1].strip() in mutant.old


def test_tests_of_a_file_are_its_rooms():
    assert room_tests("leukgnn/graphs/search.py") == "tests/graphs"
    first = "tests/experiments/test_runs.py tests/experiments"
    assert room_tests("leukgnn/experiments/runs.py") == first


def test_reasons_are_those_of_files_that_are_there():
    reasons = yaml.safe_load((ROOT / "tests" / "mutants.yml").read_text(encoding="utf-8"))
    assert reasons and all((ROOT / file).is_file() for file in reasons)


@pytest.fixture
def tried():
    return pd.read_csv(TARGET, keep_default_na=False)


def test_the_table_holds_every_room(tried):
    assert tried.groupby("room").size().between(DRAWN // 2, DRAWN).all()
    assert set(tried["room"]) == set(ROOMS)


def test_the_page_tells_scores_and_survivors(tried):
    text = building.mutants_tables(tried)
    for room in ROOMS:
        own = tried[tried["room"] == room]
        assert (
            f"| {room} | {own['of'].iloc[0]} | {len(own)} | {(own['killed_by'] != '').sum()} ("
            in text
        )
    for row in tried[tried["killed_by"] == ""].to_dict("records"):
        assert f"{row['file']}:{row['line']}" in text
        assert (row["reason"] or "a gap") in text
