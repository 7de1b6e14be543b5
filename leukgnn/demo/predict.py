"""Files in, answers out: what the command `leukgnn predict` and the server share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from leukgnn.cells.images import decode_image
from leukgnn.demo.predictor import BATCH, Predictor
from leukgnn.evaluation import SENSITIVITY
from leukgnn.files import InputError
from leukgnn.paper import THRESHOLD

__all__ = ["FILES", "FILE_BYTES", "NOTICE", "Predictor", "as_text", "classify", "described"]

Given = Sequence[tuple[str, Callable[[], bytes]]]
FILES = 32  # that go at once
TELLING = 3  # neighbours that explain an answer
FILE_BYTES = 4 * 2**20  # a BMP of 600x600 pixels takes 1.1 MB
NOTICE = "Research only, not a medical device."


def classify(predictor: Predictor, given: Given) -> list[dict[str, Any]]:
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
    results = []
    for start in range(0, len(given), BATCH):  # so many images are held at a time
        results += _classify(predictor, given[start : start + BATCH])
    return results


def _classify(predictor: Predictor, given: Given) -> list[dict[str, Any]]:
    """Answers of `classify` for files that are all held at once."""
    results: list[dict[str, Any]] = [{"name": name, "ok": False} for name, _ in given]
    images = {}
    for i, (name, read) in enumerate(given):
        try:
            images[i] = decode_image(read(), name)
        except InputError as error:
            results[i]["error"] = str(error)
    for i, answer in zip(images, predictor.predict(list(images.values())), strict=True):
        results[i] |= {"ok": True, **asdict(answer)}
    return results


def as_text(results: Sequence[Mapping[str, Any]], *, explain: bool = False) -> str:
    """Table of `classify`'s results for a terminal; `explain` adds the `TELLING` neighbours."""
    lines = [f"{'label':<9} {'P(leukemic)':>11} {'no graph':>9} {'neighbours':>11}  file"]
    for result in results:
        if not result["ok"]:
            lines.append(f"{'error':<9} {result['error']}")
            continue
        lines.append(
            f"{result['label']:<9} {result['probability']:>11.3f} "
            f"{result['without_graph']:>9.3f} {result['leukemic_share']:>11.0%}  {result['name']}"
        )
        lines += [f"          warning: {warning}" for warning in result["warnings"]]
        lines += _explained(result["neighbours"]) if explain else []
    lines += [
        "",
        "Columns 2 to 4: by the graph network, by the same network without graph, share of "
        f"leukemic neighbours. {NOTICE}",
    ]
    return "\n".join(lines)


def _explained(neighbours: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines on the neighbours whose absence would change the probability most."""
    telling = sorted(neighbours, key=lambda one: -abs(one["change"]))[:TELLING]
    return [
        f"          without {one['filename']} ({one['label']}, {one['subject']}): "
        f"{one['change']:+.3f}"
        for one in telling
    ]


def described(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Model metadata with what a reader of the demo needs to know besides."""
    return {
        "notice": NOTICE,
        "threshold": THRESHOLD,
        **metadata,
        "operating_point": {**metadata["operating_point"], "aim": SENSITIVITY},
    }
