"""What answers are worth: metrics, intervals and tests over subjects, result tables."""

from leukgnn.evaluation.inference import (
    LEVEL,
    design_effect,
    holm,
    intervals,
    paired_differences,
    subject_decisions,
)
from leukgnn.evaluation.metrics import (
    METRICS,
    SENSITIVITY,
    brier,
    calibration,
    calibration_error,
    confusion,
    from_counts,
    results_table,
    score,
    specificity_at,
    threshold_at,
)
from leukgnn.evaluation.tables import CONTRACT, DRAWS, PAIRS

__all__ = [
    "CONTRACT",
    "DRAWS",
    "LEVEL",
    "METRICS",
    "PAIRS",
    "SENSITIVITY",
    "brier",
    "calibration",
    "calibration_error",
    "confusion",
    "design_effect",
    "from_counts",
    "holm",
    "intervals",
    "paired_differences",
    "results_table",
    "score",
    "specificity_at",
    "subject_decisions",
    "threshold_at",
]
