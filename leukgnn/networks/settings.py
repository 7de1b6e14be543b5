"""How a network is built and trained, and what is measured on the way: known without torch."""

from dataclasses import dataclass

from leukgnn.files import InputError
from leukgnn.paper import TRAINING

CURVES = ["epoch", "steps", "loss", "train_accuracy", "held_out_accuracy"]


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
