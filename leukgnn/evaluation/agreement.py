"""Whether runs that were computed again agree with the published ones.

Training for hundreds of epochs carries the last bits of a product far: on another processor the
same network gives other answers for a few cells. How far is measured, model by model, under other
instruction sets and thread counts (`make tolerance`); twice as far passes.
"""

import json
from functools import cache

import pandas as pd

from leukgnn import files, names

MEASURED = files.shipped_path("agreement.json")
MARGIN = 2  # times what was measured
LEAST = 0.005  # of both: what passes where nothing was seen to differ


@cache
def _measured() -> pd.DataFrame:
    """Worst `mean_difference` and `same_answers` of each model that was measured."""
    models = json.loads(MEASURED.read_text(encoding="utf-8"))["models"]
    return pd.DataFrame.from_dict(models, orient="index")


def allowed(models: pd.Series) -> pd.DataFrame:
    """What may differ in a run of each of these models; what was not measured may as the worst.

    Returns
    -------
    DataFrame
        `mean_difference`, the most, and `same_answers`, the least share of cells.
    """
    measured = _measured()
    worst = {"mean_difference": measured["mean_difference"].max()}
    worst["same_answers"] = measured["same_answers"].min()
    rows = measured.reindex(models).fillna(worst).set_axis(models.index)
    return pd.DataFrame(
        {
            "mean_difference": (MARGIN * rows["mean_difference"]).clip(lower=LEAST),
            "same_answers": (1 - MARGIN * (1 - rows["same_answers"])).clip(upper=1 - LEAST),
        }
    )


def agrees(compared: pd.DataFrame) -> pd.Series:
    """Tell of each run of `experiments.witness.compare` whether it agrees."""
    limits = allowed(compared["model"])
    near = compared["mean_difference"] <= limits["mean_difference"]
    return near & (compared["same_answers"] >= limits["same_answers"])


def complaints(compared: pd.DataFrame) -> list[str]:
    """Say of every run that disagrees which it is and what to do."""
    limits = allowed(compared["model"])
    wrong = compared.join(limits.add_suffix("_allowed"))[~agrees(compared)]
    return [
        f"the published run of {row['run']} is not what this code computes: {row['cells']} "
        f"probabilities differ by {row['mean_difference']:.4f} in the mean (at most "
        f"{row['mean_difference_allowed']:.4f} may), {row['same_answers']:.1%} of the answers are "
        f"the same (at least {row['same_answers_allowed']:.1%} must be). If a change of the code "
        "was meant to change it, make the published runs anew with `make book PROFILE=full` and "
        "`make publish`; else look for what changed it."
        for row in wrong.to_dict("records")
    ]


def summary(compared: pd.DataFrame) -> pd.DataFrame:
    """Compare by protocol and model: differences, what may differ, and the verdict.

    The worst run of each row is shown.
    """
    limits = allowed(compared["model"])
    verdicts = compared.join(limits.add_suffix("_allowed")).assign(agrees=agrees(compared))
    return pd.DataFrame(
        [
            {
                "Protocol": names.label(str(protocol)),
                "Model": names.label(str(model)),
                "Runs": len(rows),
                "Largest difference": f"{rows['largest_difference'].max():.1e}",
                "Mean difference": f"{rows['mean_difference'].max():.1e}",
                "at most": f"{rows['mean_difference_allowed'].max():.3f}",
                "Same answers": f"{rows['same_answers'].min():.2%}",
                "at least": f"{rows['same_answers_allowed'].min():.1%}",
                "Verdict": "agrees" if rows["agrees"].all() else "disagrees",
            }
            for (protocol, model), rows in verdicts.groupby(["protocol", "model"], sort=False)
        ]
    )
