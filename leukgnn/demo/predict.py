"""A new cell: attached to its most similar reference cells, judged over that neighbourhood.

The paper promises this for its demo (section VI.A). Each cell is attached one-way and alone, so its
answer depends on itself and the reference cells, never on what else is asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from scipy.special import expit

from leukgnn import cells, deploy, features, files, graph, resnet
from leukgnn.files import InputError
from leukgnn.images import DARK, decode_image, evaluation_pixels
from leukgnn.paper import IMAGES
from leukgnn.phantoms import SIDE
from leukgnn.resnet import Weights

NAMES = ("Healthy", "Leukemia")  # of classes 0 and 1, as the paper's demo calls them
SHIPPED = ("features.npz", "features_random.npz")
NOTICE = "Research only, not a medical device."
SAME = 1e-6  # cosine distance; rounding of the stored features stays far below
BATCH = 32  # cells a pass of ResNet-18; an answer does not depend on it
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Neighbour:
    """A reference cell that a new one is attached to."""

    filename: str
    subject: str
    label: str
    similarity: float


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
    above_operating_point: bool
    leukemic_share: float
    neighbours: tuple[Neighbour, ...]
    warnings: tuple[str, ...]


def find_reference(weights: Weights) -> Path:
    """Shipped feature file whose cells were seen by the same weights.

    Raises
    ------
    InputError
        When there is none: features of different networks cannot be compared.
    """
    for name in SHIPPED:
        path = files.shipped_path(name)
        told = json.loads(path.with_suffix(".json").read_text())
        if told["weights"]["sha256"] == weights.sha256:
            return path
    raise InputError(
        f"no reference cells were seen by these weights ({weights.name}): make some with "
        "`leukgnn features DIR --weights FILE` and `leukgnn model features.npz`, then give "
        "--reference features.npz."
    )


def has_reference(weights: Weights) -> bool:
    """Whether `find_reference` finds one."""
    try:
        find_reference(weights)
    except InputError:
        return False
    return True


def read_model(reference: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Tensors (float64) and metadata of the model file beside a feature file."""
    path = deploy.model_path(reference)
    try:
        with safe_open(path, framework="numpy") as stored:
            tensors = {key: stored.get_tensor(key).astype(np.float64) for key in stored.keys()}  # noqa: SIM118 - not a mapping
            told: dict[str, Any] = json.loads((stored.metadata() or {})["leukgnn"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: not a model of leukgnn ({error}); make it with `leukgnn model {reference}`."
        ) from error
    return tensors, told


class Predictor:
    """Answers for new cells; loaded once, it does not change and may serve several threads.

    Parameters
    ----------
    weights : Weights
        Of the ResNet-18, from `resnet.find_weights`.
    reference : Path, optional
        Feature file of the reference cells, with its model beside it. Default: the shipped one
        that these weights have seen.

    Raises
    ------
    InputError
        When weights, features and model do not belong together.
    """

    def __init__(self, weights: Weights, reference: Path | None = None) -> None:
        path = reference or find_reference(weights)
        known = features.read_features_file(path)
        self._tensors, self.told = read_model(path)
        seen = self.told["weights"]["sha256"]
        if not seen == known.provenance["weights"]["sha256"] == weights.sha256:
            raise InputError(
                f"{deploy.model_path(path)} belongs to other weights "
                f"({self.told['weights']['name']}) than those given ({weights.name})."
            )
        if self.told["reference"]["sha256"] != graph.features_hash(known.x):
            raise InputError(
                f"{deploy.model_path(path)} was trained on other cells than {path} holds; "
                f"make it again with `leukgnn model {path}`."
            )
        self._filenames, self._subjects = (
            known.table[name].astype(str).to_list() for name in ("filename", "subject")
        )
        self._labels = known.table["label"].to_numpy()
        self._x = known.x
        self._cells = graph.Reference(known.x)
        self._embed = resnet.extractor(weights)
        self._sizes = _box_range()

    def predict(self, images: Sequence[Image.Image]) -> list[Answer]:
        """Answer for decoded images (from `images.read_image` or `images.decode_image`)."""
        answers: list[Answer] = []
        for start in range(0, len(images), BATCH):
            pixels = torch.stack([evaluation_pixels(i) for i in images[start : start + BATCH]])
            x = self._embed(pixels)
            near, similarity = self.attach(x)
            judged = zip(self.judge(x, near), self.without_graph(x), strict=True)
            for i, (probability, alone) in enumerate(judged):
                nearest = self._filenames[near[i, 0]], 1 - float(similarity[i, 0])
                warnings = self._warnings(pixels[i].numpy(), *nearest)
                answers.append(self._answer(probability, alone, near[i], similarity[i], warnings))
        return answers

    def attach(self, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Nearest reference cells of new features (m, 512): rows and similarities, (m, k)."""
        return self._cells.nearest(x, self.told["k"])

    def judge(self, x: NDArray[np.float32], near: NDArray[np.int64]) -> Floats:
        r"""Probability of class 1 by the GCN, each cell with its one-way edges, shape (m,).

        With :math:`d_j` the reference cells' degrees and k + 1 that of a new cell, its edges weigh
        :math:`1/\sqrt{(k+1) d_j}` and its self loop 1/(k + 1), as in `graph.adjacency`; the
        reference cells' own hidden features do not change, so their scores are stored.
        """
        own = 1 / (near.shape[1] + 1)
        edge = np.sqrt(own / self._tensors["degree"][near])[..., None]
        smoothed = own * x + (edge * self._x[near]).sum(axis=1)
        scores = own * self._scores("gcn", smoothed)
        scores += (edge * self._tensors["scores"][near]).sum(axis=1)
        return self._probability("gcn", scores)

    def without_graph(self, x: NDArray[np.float32]) -> Floats:
        """Probability of class 1 by the MLP, shape (m,)."""
        return self._probability("mlp", self._scores("mlp", x.astype(np.float64)))

    def _scores(self, network: str, x: Floats) -> Floats:
        """Hidden features times the second layer's weights."""
        first, second = (self._tensors[f"{network}.conv{i}.lin.weight"] for i in (1, 2))
        hidden = np.maximum(x @ first.T + self._tensors[f"{network}.conv1.bias"], 0)
        scores: Floats = hidden @ second.T
        return scores

    def _probability(self, network: str, scores: Floats) -> Floats:
        logits = scores + self._tensors[f"{network}.conv2.bias"]
        return np.asarray(expit(logits[:, 1] - logits[:, 0]))

    def _answer(
        self,
        probability: float,
        alone: float,
        near: NDArray[np.int64],
        similarity: NDArray[np.float32],
        warnings: tuple[str, ...],
    ) -> Answer:
        label = int(probability >= 0.5)
        labels = self._labels[near]
        return Answer(
            label=NAMES[label],
            confidence=round(float(probability if label else 1 - probability), 2),
            probability=round(float(probability), 6),
            without_graph=round(float(alone), 6),
            above_operating_point=bool(probability >= self.told["operating_point"]["threshold"]),
            leukemic_share=float(labels.mean()),
            neighbours=tuple(
                Neighbour(
                    self._filenames[row],
                    self._subjects[row],
                    NAMES[self._labels[row]],
                    round(float(cosine), 6),
                )
                for row, cosine in zip(near, similarity, strict=True)
            ),
            warnings=warnings,
        )

    def _warnings(
        self, pixels: NDArray[np.uint8], nearest: str, distance: float
    ) -> tuple[str, ...]:
        """Why an answer for these pixels (3, 128, 128) may mean little."""
        told = []
        if distance < SAME:
            told.append(
                f"The reference holds this very cell ({nearest}): the model was trained on it, so "
                "its answer says nothing about new cells."
            )
        if distance > self.told["unlike"]:
            told.append(
                f"This cell is unlike all reference cells: the nearest is at distance "
                f"{distance:.4f}, and {deploy.LIKE} % of cells of unseen subjects have one within "
                f"{self.told['unlike']:.4f}."
            )
        if problem := not_segmented(pixels, self._sizes):
            told.append(
                f"This does not look like one segmented cell on black: {problem}. The model has "
                "only seen such images."
            )
        return tuple(told)


def _box_range() -> tuple[float, float]:
    """Smallest and largest side of a real cell's box, as a share of the image's side."""
    sides = cells.training_cells()[["bbox_w", "bbox_h"]].to_numpy()
    return float(sides.min() / SIDE), float(sides.max() / SIDE)


def not_segmented(pixels: NDArray[np.uint8], sizes: tuple[float, float]) -> str:
    """Say what keeps an image from looking like one cell cut out on black; empty when it does.

    Parameters
    ----------
    pixels : ndarray, shape (3, 128, 128)
    sizes : (float, float)
        Least and greatest side of a cell's box, as shares of the image's side.
    """
    bright = pixels.mean(axis=0) > DARK
    if not bright.any():
        return "nothing in it is brighter than black"
    if bright[[0, -1]].any() or bright[:, [0, -1]].any():
        return "it is not black at the border"
    pixel = 1 / IMAGES.size  # of slack: resizing blurs the outline
    for axis, word in ((0, "wide"), (1, "high")):
        places = np.flatnonzero(bright.any(axis=axis))
        share = float(places[-1] - places[0] + 1) / IMAGES.size
        if not sizes[0] - pixel <= share <= sizes[1] + pixel:
            return (
                f"the cell is {share:.0%} of the image {word}, real ones are {sizes[0]:.0%} to "
                f"{sizes[1]:.0%}"
            )
    return ""


def classify(
    predictor: Predictor, given: Sequence[tuple[str, Callable[[], bytes]]]
) -> list[dict[str, Any]]:
    """Answer for each file, or say in one sentence why not; one bad file spoils no other.

    Parameters
    ----------
    predictor : Predictor
    given : sequence of (name, read)
        Files as a reader knows them, and how to get their content.

    Returns
    -------
    list of dict
        In the order given: `name`, `ok`, and either the fields of `Answer` or `error`.
    """
    told: list[dict[str, Any]] = [{"name": name, "ok": False} for name, _ in given]
    images = {}
    for i, (name, read) in enumerate(given):
        try:
            images[i] = decode_image(read(), name)
        except InputError as error:
            told[i]["error"] = str(error)
    for i, answer in zip(images, predictor.predict(list(images.values())), strict=True):
        told[i] |= {"ok": True, **asdict(answer)}
    return told


def as_text(results: Sequence[Mapping[str, Any]]) -> str:
    """Table of `classify`'s answers for a terminal."""
    lines = [f"{'label':<9} {'P(leukemic)':>11} {'no graph':>9} {'neighbours':>11}  file"]
    for told in results:
        if not told["ok"]:
            lines.append(f"{'error':<9} {told['error']}")
            continue
        lines.append(
            f"{told['label']:<9} {told['probability']:>11.3f} {told['without_graph']:>9.3f} "
            f"{told['leukemic_share']:>11.0%}  {told['name']}"
        )
        lines += [f"          warning: {warning}" for warning in told["warnings"]]
    return "\n".join(
        [
            *lines,
            "",
            f"Columns 2 to 4: by the graph network, by the same network "
            f"without graph, share of leukemic neighbours. {NOTICE}",
        ]
    )


def described(told: Mapping[str, Any]) -> dict[str, Any]:
    """Model metadata with what a reader of the demo needs to know besides."""
    return {
        "notice": NOTICE,
        "pretrained": not told["weights"]["name"].startswith("untrained"),
        "threshold": 0.5,
        **told,
    }
