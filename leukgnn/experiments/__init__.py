"""Who is trained, who is asked: splits, tasks, classifiers, and the runs of all protocols."""

from leukgnn.experiments.classifiers import CLASSIFIERS, PASSES, answer, choice
from leukgnn.experiments.control import planted
from leukgnn.experiments.faults import scaled_on_all, shuffled_labels, unrelated_labels
from leukgnn.experiments.leakage import groupings, near_duplicates
from leukgnn.experiments.partitions import Partition
from leukgnn.experiments.plan import Plan, Sources, shard
from leukgnn.experiments.reading import REFERENCES, choices, curves, reference
from leukgnn.experiments.readings import READINGS
from leukgnn.experiments.reasons import falls
from leukgnn.experiments.runs import Asked, Run, compute, fill, predictions, values
from leukgnn.experiments.splits import (
    Split,
    check_disjoint,
    grouped_folds,
    inner_split,
    official_folds,
    stratified_split,
)
from leukgnn.experiments.store import Store, Value, open_store
from leukgnn.experiments.tasks import Task

__all__ = [
    "CLASSIFIERS",
    "PASSES",
    "READINGS",
    "REFERENCES",
    "Asked",
    "Partition",
    "Plan",
    "Run",
    "Sources",
    "Split",
    "Store",
    "Task",
    "Value",
    "answer",
    "check_disjoint",
    "choice",
    "choices",
    "compute",
    "curves",
    "falls",
    "fill",
    "grouped_folds",
    "groupings",
    "inner_split",
    "near_duplicates",
    "official_folds",
    "open_store",
    "planted",
    "predictions",
    "reference",
    "scaled_on_all",
    "shard",
    "shuffled_labels",
    "stratified_split",
    "unrelated_labels",
    "values",
]
