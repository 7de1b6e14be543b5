"""What changed cells do to the answers, beside the same cells unchanged."""

import numpy as np
import pandas as pd

from leukgnn.cells.changes import UNCHANGED
from leukgnn.evaluation.inference import intervals, paired_differences
from leukgnn.paper import THRESHOLD

AREA = ["value", "low", "high", "outcome", "effective_subjects"]  # of a paired difference


def effects(table: pd.DataFrame) -> pd.DataFrame:
    """What each change does to the answers, beside those to the unchanged cells.

    Parameters
    ----------
    table : DataFrame
        As `experiments.light.ask` gives it.

    Returns
    -------
    DataFrame
        One row a change, strength and model: `turned`, share of the answers that turn over, with
        `turned_low` and `turned_high`; `moved`, share of the cells that get another nearest
        training cell; and `AREA` of the ROC AUC's difference from that of the unchanged cells,
        paired over subjects.
    """
    keys = ["filename", "model"]
    before = table[table["change"] == UNCHANGED].set_index(keys)
    of_before = pd.MultiIndex.from_frame(table[keys])
    leukemic = (before["probability"] >= THRESHOLD).loc[of_before].to_numpy()
    same = (table["probability"] >= THRESHOLD).to_numpy() == leukemic
    cells = pd.DataFrame(
        {
            **{name: table[name] for name in ("filename", "subject", "label", "fold")},
            "protocol": table["model"],
            "model": [
                f"{c} {s:g}" for c, s in zip(table["change"], table["strength"], strict=True)
            ],
            "seed": 0,
            "probability": table["probability"].astype(float),
        }
    )
    # The share of cells that keep their answer is the accuracy of who is right where it is kept.
    kept = cells.assign(
        probability=np.where(same, table["label"], 1 - table["label"]).astype(float)
    )
    share = intervals(kept).set_index(["metric", "protocol", "model"]).loc["accuracy"]
    views = [name for name in dict.fromkeys(cells["model"]) if not name.startswith(UNCHANGED)]
    pairs = [(name, f"{UNCHANGED} 0") for name in views]
    areas = paired_differences(cells, pairs)
    areas = areas[areas["metric"] == "roc_auc"].set_index(["protocol", "first"])
    nearest = table["nearest"].to_numpy() != before["nearest"].loc[of_before].to_numpy()
    moved = (
        table.assign(moved=nearest)
        .groupby(["model", "change", "strength"], sort=False)["moved"]
        .mean()
    )
    rows = []
    for row in moved.drop(UNCHANGED, level="change").reset_index().to_dict("records"):
        key = (row["model"], f"{row['change']} {row['strength']:g}")
        kept_share = share.loc[key]
        turned = {
            "turned": 1 - kept_share["value"],
            "turned_low": 1 - kept_share["high"],
            "turned_high": 1 - kept_share["low"],
        }
        rows.append({**row, **turned, **areas.loc[key, AREA]})
    return pd.DataFrame(rows)
