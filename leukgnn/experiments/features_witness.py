"""The features' witness: features computed here from pixels, compared with the shipped ones."""

from typing import Any

import numpy as np

from leukgnn.features import Features, shipped_features
from leukgnn.graphs import same_neighbours
from leukgnn.paper import GRAPH

# Measured on all 7,936 cells: on the machine that made the shipped features every bit is the same;
# with other vector instructions (ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=AVX2) 1.4 % of the
# stored numbers are rounded to the next float16, and 99.8 % of the cells keep all neighbours.
# Rounding to float16 itself leaves 99.1 % of them; bfloat16 moves numbers by 0.2.
LARGEST_DIFFERENCE = 2.0**-7  # one step of float16 between 8 and 16, where the largest numbers lie
SAME_NEIGHBOURS = 0.99


def witnessed(own: Features) -> tuple[Features, dict[str, Any]]:
    """Compare features computed from pixels with the shipped ones, and choose what goes on.

    Features differ in their last bits from machine to machine. Where weights, preprocessing and
    cells are those of the shipped features and the difference is within the tolerance, the shipped
    ones go on, so that all machines have one set of features and its runs. Else the own ones do:
    they are another set, with keys of its own.

    Parameters
    ----------
    own : Features
        From `extraction.extract_folder`.

    Returns
    -------
    features : Features
        The shipped ones or `own`.
    comparison : dict
        `compared` and `agrees`; where it was compared `largest_difference` of a number,
        `same_neighbours` (share of cells with the same list of `k`) and the `tolerance` of both,
        else the `reason`.
    """
    shipped = shipped_features()
    reason = _other(own, shipped)
    if reason:
        return own, {"compared": False, "agrees": False, "reason": reason}
    difference = float(np.abs(own.x - shipped.x).max())
    same = same_neighbours(own.x, shipped.x, GRAPH.k)
    agrees = difference <= LARGEST_DIFFERENCE and same >= SAME_NEIGHBOURS
    comparison = {
        "compared": True,
        "largest_difference": difference,
        "same_neighbours": same,
        "k": GRAPH.k,
        "tolerance": {
            "largest_difference": LARGEST_DIFFERENCE,
            "same_neighbours": SAME_NEIGHBOURS,
        },
        "agrees": agrees,
    }
    return shipped if agrees else own, comparison


def _other(own: Features, shipped: Features) -> str:
    """Why two sets of features cannot be compared number by number; empty where they can."""
    first, second = own.provenance, shipped.provenance
    if first["weights"]["sha256"] != second["weights"]["sha256"]:
        return "other weights"
    if first["preprocessing"] != second["preprocessing"]:
        return "other preprocessing"
    if own.table["filename"].tolist() != shipped.table["filename"].tolist():
        return "other cells"
    return ""


def sentence(comparison: dict[str, Any]) -> str:
    """Say for a page what was compared, from what `witnessed` gives or a provenance holds.

    Parameters
    ----------
    comparison : dict
        As of `witnessed`; neither compared nor with a reason where nothing was computed.
    """
    if comparison["compared"]:
        allowed = comparison["tolerance"]
        verdict = (
            "They agree, so the shipped ones go on."
            if comparison["agrees"]
            else "They **do not agree**, so these go on as a set of their own."
        )
        return (
            "The features of all cells were computed **from pixels** and compared with the shipped "
            f"ones: no number differs by more than {comparison['largest_difference']:.4f} "
            f"(allowed: {allowed['largest_difference']:.4f}), and "
            f"{comparison['same_neighbours']:.1%} of the cells have the same "
            f"{comparison['k']} neighbours (at least: {allowed['same_neighbours']:.0%}). {verdict}"
        )
    if "reason" in comparison:
        return (
            "The features were computed **from pixels** and go on as a set of their own: they rest "
            f"on {comparison['reason']} than the shipped ones, so nothing was compared."
        )
    return "Nothing was computed from pixels, so nothing was compared with the shipped features."
