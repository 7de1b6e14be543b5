"""A new cell: attached to its most similar reference cells, judged over that neighbourhood.

The paper promises this for its demo (section VI.A). Each cell is attached one-way and alone, so its
answer depends on itself and the reference cells, never on what else is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from leukgnn.cells.appearance import oddities
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.demo.model_file import (
    PARAMETERS,
    Floats,
    find_reference,
    model_path,
    read_model,
)
from leukgnn.features import features_hash, read_features_file
from leukgnn.features.resnet import Weights, extractor
from leukgnn.files import InputError
from leukgnn.graphs import LIKE, Reference
from leukgnn.paper import THRESHOLD

CLASS_NAMES = ("Healthy", "Leukemia")  # of classes 0 and 1, as the paper's demo calls them
SAME = 1e-6  # cosine distance; rounding of the stored features stays far below
BATCH = 32  # cells a pass of ResNet-18; an answer does not depend on it


@dataclass(frozen=True)
class Neighbour:
    """A reference cell that a new one is attached to.

    Attributes
    ----------
    filename, subject, label : str
    similarity : float
        Cosine of the features.
    change : float
        Of the probability of class 1 by the GCN, were this neighbour alone not there.
    """

    filename: str
    subject: str
    label: str
    similarity: float
    change: float


@dataclass(frozen=True)
class Answer:
    """What the graph says about one new cell.

    Attributes
    ----------
    label : str
        "Healthy" or "Leukemia", at probability 0.5.
    confidence : float
        Probability of that label, two decimals, as the paper's demo gives it.
    probability : float
        Of class 1 (leukemic), by the GCN.
    without_graph : float
        The same by the MLP: the same network without graph.
    as_dummy_node : float
        The same by the GCN without any neighbour, as the paper's demo asks it.
    above_operating_point : bool
        Whether the probability reaches the threshold that finds 95 % of the leukemic cells.
    leukemic_share : float
        Of the neighbours.
    neighbours : tuple of Neighbour
        Most similar first.
    warnings : tuple of str
        Why the answer may mean little, a sentence each.
    """

    label: str
    confidence: float
    probability: float
    without_graph: float
    as_dummy_node: float
    above_operating_point: bool
    leukemic_share: float
    neighbours: tuple[Neighbour, ...]
    warnings: tuple[str, ...]


class Predictor:
    """Answers for new cells; loaded once, it does not change and may serve several threads.

    Parameters
    ----------
    weights : Weights
        Of the ResNet-18, from `resnet.find_weights`.
    reference : Path, optional
        Feature file of the reference cells, with its model beside it. Default: the shipped one
        that these weights have seen.

    Attributes
    ----------
    metadata : dict
        Of the model file: how the model was made and what it is worth.

    Raises
    ------
    InputError
        When weights, features and model do not belong together.
    """

    def __init__(self, weights: Weights, reference: Path | None = None) -> None:
        path = reference or find_reference(weights)
        known = read_features_file(path)
        self._tensors, self.metadata = read_model(path)
        seen = self.metadata["weights"]["sha256"]
        if not seen == known.provenance["weights"]["sha256"] == weights.sha256:
            raise InputError(
                f"{model_path(path)} belongs to other weights "
                f"({self.metadata['weights']['name']}) than those given ({weights.name})."
            )
        if self.metadata["reference"]["sha256"] != features_hash(known.x):
            raise InputError(
                f"{model_path(path)} was trained on other cells than {path} holds; "
                f"make it again with `leukgnn model {path}`."
            )
        self._filenames, self._subjects = (
            known.table[name].astype(str).to_list() for name in ("filename", "subject")
        )
        self._labels = known.table["label"].to_numpy()
        self._x = known.x
        self._cells = Reference(known.x)
        self._embed = extractor(weights)
        self._pools = ThreadpoolController().select(user_api="blas")
        self._alone = Lock()

    def predict(self, images: Sequence[Image.Image]) -> list[Answer]:
        """Answer for decoded images (from `images.read_image` or `images.decode_image`)."""
        answers: list[Answer] = []
        # numpy's threads would still wait busily for work while torch's compute, on the same cores:
        # that takes longer than all that they could save here. One call at a time, as two would
        # give back each other's limit.
        with self._alone, self._pools.limit(limits=1):
            for start in range(0, len(images), BATCH):
                answers += self._answers(images[start : start + BATCH])
        return answers

    def _answers(self, images: Sequence[Image.Image]) -> list[Answer]:
        """Answers of `predict` for a batch."""
        pixels = torch.stack([evaluation_pixels(image) for image in images])
        x = self._embed(pixels)
        near, similarity = self.attach(x)
        judged = (self.judge(x, near), self.without_graph(x), self.judge(x, near[:, :0]))
        changes = self.without_each(x, near) - judged[0][:, None]
        answers = []
        for i, probabilities in enumerate(zip(*judged, strict=True)):
            nearest = self._filenames[near[i, 0]], 1 - float(similarity[i, 0])
            odd = oddities(images[i].width, pixels[i].numpy())
            warnings = (*self._unlike(*nearest), *odd.values())
            neighbours = self._neighbours(near[i], similarity[i], changes[i])
            answers.append(self._answer(probabilities, neighbours, warnings))
        return answers

    def attach(self, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Nearest reference cells of new features (m, 512): rows and similarities, (m, k)."""
        return self._cells.nearest(x, self.metadata["k"])

    def judge(self, x: NDArray[np.float32], near: NDArray[np.int64]) -> Floats:
        r"""Probability of class 1 by the GCN, each cell with its one-way edges, shape (m,).

        `x` (m, d) and `near` (m, k); axes between are other neighbourhoods of the same cell.
        Without any neighbour, `near` of shape (m, 0), a cell is the paper's dummy node.

        With :math:`d_j` the reference cells' degrees and k + 1 that of a new cell, its edges weigh
        :math:`1/\sqrt{(k+1) d_j}` and its self loop 1/(k + 1), as in `networks.normalised`; the
        reference cells' own hidden features do not change, so their scores are stored.
        """
        own = 1 / (near.shape[-1] + 1)
        edge = np.sqrt(own / self._tensors["degree"][near])[..., None]
        smoothed = own * x + (edge * self._x[near]).sum(axis=-2)
        scores = own * self._scores("gcn", smoothed)
        scores += (edge * self._tensors["scores"][near]).sum(axis=-2)
        return self._probability("gcn", scores)

    def without_each(self, x: NDArray[np.float32], near: NDArray[np.int64]) -> Floats:
        """Probability of class 1 by the GCN without one of the neighbours each, shape (m, k)."""
        every = np.arange(near.shape[1])
        others = np.stack([np.delete(every, one) for one in every])
        return self.judge(x[:, None], near[:, others])

    def without_graph(self, x: NDArray[np.float32]) -> Floats:
        """Probability of class 1 by the MLP, shape (m,)."""
        return self._probability("mlp", self._scores("mlp", x.astype(np.float64)))

    def _scores(self, network: str, x: Floats) -> Floats:
        """Hidden features times the second layer's weights."""
        first, bias, second, _ = self._parameters(network)
        scores: Floats = np.maximum(x @ first.T + bias, 0) @ second.T
        return scores

    def _probability(self, network: str, scores: Floats) -> Floats:
        logits = scores + self._parameters(network)[-1]
        return np.asarray(expit(logits[..., 1] - logits[..., 0]))

    def _parameters(self, network: str) -> list[Floats]:
        """Weights and bias of the first layer, then of the second."""
        return [self._tensors[f"{network}.{name}"] for name in PARAMETERS[network]]

    def _answer(
        self,
        probabilities: tuple[float, float, float],
        neighbours: tuple[Neighbour, ...],
        warnings: tuple[str, ...],
    ) -> Answer:
        probability, alone, dummy = map(float, probabilities)
        label = int(probability >= THRESHOLD)
        leukemic = [neighbour.label == CLASS_NAMES[1] for neighbour in neighbours]
        return Answer(
            label=CLASS_NAMES[label],
            confidence=round(probability if label else 1 - probability, 2),
            probability=round(probability, 6),
            without_graph=round(alone, 6),
            as_dummy_node=round(dummy, 6),
            above_operating_point=bool(
                probability >= self.metadata["operating_point"]["threshold"]
            ),
            leukemic_share=float(np.mean(leukemic)),
            neighbours=neighbours,
            warnings=warnings,
        )

    def _neighbours(
        self, near: NDArray[np.int64], similarity: NDArray[np.float32], changes: Floats
    ) -> tuple[Neighbour, ...]:
        return tuple(
            Neighbour(
                self._filenames[row],
                self._subjects[row],
                CLASS_NAMES[self._labels[row]],
                round(float(cosine), 6),
                round(float(change), 6),
            )
            for row, cosine, change in zip(near, similarity, changes, strict=True)
        )

    def _unlike(self, nearest: str, distance: float) -> list[str]:
        """Why an answer may mean little, seen from the nearest reference cell."""
        warnings = []
        if distance < SAME:
            warnings.append(
                f"The reference holds this very cell ({nearest}): the model was trained on it, so "
                "its answer says nothing about new cells."
            )
        if distance > self.metadata["unlike"]:
            warnings.append(
                f"This cell is unlike all reference cells: the nearest is at distance "
                f"{distance:.4f}, and {LIKE} % of cells of unseen subjects have one within "
                f"{self.metadata['unlike']:.4f}."
            )
        return warnings
