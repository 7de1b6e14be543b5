"""How a network is built and trained, and what is measured on the way: known without torch."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from leukgnn.files import InputError
from leukgnn.paper import TRAINING

CURVES = ["epoch", "steps", "loss", "train_accuracy", "held_out_accuracy"]
INPUTS = ("raw", "standardised", "unit")
NORMALISATIONS = ("symmetric", "row", "printed")


def _later(default: Any, *, of_graph: bool = False) -> Any:
    """Setting that came when runs were published already: its default is how those were made."""
    return field(default=default, metadata={"later": True, "of_graph": of_graph})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a network is built and trained (sections IV.C and IV.D).

    Attributes
    ----------
    hidden : int
        Hidden units.
    dropout : float
        Share of them left out while training.
    learning_rate, weight_decay, epochs
        Of Adam; the last epoch counts, there is no early stopping.
    weighted : bool
        Weigh the loss by `class_weights`; the released code does not.
    batch_size : int, optional
        None: every epoch is one step on all training cells. Else that many training cells a
        step, each with its 2-hop neighbourhood: our reading of the paper's "batch size".
    inputs : str
        Features as they are ("raw"), every feature with mean 0 and variance 1 over the training
        cells ("standardised"), or every cell's features divided by their length ("unit").
    normalisation : str
        Of the adjacency A (with self loops) by its degrees D: "symmetric", D^-1/2 A D^-1/2; "row",
        D^-1 A, a mean; "printed", D^-1 A A, the formula of section IV.C to the letter.
    similarity_weights : bool
        Weigh every edge by the cosine of its two cells' features.
    batch_norm : bool
        Normalise the hidden units over the cells.
    residual : bool
        Give every layer a path past the graph: A X W + X W'.

    Raises
    ------
    InputError
        When a setting is out of its range.
    """

    hidden: int = TRAINING.hidden
    dropout: float = TRAINING.dropout
    learning_rate: float = TRAINING.learning_rate
    weight_decay: float = TRAINING.weight_decay
    epochs: int = TRAINING.epochs
    weighted: bool = True
    batch_size: int | None = None
    inputs: str = _later("raw")
    normalisation: str = _later("symmetric", of_graph=True)
    similarity_weights: bool = _later(False, of_graph=True)
    batch_norm: bool = _later(False)
    residual: bool = _later(False)

    def __post_init__(self) -> None:
        for name in ("hidden", "epochs", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                none = ", or none for full batch" if name == "batch_size" else ""
                raise InputError(f"{name}={value}: expected at least 1{none}.")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate={self.learning_rate}: expected a number above 0.")
        if self.weight_decay < 0:
            raise InputError(f"weight_decay={self.weight_decay}: expected 0 or more.")
        if not 0 <= self.dropout <= 1:
            raise InputError(f"dropout={self.dropout}: expected a share from 0 to 1.")
        for name, known in (("inputs", INPUTS), ("normalisation", NORMALISATIONS)):
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise InputError(f"{name}={value!r}: expected one of {', '.join(known)}.")
        if self.similarity_weights and self.inputs == "standardised":
            raise InputError(
                "similarity_weights: expected raw or unit inputs, as cosines of standardised ones "
                "can be negative."
            )

    @property
    def textbook(self) -> bool:
        """Whether the layers are those of the textbook's network, `GCN` or `MLP`."""
        return not (self.batch_norm or self.residual)

    def described(self, *, graph: bool) -> dict[str, Any]:
        """All that a network with or without `graph` depends on.

        Later settings stand there only where they are not their default: so runs that were made
        before a setting came keep their description, and their key.
        """
        described = asdict(self)
        for setting in fields(self):
            default = described[setting.name] == setting.default
            idle = setting.metadata.get("of_graph") and not graph
            if setting.metadata.get("later") and (default or idle):
                del described[setting.name]
        return described
