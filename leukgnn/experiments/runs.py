"""A run: one trained classifier asked about its test cells, computed once and read again.

A run is known by its description; its key is the SHA-256 of that. Whoever wants answers asks for
runs by description: what the store holds is read, what it lacks is computed side by side and
stored. Nobody else trains.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed, parallel_config
from tqdm import tqdm

from leukgnn import files
from leukgnn.experiments import classifiers
from leukgnn.experiments.partitions import Partition
from leukgnn.experiments.splits import Mask, Split
from leukgnn.experiments.store import Store, Value
from leukgnn.experiments.tasks import Task
from leukgnn.features import Features
from leukgnn.graphs import Builder, NoGraph
from leukgnn.networks import Settings

PREDICTIONS = [
    "protocol", "model", "seed", "fold", "filename", "subject", "label", "probability", "n_train",
    "partition", "prevalence",
]  # fmt: skip
FORMAT = 1  # of descriptions: another number makes every run another one


@dataclass(frozen=True, kw_only=True)
class Run:
    """Description of one trained classifier asked about its test cells.

    What does not matter to the classifier is left out of the key: cell size knows no graph, and
    the MLP's answers are the same for every k.

    Attributes
    ----------
    features : str
        `Features.key`.
    partition : Partition
    fold : str
        Of the partition.
    classifier : str
        Of `classifiers.CLASSIFIERS`.
    graph : Builder
    settings : Settings
    seed : int
    chooser : int
        Seed of the inner split that chooses a strength.
    everywhere : bool
        Ask about all cells, training cells included, as the paper's matrix counts them.
    """

    features: str
    partition: Partition
    fold: str
    classifier: str
    graph: Builder
    settings: Settings
    seed: int
    chooser: int
    everywhere: bool = False

    @cached_property
    def description(self) -> str:
        """Canonical JSON of all that the answers depend on."""
        kind = classifiers.classifier(self.classifier)
        graph = self.graph if kind.graph else NoGraph(transductive=self.graph.transductive)
        parts: dict[str, Any] = {
            "format": FORMAT,
            "features": self.features,
            "partition": asdict(self.partition),
            "fold": self.fold,
            "classifier": self.classifier,
        }
        if kind.graph or kind.trained:
            parts["graph"] = {"kind": type(graph).__name__, **asdict(graph)}  # type: ignore[call-overload]
        if kind.trained:
            parts |= {"settings": self.settings.described(graph=kind.graph), "seed": self.seed}
        if kind.strengths:
            parts["chooser"] = self.chooser
        if self.everywhere:
            parts["everywhere"] = True
        return json.dumps(parts, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """SHA-256 of the description, in hexadecimal."""
        return files.sha256_bytes(self.description.encode())

    @property
    def name(self) -> str:
        """How messages call it, such as ``gcn, official fold_0, seed 3 (1a2b3c4d5e6f)``."""
        place = f"{self.partition.name} {self.fold}"
        return f"{self.classifier}, {place}, seed {self.seed} ({self.key[:12]})"

    @property
    def shared(self) -> tuple[Any, ...]:
        """What runs of one task have in common, and with it graph and networks."""
        return self.features, self.partition, self.fold, self.graph, self.settings, self.seed

    def task(self, features: Features) -> Task:
        """The question that this run asks of its classifier."""
        split = self.partition.split(features, self.fold)
        return Task(
            features=features, split=split, graph=self.graph, seed=self.seed, settings=self.settings
        )

    def asked(self, features: Features) -> Mask:
        """Cells that it answers for, shape (n,), bool."""
        split = self.partition.split(features, self.fold)
        return np.ones_like(split.test) if self.everywhere else split.test


@dataclass(frozen=True)
class Asked:
    """A run that a table shows, under the names that it has there.

    Attributes
    ----------
    protocol, model : str
        Of `names`.
    seed : int
        Of the run, or of the draw of its partition.
    run : Run
    features : Features
        What `run.features` is the key of.
    """

    protocol: str
    model: str
    seed: int
    run: Run
    features: Features


def compute(run: Run, task: Task, areas: np.ndarray | None = None) -> Value:
    """Compute a run: train, ask, and keep what a table or figure may want of it.

    Parameters
    ----------
    run : Run
    task : Task
        `run.task(...)`; runs that differ in their classifier alone may share it, and so networks.
    areas : ndarray, optional
        Of `classifiers.choice` where they are known already.
    """
    if areas is None:
        areas = classifiers.choice(run.classifier, task, run.chooser)
    probability = classifiers.answer(run.classifier, task, areas)
    curves = {"gcn": "trained_gcn", "mlp": "trained_mlp"}.get(run.classifier)
    return Value(
        probability=probability[run.asked(task.features)].astype(np.float32),
        curves=getattr(task, curves)[1].to_numpy() if curves else np.zeros((0, 0)),
        choice=areas,
    )


def fill(
    asked: Sequence[Asked],
    store: Store,
    *,
    choices: Mapping[str, np.ndarray] | None = None,
    progress: bool = True,
) -> int:
    """Compute and store what the store lacks, as many at a time as there are cores.

    Interrupted, the same call goes on where it stopped.

    Parameters
    ----------
    asked : sequence of Asked
    store : Store
    choices : mapping of str to ndarray, optional
        By key, what `Value.choice` is known to be: strengths are then not chosen again.
    progress : bool
        Show a bar.

    Returns
    -------
    int
        How many runs were computed.
    """
    missing = {a.run.key: a for a in asked if a.run not in store}
    jobs = list(_jobs(missing.values()))
    with (
        parallel_config("loky", inner_max_num_threads=1),
        tqdm(total=len(missing), desc="runs", unit="run", disable=not progress or not jobs) as bar,
    ):
        # Without max_nbytes=None arrays would arrive read-only, which PyTorch warns about.
        workers = Parallel(
            n_jobs=min(cpu_count(), len(jobs)) or 1,
            max_nbytes=None,
            return_as="generator_unordered",
        )
        for done in workers(delayed(_work)(job, store, choices or {}) for job in jobs):
            bar.update(done)
    return len(missing)


def _jobs(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    """Runs that share a task go together.

    First seeds come first: they choose the strengths that later seeds read.
    """
    groups: dict[tuple[Any, ...], list[Asked]] = {}
    for a in sorted(asked, key=lambda a: a.seed):
        groups.setdefault(a.run.shared, []).append(a)
    yield from groups.values()


def _work(job: list[Asked], store: Store, choices: Mapping[str, np.ndarray]) -> int:
    """Compute and store the runs of one task."""
    features = job[0].features
    task = job[0].run.task(features)
    for a in job:
        areas = choices.get(a.run.key)
        chooser = replace(a.run, seed=a.run.chooser)
        if areas is None and chooser != a.run:
            known = store.read(chooser)
            areas = known.choice if known else None
        store.write(a.run, compute(a.run, task, areas))
    return len(job)


def values(asked: Sequence[Asked], store: Store, *, progress: bool = True) -> list[Value]:
    """Answers of these runs in their order, read or computed."""
    fill(asked, store, progress=progress)
    return [store.get(a.run) for a in asked]


def predictions(asked: Sequence[Asked], store: Store, *, progress: bool = True) -> pd.DataFrame:
    """Answers of these runs, cell by cell.

    Returns
    -------
    DataFrame
        The columns of the contract `predictions.parquet`, `n_train`, `prevalence` (share of
        leukemic cells among those trained on) and `partition`; fold is the fold whose network
        answered, by a name of its own where a protocol has several partitions.
    """
    found = values(asked, store, progress=progress)
    parts = [_cells(a.features)[:, a.run.asked(a.features)] for a in asked]
    filename, subject, label = np.concatenate(parts, axis=1)
    per_run = {
        "protocol": [a.protocol for a in asked],
        "model": [a.model for a in asked],
        "seed": [a.seed for a in asked],
        "fold": [_fold(a.run) for a in asked],
        "partition": [a.run.partition.name for a in asked],
        "n_train": [int(_split(a).train.sum()) for a in asked],
        "prevalence": [_prevalence(a) for a in asked],
    }
    cells = pd.DataFrame(per_run).loc[
        np.repeat(range(len(asked)), [part.shape[1] for part in parts])
    ]
    probability = np.concatenate([value.probability for value in found]).astype(np.float64)
    own = {"filename": filename, "subject": subject, "label": label.astype(np.int64)}
    return cells.assign(**own, probability=probability).reset_index(drop=True)[PREDICTIONS]


@lru_cache(maxsize=8)
def _cells(features: Features) -> np.ndarray:
    """Filename, subject and label of all cells, shape (3, n), object."""
    return features.table[["filename", "subject", "label"]].to_numpy(dtype=object).T


def _fold(run: Run) -> str:
    """Name of a run's fold, unlike that of any other partition of the same kind and seed."""
    grouped = run.partition.folds is not None
    return f"{run.fold} of draw {run.partition.draw}" if grouped else run.fold


def _prevalence(asked: Asked) -> float:
    return float(asked.features.table["label"].to_numpy()[_split(asked).train].mean())


def _split(asked: Asked) -> Split:
    return asked.run.partition.split(asked.features, asked.run.fold)
