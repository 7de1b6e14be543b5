"""What the first, flat version of this package answered is what it answers today.

`golden.json` was made by that version's own protocols on a single thread: 700 cells, k = 5, 20
epochs. Runs whose two best strengths are closer than 0.002 of ROC AUC are left out: another
processor may choose the other. By protocol, a row is draw, fold, model, seed, cells, ROC AUC and
the first probabilities.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukgnn.experiments import Plan, Sources, compute
from leukgnn.experiments import plan as planning
from leukgnn.features import shipped_features
from leukgnn.networks import Settings

RECORD = json.loads(Path(__file__).with_name("golden.json").read_text())
FIRST = 8  # probabilities of each run that are written down
LINEAR = ("logistic", "sgc", "svm_linear")  # their solvers stop early, at some tolerance
# Far above what was seen (2e-6, linear 7e-5): other processors add up in other orders.
NEAR, NEAR_LINEAR, NEAR_AUC = 1e-4, 1e-3, 2e-3


@pytest.fixture(scope="module")
def plan():
    """The record's cells and parameters."""
    shipped = shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index
    sources = Sources(shipped.take(rows.to_numpy()))
    settings = Settings(epochs=20)
    return Plan(sources=sources, k=5, settings=settings, seeds=2, partitions=1, repeats=1)


@pytest.fixture(scope="module")
def recorded(plan):
    """Runs of the plan by their names in the record."""
    short = dataclasses.replace(planning.RELEASED_SETTINGS, epochs=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "RELEASED_SETTINGS", short)
        asked = [*plan.results(), *plan.groupings(), *plan.resubstituted()]
    return {(a.protocol, a.run.partition.draw, a.run.fold, a.model, a.seed): a for a in asked}


@pytest.fixture(scope="module")
def given():
    """Answer a run in this process; equal runs, tasks and strengths are shared."""
    tasks, found = {}, {}

    def value(a):
        run = a.run
        shared = (run.features, run.partition, run.fold, run.graph, run.settings, run.seed)
        if shared not in tasks:
            tasks[shared] = run.task(a.features)
        if run.key not in found:
            first = found.get(dataclasses.replace(run, seed=run.chooser).key)
            found[run.key] = compute(run, tasks[shared], first.choice if first else None)
        return found[run.key]

    return value


@pytest.mark.parametrize("protocol", RECORD)
def test_answers_are_those_of_the_record(recorded, given, protocol):
    far = []
    for draw, fold, model, seed, cells, area, *first in RECORD[protocol]:
        a = recorded[protocol, draw, fold, model, seed]
        probability = given(a).probability
        label = a.features.table["label"].to_numpy()[a.run.asked(a.features)]
        assert len(probability) == cells, a.run.name
        distance = np.abs(probability[:FIRST] - first).max()
        of_area = abs(roc_auc_score(label, probability) - area)
        near = NEAR_LINEAR if a.run.classifier in LINEAR else NEAR
        if distance > near or of_area > NEAR_AUC:
            far.append(f"{model}, {a.run.name}: {distance:.1e}, ROC AUC {of_area:.1e}")
    assert not far, "\n".join([protocol, *far])
