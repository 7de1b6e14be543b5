"""Do the intervals keep their word? Studies simulated after the real subjects, truth known.

`python -m benchmarks.coverage` draws studies of as many subjects as there are, with their numbers
of cells, the spread of their cells' answers (GCN and MLP on new subjects, as published) and sizes,
in as many folds, and writes to `benchmarks/coverage.csv` how often each kind of interval holds the
true value, and how often a test finds a difference where there is none; who computed it stands
beside it in `coverage.json`. The book shows the table.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit, logit

from leukgnn import files
from leukgnn.cells import log_area, training_cells
from leukgnn.evaluation import METRICS, inference, sums
from leukgnn.experiments import Plan, open_store, predictions
from leukgnn.features import shipped_features

TARGET = Path(__file__).with_name("coverage.csv")
MODELS = ("gcn", "mlp")
OTHER_WAY = np.ix_([1, 0, 2], [1, 0, 2])  # of a covariance: the models exchanged
FOLDS = 3
MANY, TIMES = 4, 100  # the truth: mean of so many studies of so many times the subjects
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Class:
    """Subjects of one class, as studies draw them.

    Attributes
    ----------
    cells : ndarray, shape (subjects,)
        Number of cells of each real subject: drawn with replacement.
    mean, between, within : ndarray, shape (3,), (3, 3), (3, 3)
        Of the logits of both models and the log area: mean, covariance of subjects' means and of a
        subject's cells.
    """

    cells: NDArray[np.int64]
    mean: Floats
    between: Floats
    within: Floats


def learn(cells: pd.DataFrame) -> list[Class]:
    """Learn both classes from real predictions, one seed: healthy, leukemic."""
    of = cells.set_index(["label", "subject", "filename"])
    logits = {
        name: logit(of.loc[of["model"] == name, "probability"].clip(1e-4, 1 - 1e-4))
        for name in MODELS
    }
    wide = pd.DataFrame(logits)
    wide["size"] = wide.index.get_level_values("filename").map(sizes_by_cell().to_dict())
    classes = []
    for label in (0, 1):
        own = pd.DataFrame(wide.loc[label])
        by = own.groupby(level="subject")
        means, sizes = by.mean(), own.groupby(level="subject").size()
        within = (own - by.transform("mean")).cov().to_numpy()
        # Means of finitely many cells spread more than the subjects do; no variance below zero.
        values, vectors = np.linalg.eigh(means.cov().to_numpy() - within * (1 / sizes).mean())
        between = vectors @ np.diag(values.clip(min=1e-6)) @ vectors.T
        centre = np.asarray(means.mean(), dtype=np.float64)
        classes.append(Class(np.asarray(sizes, dtype=np.int64), centre, between, within))
    return classes


@cache
def sizes_by_cell() -> pd.Series:
    """Log area of every labelled cell, by filename."""
    table = training_cells()
    return pd.Series(log_area(table).to_numpy(), index=table["filename"])


@cache
def tenths() -> Floats:
    """Where one tenth of the log areas ends and the next begins."""
    edges: Floats = np.quantile(sizes_by_cell(), np.linspace(0, 1, sums.TENTHS + 1)[1:-1])
    return edges


def study(classes: list[Class], numbers: list[int], seed: int, *, same: bool) -> pd.DataFrame:
    """Draw one study; with `same` the two models are exchangeable, so neither is better."""
    generator = np.random.default_rng(abs(seed) + 10**6 * (seed < 0))
    parts = []
    for label, (kind, number) in enumerate(zip(classes, numbers, strict=True)):
        mean, covariances = kind.mean, [kind.between, kind.within]
        if same:
            mean = np.array([*np.full(2, mean[:2].mean()), mean[2]])
            covariances = [(c + c[OTHER_WAY]) / 2 for c in covariances]
        cells = generator.choice(kind.cells, number)
        of_subject = generator.multivariate_normal(mean, covariances[0], number)
        place = np.repeat(np.arange(number), cells)
        own = generator.multivariate_normal(np.zeros(3), covariances[1], len(place))
        *logits, size = (of_subject[place] + own).T
        tenth = np.searchsorted(tenths(), size)
        shared = {"subject": place, "label": label, "fold": place % FOLDS, "tenth": tenth}
        for model, values in zip(MODELS, logits, strict=True):
            parts.append(pd.DataFrame({"model": model, "probability": expit(values), **shared}))
    table = pd.concat(parts, ignore_index=True)
    names = np.where(table["label"] == 1, "a", "h") + table["subject"].astype(str)
    table = table.assign(protocol="study", seed=0, subject=names)
    return table.assign(filename=names)


def truth(classes: list[Class], numbers: list[int], *, same: bool) -> dict[tuple[str, str], float]:
    """Value of each metric, by model and of their difference, over very many subjects.

    As many healthy ones to a leukemic one as in a study: accuracy and precision depend on it.
    """
    many = [MANY * number for number in numbers]
    found: dict[tuple[str, str], list[float]] = {}
    for time in range(TIMES):
        large = sums.answers(study(classes, many, -1 - time, same=same))
        of = {model: _all(large["study", model]) for model in MODELS}
        for metric in METRICS:
            first, second = (float(of[model][metric][0, 0]) for model in MODELS)
            for name, value in zip(
                (*MODELS, "difference"), (first, second, first - second), strict=True
            ):
                found.setdefault((name, metric), []).append(value)
    means = {key: float(np.mean(values)) for key, values in found.items()}
    return means | ({("difference", metric): 0.0 for metric in METRICS} if same else {})


def _all(asked: sums.Answers) -> dict[str, Floats]:
    ones = np.ones((1, len(asked.subjects)))
    return sums.values(list(asked.sums.values()), ones, asked.leukemic)


def judge(
    classes: list[Class], numbers: list[int], seed: int, draws: int, same: bool
) -> pd.DataFrame:
    """Intervals of one study, of both models and of their difference."""
    summed = sums.answers(study(classes, numbers, seed, same=same))
    single = inference.intervals(summed, draws=draws, seed=seed).assign(p=np.nan)
    paired = inference.paired_differences(summed, [MODELS], draws=draws, seed=seed)
    columns = ["model", "metric", "low", "high", "bootstrap_low", "bootstrap_high", "p"]
    both = pd.concat([single, paired.assign(model="difference")], ignore_index=True)
    return pd.DataFrame(both[columns].assign(study=seed))


def cover(
    classes: list[Class], numbers: list[int], studies: int, draws: int, same: bool
) -> pd.DataFrame:
    """Share of studies whose intervals hold the truth, and whose test finds a difference."""
    jobs = (delayed(judge)(classes, numbers, 1 + i, draws, same) for i in range(studies))
    table = pd.concat(Parallel(n_jobs=-1)(jobs), ignore_index=True)
    true = truth(classes, numbers, same=same)
    value = pd.Series([true[key] for key in zip(table["model"], table["metric"], strict=True)])
    table["jackknife"] = (table["low"] <= value) & (value <= table["high"])
    table["bootstrap"] = (table["bootstrap_low"] <= value) & (value <= table["bootstrap_high"])
    table["found"] = (table["p"] < 0.05).where(table["p"].notna())
    rows = table.groupby(["model", "metric"])[["jackknife", "bootstrap", "found"]].mean()
    truths = [true[key] for key in rows.index]
    return pd.DataFrame(rows.assign(truth=truths, exchangeable=same, studies=studies).reset_index())


def main() -> None:
    """Simulate, print the table and write it."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--studies", type=int, default=1000)
    words.add_argument("--draws", type=int, default=1000)
    options = words.parse_args()
    plan = Plan.of(shipped_features(), "quick", seeds=1)
    cells = predictions(plan.subject_disjoint(list(MODELS)), open_store("quick"), progress=False)
    cells = sums.with_merged_subjects(cells)
    classes = learn(cells)
    numbers = [len(kind.cells) for kind in classes]
    parts = [
        cover(classes, numbers, options.studies, options.draws, same) for same in (False, True)
    ]
    table = pd.concat(parts, ignore_index=True)
    how = {"studies": options.studies, "draws": options.draws, "provenance": files.provenance()}
    files.write_json(TARGET.with_suffix(".json"), how)
    with files.atomic_path(TARGET) as temporary:
        table.to_csv(temporary, index=False, float_format="%.4f")
    print(table.to_string(index=False))


if __name__ == "__main__":
    from benchmarks import coverage  # by its name, so that workers find it

    coverage.main()
