"""Readings of the paper: what it leaves open or says in two ways, each changed alone.

The book follows one reading; here are the others that a reader may hold for meant, and a few that
graph networks are often given besides. Each is the GCN against the MLP with the same treatment.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from leukgnn.networks import Settings


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One change, or a few that go together, of the GCN and its twin.

    Attributes
    ----------
    label : str
        For readers.
    paper : str
        What the paper says about it.
    settings : dict
        Changed fields of `networks.Settings`.
    epochs : float
        How often as many epochs.
    graph : dict
        Changed fields of the graph's builder.
    classifier : str
        The graph network, of `CLASSIFIERS`.
    """

    label: str
    paper: str
    settings: dict[str, Any] = field(default_factory=dict)
    epochs: float = 1.0
    graph: dict[str, Any] = field(default_factory=dict)
    classifier: str = "gcn"

    def of(self, settings: Settings) -> Settings:
        """The given settings, changed as this reading has it."""
        epochs = max(1, round(self.epochs * settings.epochs))
        return replace(settings, epochs=epochs, **self.settings)


SILENT = "silent"
READINGS = {
    "book": Reading(label="as in this book", paper="sections III.C to IV.D"),
    "row": Reading(
        label="mean of the neighbours (D⁻¹A)",
        paper="IV.C prints a one-sided D⁻¹",
        settings={"normalisation": "row"},
    ),
    "printed": Reading(
        label="formula to the letter (D⁻¹AA)",
        paper="IV.C prints it",
        settings={"normalisation": "printed"},
    ),
    "similarity": Reading(
        label="edges weighed by cosine",
        paper="III.E: edges by cosine similarity",
        settings={"similarity_weights": True},
    ),
    "directed": Reading(
        label="directed edges", paper="III.E: k nearest of each", graph={"edges": "directed"}
    ),
    "mutual": Reading(label="mutual edges", paper=SILENT, graph={"edges": "mutual"}),
    "cross_subject": Reading(
        label="no edge within a subject", paper=SILENT, classifier="gcn_masked"
    ),
    **{
        f"k_{k}": Reading(label=f"k = {k}", paper="k is not given", graph={"k": k})
        for k in (3, 5, 20, 50)
    },
    "standardised": Reading(
        label="features standardised", paper=SILENT, settings={"inputs": "standardised"}
    ),
    "unit": Reading(label="features of unit length", paper=SILENT, settings={"inputs": "unit"}),
    "batch_norm": Reading(
        label="batch norm of hidden units", paper=SILENT, settings={"batch_norm": True}
    ),
    "residual": Reading(label="a path past the graph", paper=SILENT, settings={"residual": True}),
    "fast": Reading(
        label="learning rate 0.01", paper="IV.D: of the grid", settings={"learning_rate": 0.01}
    ),
    "no_decay": Reading(label="no weight decay", paper="not given", settings={"weight_decay": 0.0}),
    "decay": Reading(label="weight decay 0.05", paper="not given", settings={"weight_decay": 5e-2}),
    "short": Reading(label="a quarter of the epochs", paper="IV.D: 400", epochs=0.25),
    "long": Reading(label="2.5 times the epochs", paper="IV.D: 400", epochs=2.5),
    "unweighted": Reading(
        label="classes not weighed",
        paper="IV.D: weighed; the code: not",
        settings={"weighted": False},
    ),
    "hidden_64": Reading(
        label="64 hidden units", paper="IV.C: 128; the code: 64", settings={"hidden": 64}
    ),
    "no_dropout": Reading(label="no dropout", paper="IV.C: 0.5", settings={"dropout": 0.0}),
    "all_three": Reading(
        label="standardised, past the graph, rate 0.01",
        paper=SILENT,
        settings={"inputs": "standardised", "residual": True, "learning_rate": 0.01},
    ),
}
