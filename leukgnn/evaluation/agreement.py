"""Whether runs that were computed again agree with the published ones."""

import pandas as pd

from leukgnn import names

# Measured, not guessed: the largest that the same runs differ by under other instruction sets and
# thread counts (benchmarks/witness.json), doubled.
TOLERANCE = 0.02  # of a run's mean absolute difference of probabilities
ANSWERS = 0.98  # least share of cells with the same answer


def agrees(compared: pd.DataFrame) -> pd.Series:
    """Tell of each run of `experiments.witness.compare` whether it agrees."""
    near = compared["mean_difference"] <= TOLERANCE
    return near & (compared["same_answers"] >= ANSWERS)


def complaints(compared: pd.DataFrame) -> list[str]:
    """Say of every run that disagrees which it is and what to do."""
    return [
        f"the published run of {row['run']} is not what this code computes: {row['cells']} "
        f"probabilities differ by {row['mean_difference']:.4f} in the mean (at most {TOLERANCE} "
        f"may), {row['same_answers']:.1%} of the answers are the same (at least {ANSWERS:.0%} "
        "must be). If a change of the code was meant to change it, make the published runs anew "
        "with `make book PROFILE=full` and `make publish`; else look for what changed it."
        for row in compared[~agrees(compared)].to_dict("records")
    ]


def summary(compared: pd.DataFrame) -> pd.DataFrame:
    """Compare by protocol and model: runs, differences, share of equal answers, verdict."""
    verdicts = compared.assign(agrees=agrees(compared))
    return pd.DataFrame(
        [
            {
                "Protocol": names.label(str(protocol)),
                "Model": names.label(str(model)),
                "Runs": len(rows),
                "Mean difference": f"{rows['mean_difference'].max():.1e}",
                "Largest difference": f"{rows['largest_difference'].max():.1e}",
                "Same answers": f"{rows['same_answers'].min():.2%}",
                "Verdict": "agrees" if rows["agrees"].all() else "disagrees",
            }
            for (protocol, model), rows in verdicts.groupby(["protocol", "model"], sort=False)
        ]
    )
