"""The features' witness: last bits may differ, weights, preprocessing and cells may not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from leukgnn.experiments import features_witness
from leukgnn.experiments.features_witness import LARGEST_DIFFERENCE, sentence, witnessed
from leukgnn.features import read_features_file, shipped_features, write_features

CELLS = 400


@pytest.fixture
def shipped(monkeypatch):
    """Some of the shipped features in place of all: the search for neighbours takes seconds."""
    few = shipped_features().take(np.arange(CELLS))
    monkeypatch.setattr(features_witness, "shipped_features", lambda: few)
    return few


def rounded_elsewhere(x, share):
    """Features of which this share is the next float16: rounded up instead of down, say."""
    generator = np.random.default_rng(0)
    half = x.astype(np.float16)
    chosen = (generator.random(x.shape) < share) & (half > 0)
    half[chosen] = np.nextafter(half[chosen], np.float16(np.inf))
    return half.astype(np.float32)


def test_features_of_another_machine_give_the_shipped_ones(shipped):
    x = rounded_elsewhere(shipped.x, 0.014)
    assert 0 < (x != shipped.x).mean() < 0.014
    found, comparison = witnessed(replace(shipped, x=x))
    assert found is shipped and found.key != replace(shipped, x=x).key
    assert comparison["compared"] and comparison["agrees"]
    assert 0 < comparison["largest_difference"] <= LARGEST_DIFFERENCE
    assert comparison["same_neighbours"] >= features_witness.SAME_NEIGHBOURS
    assert comparison["k"] == 10
    assert comparison["tolerance"] == {
        "largest_difference": LARGEST_DIFFERENCE,
        "same_neighbours": features_witness.SAME_NEIGHBOURS,
    }
    assert sentence({**comparison, "largest_difference": 0.00391, "same_neighbours": 0.9982}) == (
        "The features of all cells were computed **from pixels** and compared with the shipped "
        "ones: no number differs by more than 0.0039 (allowed: 0.0078), and 99.8% of the cells "
        "have the same 10 neighbours (at least: 99%). They agree, so the shipped ones go on."
    )


def test_the_shipped_features_are_their_own_witness():
    shipped = shipped_features()
    found, comparison = witnessed(shipped)
    assert found == shipped and comparison["agrees"]
    assert comparison["largest_difference"] == 0 and comparison["same_neighbours"] == 1


def noisy(x):
    noise = np.random.default_rng(0).normal(0, 0.05, x.shape)
    return np.maximum(x + noise, 0).astype(np.float32)


def scaled(x):
    """All cosines, and so all neighbours, stay; the numbers do not."""
    return x * 2


def within_the_step(x):
    """No number differs by more than a step of float16, yet all small ones are gone."""
    return np.where(x < LARGEST_DIFFERENCE, 0, x - LARGEST_DIFFERENCE).astype(np.float32)


@pytest.mark.parametrize("changed", [noisy, scaled])
def test_features_that_differ_by_more_go_on_as_their_own(shipped, changed):
    own = replace(shipped, x=changed(shipped.x))
    found, comparison = witnessed(own)
    assert found is own
    assert comparison["compared"] and comparison["agrees"] is False
    assert comparison["largest_difference"] > LARGEST_DIFFERENCE
    assert sentence(comparison).endswith(
        "(at least: 99%). They **do not agree**, so these go on as a set of their own."
    )


def test_neighbours_count_as_well_as_numbers(shipped, monkeypatch):
    own = replace(shipped, x=within_the_step(shipped.x))
    monkeypatch.setattr(features_witness, "SAME_NEIGHBOURS", 0.9999)
    found, comparison = witnessed(own)
    assert comparison["largest_difference"] <= LARGEST_DIFFERENCE
    assert found is own and comparison["agrees"] is False


def other_weights(features):
    weights = {**features.provenance["weights"], "sha256": "0" * 64}
    return replace(features, provenance={**features.provenance, "weights": weights})


def other_preprocessing(features):
    return replace(features, provenance={**features.provenance, "preprocessing": "scaled"})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (other_weights, "other weights"),
        (other_preprocessing, "other preprocessing"),
        (lambda features: features.take(np.arange(CELLS - 1)), "other cells"),
        (lambda features: features.take(np.arange(CELLS)[::-1]), "other cells"),
    ],
    ids=["weights", "preprocessing", "fewer", "in another order"],
)
def test_what_rests_on_something_else_is_not_compared(shipped, changed, reason):
    own = changed(shipped)
    found, comparison = witnessed(own)
    assert found is own
    assert comparison == {"compared": False, "agrees": False, "reason": reason}
    assert sentence(comparison) == (
        "The features were computed **from pixels** and go on as a set of their own: they rest on "
        f"{reason} than the shipped ones, so nothing was compared."
    )


@pytest.mark.parametrize(
    ("kind", "reason"), [("_random", "other weights"), ("_unnormalised", "other preprocessing")]
)
def test_the_controls_are_other_features(kind, reason):
    own = shipped_features(kind)
    found, comparison = witnessed(own)
    assert found is own and comparison["reason"] == reason


def test_the_comparison_stands_in_the_provenance_and_changes_no_key(shipped, tmp_path):
    found, comparison = witnessed(replace(shipped, x=rounded_elsewhere(shipped.x, 0.01)))
    target = tmp_path / "features.npz"
    write_features(target, found.x, found.table, {**found.provenance, "witness": comparison})
    assert json.loads(target.with_suffix(".json").read_text())["witness"] == comparison
    assert read_features_file(target) == shipped


def test_where_nothing_was_computed_the_page_says_so():
    assert sentence({"compared": False}) == (
        "Nothing was computed from pixels, so nothing was compared with the shipped features."
    )
