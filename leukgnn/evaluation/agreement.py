"""Whether runs that were computed again agree with the published ones, and what to do if not."""

import pandas as pd

from leukgnn import names


def agrees(compared: pd.DataFrame) -> pd.Series:
    """Tell of each run of `experiments.witness.compare` whether it agrees."""
    near = compared["mean_difference"] <= compared["mean_allowed"]
    return near & (compared["same_answers"] >= compared["same_allowed"])


def complaints(compared: pd.DataFrame) -> list[str]:
    """Say of every run that disagrees which it is and what to do."""
    return [
        f"the published run of {row['run']} is not what this code computes: {row['cells']} "
        f"probabilities differ by {row['mean_difference']:.4f} in the mean (at most "
        f"{row['mean_allowed']:.4f} may), {row['same_answers']:.1%} of the answers are "
        f"the same (at least {row['same_allowed']:.1%} must be). If a change of the code "
        "was meant to change it, make the published runs anew with `make book PROFILE=full` and "
        "`make publish`; else look for what changed it."
        for row in compared[~agrees(compared)].to_dict("records")
    ]


def summary(compared: pd.DataFrame) -> pd.DataFrame:
    """Compare by protocol and model: differences, what may differ, and the verdict.

    The worst run of each row is shown.
    """
    verdicts = compared.assign(agrees=agrees(compared))
    return pd.DataFrame(
        [
            {
                "Protocol": names.label(str(protocol)),
                "Model": names.label(str(model)),
                "Runs": len(rows),
                "Largest difference": f"{rows['largest_difference'].max():.1e}",
                "Mean difference": f"{rows['mean_difference'].max():.1e}",
                "at most": f"{rows['mean_allowed'].max():.3f}",
                "Same answers": f"{rows['same_answers'].min():.2%}",
                "at least": f"{rows['same_allowed'].min():.1%}",
                "Verdict": "agrees" if rows["agrees"].all() else "disagrees",
            }
            for (protocol, model), rows in verdicts.groupby(["protocol", "model"], sort=False)
        ]
    )
