"""What tables and figures read of runs besides their answers."""

from collections.abc import Sequence

import pandas as pd

from leukgnn.experiments.classifiers import classifier
from leukgnn.experiments.runs import Asked, values
from leukgnn.experiments.store import Store
from leukgnn.networks import CURVES


def curves(asked: Sequence[Asked], store: Store) -> pd.DataFrame:
    """Training curves of GCN and MLP runs.

    Returns
    -------
    DataFrame
        The columns of `networks.fit`, and `protocol`, `model`, `seed` and `fold`.
    """
    parts = [
        pd.DataFrame(value.curves, columns=CURVES).assign(
            protocol=a.protocol, model=a.model, seed=a.seed, fold=a.run.fold
        )
        for a, value in zip(asked, values(asked, store), strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def choices(asked: Sequence[Asked], store: Store) -> pd.DataFrame:
    """What each strength of a classifier reached on the inner split that chose it.

    Returns
    -------
    DataFrame
        `model`, `seed`, `fold`, `strength` and `auc`, in the order tried.
    """
    rows = [
        (a.model, a.seed, a.run.fold, strength, area)
        for a, value in zip(asked, values(asked, store), strict=True)
        for strength, area in zip(classifier(a.run.classifier).strengths, value.choice, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "fold", "strength", "auc"])
