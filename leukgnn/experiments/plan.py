"""What the book shows, written down once: which classifiers under which protocols, which seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from leukgnn.experiments.classifiers import PASSES
from leukgnn.experiments.control import planted
from leukgnn.experiments.faults import scaled_on_all, shuffled_labels
from leukgnn.experiments.partitions import Partition
from leukgnn.experiments.readings import READINGS
from leukgnn.experiments.runs import Asked, Run
from leukgnn.features import Features, all_sizes, control_features, shipped_features
from leukgnn.files import InputError
from leukgnn.graphs import Attached, Builder, Cliques, Joined
from leukgnn.names import FEW_CELLS, GRAPHS, GROUPINGS, NETWORKS, POOLINGS, REASONS
from leukgnn.networks import Settings
from leukgnn.paper import GRAPH, RELEASED, TRAINING
from leukgnn.profiles import profile

SEEDS = 10  # of whatever is random
PARTITIONS = 20  # of the subjects, other than the official folds
PARTITION_SEEDS = 3  # for each of them
REPEATS = 3  # partitions for each way of grouping
FOLDS = 3  # of those partitions
KS = (2, 5, 20, 50)  # beside the paper's k
SIMILARITY = 0.998  # least cosine of two near-duplicates
READING_SEEDS = 2  # of each reading of the paper
NETWORK_SEEDS = 5  # of the other graph networks
GRAPH_SEEDS = 5  # of the GCN on other graphs
OWN_SEEDS = 5  # where cells hear their own person's
REASON_SEEDS = 5  # of networks whose answers are explained
MINIBATCH_EPOCHS = 10  # epochs of the mini-batch reading: each is some two hundred steps
RELEASED_SETTINGS = Settings(
    hidden=RELEASED.hidden,
    learning_rate=RELEASED.learning_rate,
    weight_decay=RELEASED.weight_decay,
    epochs=RELEASED.epochs,
    weighted=False,
)
PERSON_HIDDEN, PERSON_EPOCHS = 64, 200  # of networks that pool: a step is some forty bags


@dataclass(frozen=True)
class Sources:
    """Feature sets by what they are for; the controls' are read when asked for.

    Attributes
    ----------
    paper : Features
        The paper's: pretrained weights, normalised pixels.

    Raises
    ------
    InputError
        When the features are of an encoder trained on these cells: to it no subject is new.
    """

    paper: Features

    def __post_init__(self) -> None:
        if self.paper.provenance["weights"].get("own"):
            raise InputError(
                f"{self.paper.origin} These weights were trained on the cells, so nothing can be "
                "measured on new subjects; give features of other weights."
            )

    @cached_property
    def random(self) -> Features:
        """The same cells through an untrained network."""
        return control_features("_random", self.paper.table)

    @cached_property
    def unnormalised(self) -> Features:
        """The same cells, pixels not normalised, as in the released code."""
        return control_features("_unnormalised", self.paper.table)

    @cached_property
    def sizes(self) -> Features:
        """All labelled cells, without features: their size is known."""
        return all_sizes()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Descriptions of runs for given features and parameters; the defaults are the book's.

    Attributes
    ----------
    sources : Sources
    k, edges
        Of the k-NN graph.
    settings : Settings
        Of the networks.
    test_share : float
        Of the cells, in the protocol as written.
    seed : int
        The first seed.
    seeds, partitions, partition_seeds, repeats : int
        How many seeds, other partitions, seeds for each of them, and partitions for each grouping.
    folds : int
        Of those partitions.
    ks : tuple of int
        Other k for the sweep.
    similarity : float
        Least cosine of near-duplicates.
    reading_seeds : int
        Of every reading of the paper, dose of smoothing and control.
    network_seeds : int
        Of the other graph networks.
    graph_seeds : int
        Of the GCN on other graphs.
    own_seeds : int
        Where cells hear their own person's cells.
    person_epochs : int
        Of networks that pool a person's cells.
    reason_seeds : int
        Of networks whose answers are explained.
    minibatch_epochs : int
    """

    sources: Sources
    k: int = GRAPH.k
    edges: str = GRAPH.edges
    settings: Settings = field(default_factory=Settings)
    test_share: float = TRAINING.test_share
    seed: int = TRAINING.seed
    seeds: int = SEEDS
    partitions: int = PARTITIONS
    partition_seeds: int = PARTITION_SEEDS
    repeats: int = REPEATS
    folds: int = FOLDS
    ks: tuple[int, ...] = KS
    similarity: float = SIMILARITY
    reading_seeds: int = READING_SEEDS
    network_seeds: int = NETWORK_SEEDS
    graph_seeds: int = GRAPH_SEEDS
    own_seeds: int = OWN_SEEDS
    person_epochs: int = PERSON_EPOCHS
    reason_seeds: int = REASON_SEEDS
    minibatch_epochs: int = MINIBATCH_EPOCHS

    @classmethod
    def of(cls, features: Features, name: str, **parameters: Any) -> "Plan":
        """Plan for a profile: few of everything for features that no published run knows.

        Parameters
        ----------
        features : Features
            The paper's; the control features of the same cells stand beside them.
        name : str
            Of a profile.
        **parameters
            Fields of `Plan`, such as ``k=20``.
        """
        plan = cls(sources=Sources(features), **parameters)
        if features == shipped_features():
            return plan
        few = {key: min(most, getattr(plan, key)) for key, most in profile(name).few.items()}
        return replace(plan, **few)

    def __post_init__(self) -> None:
        for name in (
            "seeds", "partitions", "partition_seeds", "repeats", "reading_seeds", "network_seeds",
            "graph_seeds", "own_seeds", "reason_seeds",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: expected at least 1.")

    @property
    def joined(self) -> Joined:
        """One graph over all cells."""
        return Joined(k=self.k, edges=self.edges)

    @property
    def attached(self) -> Attached:
        """Graph of the training cells, test cells attached."""
        return Attached(k=self.k, edges=self.edges)

    def _counted(self, number: int) -> range:
        """That many seeds, counted up from the first."""
        return range(self.seed, self.seed + number)

    def _folds(self, partition: Partition, features: Features) -> list[str]:
        return [split.fold for split in partition.splits(features)]

    def _ask(
        self,
        protocol: str,
        models: Iterable[str] | dict[str, str],
        partition: Partition,
        seeds: Iterable[int],
        *,
        graph: Builder,
        features: Features | None = None,
        settings: Settings | None = None,
        chooser: int | None = None,
        everywhere: bool = False,
    ) -> list[Asked]:
        """Runs of these models on every fold, for every seed; models may name other classifiers."""
        features = features or self.sources.paper
        classifiers = models if isinstance(models, dict) else {name: name for name in models}
        return [
            Asked(
                protocol,
                model,
                seed,
                Run(
                    features=features.key,
                    partition=partition,
                    fold=fold,
                    classifier=name,
                    graph=graph,
                    settings=settings or self.settings,
                    seed=seed,
                    chooser=seed if chooser is None else chooser,
                    everywhere=everywhere,
                ),
                features,
            )
            for model, name in classifiers.items()
            for seed in seeds
            for fold in self._folds(partition, features)
        ]

    def as_written(self, models: Sequence[str] | None = None) -> list[Asked]:
        """The paper's text (IV.D): 80/20 by cell, one graph over all cells, one draw a seed."""
        networks = ("gcn", "mlp", "svm", "majority")
        controls = (
            "correct_and_smooth", "size", "logistic", "svm_linear", "knn", "label_propagation",
            "sgc", "gcn_random_graph", "gcn_masked",
        )  # fmt: skip
        asked = []
        for seed in self._counted(self.seeds):
            draw = self._drawn(seed)
            asked += self._ask(
                "as_written", (*networks, *controls), draw, [seed], graph=self.joined
            )
            asked += self._ask(
                "as_written", {"gcn_all_nodes": "gcn"}, draw, [seed],
                graph=self.joined, everywhere=True,
            )  # fmt: skip
            asked += self._ask(
                "as_written", {"gcn_random_weights": "gcn", "mlp_random_weights": "mlp"}, draw,
                [seed], graph=self.joined, features=self.sources.random,
            )  # fmt: skip
        first = self._drawn(self.seed)
        asked += self._ask(
            "as_written", {"size_all": "size"}, first, [self.seed],
            graph=self.joined, features=self.sources.sizes,
        )  # fmt: skip
        return _chosen(asked, models)

    def _drawn(self, seed: int) -> Partition:
        return Partition(by="share", share=self.test_share, draw=seed)

    def as_released(self, models: Sequence[str] | None = None) -> list[Asked]:
        """The authors' released code: trained on all cells and measured on them.

        K-means cliques with one-way edges ("gcn"), the same with the reverse edges added
        ("gcn_reverse"), and the network without graph ("mlp"); 64 hidden units, Adam 0.01, 200
        epochs, no weight decay, no class weights, pixels not normalised.
        """
        everyone, seeds = Partition(by="all"), self._counted(self.seeds)
        cliques = Cliques(clusters=RELEASED.clusters, seed=RELEASED.kmeans_seed)
        asked = []
        for kinds, graph in (
            ({"gcn": "gcn", "mlp": "mlp"}, cliques),
            ({"gcn_reverse": "gcn"}, replace(cliques, reverse=True)),
        ):
            asked += self._ask(
                "as_released", kinds, everyone, seeds,
                graph=graph, features=self.sources.unnormalised, settings=RELEASED_SETTINGS,
            )  # fmt: skip
        return _chosen(asked, models)

    def subject_disjoint(self, models: Sequence[str] | None = None) -> list[Asked]:
        """Subjects kept apart: each official fold tested by what the others trained.

        Every test cell is attached one-way and alone. Strengths are chosen on the first seed's
        inner split: the training cells are the same for all seeds.
        """
        folds, seeds = Partition(by="official"), self._counted(self.seeds)
        random = ("gcn", "mlp", "correct_and_smooth", "gcn_dummy", "gcn_random_graph", "gcn_masked")
        tuned = ("gcn_tuned", "mlp_tuned")
        fixed = (
            "size", "logistic", "svm_linear", "knn", "label_propagation", "sgc", "svm", "majority",
        )  # fmt: skip
        untrained = {"gcn_random_weights": "gcn", "mlp_random_weights": "mlp"}
        joined = {"gcn_transductive": "gcn", "gcn_transductive_masked": "gcn_asked_masked"}
        name, first = "subject_disjoint", self.seed
        asked = [
            *self._ask(name, (*random, *tuned), folds, seeds, graph=self.attached, chooser=first),
            # Nothing but the split makes these differ between seeds; the official folds have none.
            *self._ask(name, fixed, folds, [first], graph=self.attached),
            *self._ask(
                name, untrained, folds, seeds, graph=self.attached, features=self.sources.random
            ),
            *self._ask(name, joined, folds, seeds, graph=self.joined),
            *self._ask(
                name, {"size_all": "size"}, folds, [first],
                graph=self.attached, features=self.sources.sizes,
            ),
        ]  # fmt: skip
        return _chosen(asked, models)

    def other_partitions(self) -> list[Asked]:
        """GCN, MLP and cell size on other partitions of the (merged) subjects: the primary ones."""
        asked = []
        for draw in self._counted(self.partitions):
            partition = Partition(by="equal_files", folds=FOLDS, draw=draw)
            for models, seeds in ((("gcn", "mlp"), self.partition_seeds), (("size",), 1)):
                asked += self._ask(
                    "other_partitions", models, partition, self._counted(seeds),
                    graph=self.attached,
                )  # fmt: skip
        return asked

    def groupings(self) -> list[Asked]:
        """GCN and MLP when nothing differs but what a random partition keeps together."""
        return [
            a
            for by in GROUPINGS
            for draw in self._counted(self.repeats)
            for a in self._ask(
                by, ("gcn", "mlp"), self._grouped(by, draw), [draw], graph=self.attached
            )
        ]

    def _grouped(self, by: str, draw: int) -> Partition:
        similarity = self.similarity if by == "near_duplicates" else None
        return Partition(by=by, folds=self.folds, draw=draw, similarity=similarity)

    def resubstituted(self) -> list[Asked]:
        """GCN and MLP asked about the very cells that they were trained on."""
        everyone = Partition(by="all")
        return self._ask("resubstituted", ("gcn", "mlp"), everyone, [self.seed], graph=self.joined)

    def sweep(self) -> list[Asked]:
        """The GCN on new subjects for other k, first seed; the protocol's name is the k."""
        return [
            a
            for k in self.ks
            for a in self._ask(
                str(k), ["gcn"], Partition(by="official"), [self.seed],
                graph=replace(self.attached, k=k),
            )
        ]  # fmt: skip

    def learning_rates(self) -> list[Asked]:
        """The paper's grid of learning rates on validation cells of the first draw (IV.D)."""
        inner = replace(self._drawn(self.seed), inner=True)
        rates = sorted({*TRAINING.learning_rates, self.settings.learning_rate})
        return [
            a
            for rate in rates
            for a in self._ask(
                str(rate), ["gcn"], inner, [self.seed],
                graph=self.joined, settings=replace(self.settings, learning_rate=rate),
            )
        ]  # fmt: skip

    def batch_sizes(self, batch_size: int = TRAINING.batch_size) -> list[Asked]:
        """Two readings of the batch size after equally many steps, as written, first draw."""
        drawn = self._drawn(self.seed)
        train = drawn.splits(self.sources.paper)[0].train
        steps = self.minibatch_epochs * -(-int(train.sum()) // batch_size)
        readings = {
            "whole graph": replace(self.settings, epochs=steps),
            f"{batch_size} cells and their neighbourhoods": replace(
                self.settings, epochs=self.minibatch_epochs, batch_size=batch_size
            ),
        }
        return [
            a
            for name, settings in readings.items()
            for a in self._ask(
                name, ["gcn"], drawn, [self.seed], graph=self.joined, settings=settings
            )
        ]

    def readings(self, protocol: str, readings: Sequence[str] = tuple(READINGS)) -> list[Asked]:
        """GCN and MLP by every reading of the paper; the protocol's name is the reading.

        Parameters
        ----------
        protocol : str
            "as_written" or "subject_disjoint".
        readings : sequence of str
            Keys of `READINGS`.
        """
        asked = []
        for name in readings:
            reading = READINGS[name]
            for partition, graph, seeds in self._tested(protocol, self.reading_seeds):
                asked += self._ask(
                    name, {"gcn": reading.classifier, "mlp": "mlp"}, partition, seeds,
                    graph=replace(graph, **reading.graph),
                    settings=reading.of(self.settings),
                )  # fmt: skip
        return asked

    def smoothing(self, protocol: str) -> list[Asked]:
        """The MLP on features that passed the adjacency more or less often, and the GCN."""
        models = ("mlp", *(f"mlp_smoothed_{hops}" for hops in PASSES), "gcn")
        return [
            a
            for partition, graph, seeds in self._tested(protocol, self.reading_seeds)
            for a in self._ask(protocol, models, partition, seeds, graph=graph)
        ]

    def _tested(
        self, protocol: str, number: int
    ) -> list[tuple[Partition, Joined | Attached, Iterable[int]]]:
        """Partitions of a protocol, with their graphs and seeds, for what has few seeds."""
        seeds = self._counted(number)
        if protocol == "as_written":
            return [(self._drawn(seed), self.joined, [seed]) for seed in seeds]
        return [(Partition(by="official"), self.attached, seeds)]

    def other_networks(self, protocol: str, families: Sequence[str] = ()) -> list[Asked]:
        """Other graph networks, each with its twin without edges, and the GCN with the MLP.

        Beside the GAT the votes of the neighbours stand, weighed by its attention and not.

        Parameters
        ----------
        protocol : str
            "as_written" or "subject_disjoint".
        families : sequence of str
            Keys of `names.NETWORKS`; all when empty.
        """
        families = families or list(NETWORKS)
        for key in families:
            if key not in NETWORKS:
                raise InputError(f"family {key!r}: expected one of {', '.join(NETWORKS)}.")
        models = ["gcn", "mlp", *families, *(f"{key}_alone" for key in families)]
        models += ["vote", "gat_vote"] if "gat" in families else []
        return [
            a
            for partition, graph, seeds in self._tested(protocol, self.network_seeds)
            for a in self._ask(protocol, models, partition, seeds, graph=graph)
        ]

    def other_graphs(self) -> list[Asked]:
        """The GCN on new subjects by other graphs, beside the MLP, and where edges say nothing."""
        models = ("gcn", "mlp", "gcn_masked", "gcn_random_graph", *GRAPHS)
        return self._ask(
            "subject_disjoint", models, Partition(by="official"), self._counted(self.graph_seeds),
            graph=self.attached,
        )  # fmt: skip

    def people(self, poolings: Sequence[str] = (), *, again: bool = False) -> list[Asked]:
        """Networks that pool a person's cells, on other partitions; each with its twin.

        Parameters
        ----------
        poolings : sequence of str
            Keys of `names.POOLINGS`; all when empty.
        again : bool
            The first partition alone, with the next seed: no page shows it, the witness sees by it
            how far such a run swings.
        """
        poolings = poolings or list(POOLINGS)
        for key in poolings:
            if key not in POOLINGS:
                raise InputError(f"pooling {key!r}: expected one of {', '.join(POOLINGS)}.")
        settings = replace(self.settings, hidden=PERSON_HIDDEN, epochs=self.person_epochs)
        models = [*poolings, *(f"{key}_alone" for key in poolings)]
        if "pool_attention" in poolings:
            models += ["attention_rank", *(f"pool_attention_of_{cells}" for cells in FEW_CELLS)]
        return [
            a
            for draw in self._counted(1 if again else self.partitions)
            for a in self._ask(
                "other_partitions", models,
                Partition(by="equal_files", folds=FOLDS, draw=draw), [self.seed + again],
                graph=self.attached, settings=settings,
            )
        ]  # fmt: skip

    def own_cells(self) -> list[Asked]:
        """The GCN on new subjects, whose cells hear their own person's cells alone."""
        models = ("gcn", "mlp", "gcn_own_similar", "gcn_own_random")
        return self._ask(
            "subject_disjoint", models, Partition(by="official"), self._counted(self.own_seeds),
            graph=self.attached,
        )  # fmt: skip

    def reasons(self) -> list[Asked]:
        """The GCN on new subjects, and its answers without the neighbours named as their reason."""
        return self._ask(
            "subject_disjoint", ("gcn", *REASONS), Partition(by="official"),
            self._counted(self.reason_seeds), graph=self.attached,
        )  # fmt: skip

    def control(self) -> list[Asked]:
        """The positive control with subjects apart: labels that only neighbours carry."""
        settings = replace(self.settings, inputs="standardised")
        return [
            a
            for fold, features in self._planted.items()
            for a in self._ask(
                "control", ("gcn", "mlp", "gcn_random_graph"), Partition(by="official"),
                self._counted(self.reading_seeds), graph=self.attached, settings=settings,
                features=features,
            )
            if a.run.fold == fold
        ]  # fmt: skip

    @cached_property
    def _planted(self) -> dict[str, Features]:
        """Features of the positive control by fold, as their labels rest on the fold's graph."""
        return {
            split.fold: planted(self.sources.paper, split, self.attached, self.seed)
            for split in Partition(by="official").splits(self.sources.paper)
        }

    def faults(self) -> list[Asked]:
        """Faults of method that need runs of their own, on the official folds.

        Labels shuffled over people, for GCN and MLP; and an MLP whose inputs were standardised by
        test cells too (the honest one is the reading "standardised").
        """
        folds, seeds = Partition(by="official"), self._counted(self.reading_seeds)
        return [
            *self._ask(
                "shuffled_labels", ("gcn", "mlp"), folds, seeds, graph=self.attached,
                features=shuffled_labels(self.sources.paper, self.seed),
            ),
            *self._ask(
                "scaled_on_all", ["mlp"], folds, seeds, graph=self.attached,
                features=scaled_on_all(self.sources.paper),
            ),
        ]  # fmt: skip

    def groups(self) -> dict[str, list[Asked]]:
        """Everything that the book shows, by the file in which it is published."""
        return {
            "as_written": self.as_written(),
            "as_released": self.as_released(),
            "subject_disjoint": self.subject_disjoint(),
            "other_partitions": self.other_partitions(),
            "groupings": [*self.groupings(), *self.resubstituted()],
            "readings": [
                *(a for name in ("as_written", "subject_disjoint") for a in self.readings(name)),
                *(a for name in ("as_written", "subject_disjoint") for a in self.smoothing(name)),
                *self.control(),
            ],
            "faults": self.faults(),
            "networks": [
                a
                for protocol in ("subject_disjoint", "as_written")
                for a in self.other_networks(protocol)
                if a.run.classifier not in ("gcn", "mlp")
            ],
            "graphs": [a for a in self.other_graphs() if a.model in GRAPHS],
            "people": [
                *self.people(),
                *self.people(again=True),
                *(a for a in self.own_cells() if a.run.classifier not in ("gcn", "mlp")),
            ],
            "reasons": [a for a in self.reasons() if a.model != "gcn"],
            "settings": [*self.sweep(), *self.learning_rates(), *self.batch_sizes()],
        }

    def everything(self) -> list[Asked]:
        """All of `groups`, each run once."""
        asked = {a.run.key: a for part in self.groups().values() for a in part}
        return list(asked.values())

    def results(self) -> list[Asked]:
        """What the result tables are made of."""
        return [
            *self.as_written(),
            *self.as_released(),
            *self.subject_disjoint(),
            *self.other_partitions(),
        ]


def _chosen(asked: list[Asked], models: Sequence[str] | None) -> list[Asked]:
    """Runs of these models alone; of all when none are named."""
    if models is None:
        return asked
    missing = set(models) - {a.model for a in asked}
    if missing:
        known = ", ".join(dict.fromkeys(a.model for a in asked))
        raise InputError(f"model {min(missing)!r}: expected one of {known}.")
    return [a for a in asked if a.model in models]


def shard(asked: list[Asked], number: int, of: int) -> list[Asked]:
    """Cut a list of runs into shards; runs that share a network stay together."""
    tasks = sorted({repr(a.run.shared) for a in asked})
    mine = set(tasks[number - 1 :: of])
    return [a for a in asked if repr(a.run.shared) in mine]
