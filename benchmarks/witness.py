"""How far the same runs lie apart on other processors: other instruction sets and thread counts.

`python -m benchmarks.witness` computes some runs under each of `VARIANTS`, which stand in for other
processors, compares them with the first, and writes witness.json: what the witness's tolerance
rests on (`leukgnn.experiments.witness`).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukgnn import files
from leukgnn.experiments import Asked, Plan, Store, fill
from leukgnn.features import shipped_features
from leukgnn.paper import THRESHOLD

SEEDS = 1
PLAIN = {"OMP_NUM_THREADS": "1"}
VARIANTS = {
    "as the builds run": PLAIN,
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {
        **PLAIN, "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
    },
    "no vectors": {
        **PLAIN, "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OPENBLAS_CORETYPE": "Nehalem",
    },
}  # fmt: skip


def chosen() -> list[Asked]:
    """Runs of every protocol: networks, and what scikit-learn's solvers fit."""
    plan = Plan.of(shipped_features(), "quick", seeds=SEEDS)
    asked = [
        *plan.as_written(["gcn", "mlp", "logistic"]),
        *plan.as_released(["gcn", "mlp"]),
        *plan.subject_disjoint(["gcn", "mlp", "gcn_random_graph", "svm_linear", "sgc"]),
    ]
    return [a for a in asked if a.run.fold in ("all", "fold_0", "part_0")]


def compute(folder: Path) -> None:
    """Compute the chosen runs into a folder, one after the other in this process."""
    fill(chosen(), Store(folder, published=False))


def compare(folders: dict[str, Path]) -> list[dict[str, Any]]:
    """Largest differences from the first variant, by variant, protocol and model."""
    stores = {name: Store(folder, published=False) for name, folder in folders.items()}
    first, *others = stores
    rows = []
    for name in others:
        for a in chosen():
            here, there = (stores[s].get(a.run).probability.astype(float) for s in (first, name))
            distance = np.abs(here - there)
            rows.append(
                {
                    "Instead": name,
                    "Protocol": a.protocol,
                    "Model": a.model,
                    "Mean difference": float(distance.mean()),
                    "Largest difference": float(distance.max()),
                    "Same answers": float(((here >= THRESHOLD) == (there >= THRESHOLD)).mean()),
                }
            )
    groups = pd.DataFrame(rows).groupby(["Instead", "Protocol", "Model"], sort=False)
    worst = {"Mean difference": "max", "Largest difference": "max", "Same answers": "min"}
    return [{str(k): v for k, v in row.items()} for row in
            groups.agg(worst).reset_index().to_dict("records")]  # fmt: skip


def main() -> None:
    """Compute under every variant, compare, print, and write witness.json."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch, str(i)) for i, name in enumerate(VARIANTS)}
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.witness", str(folders[name])],
                env={**os.environ, **variables, "LOKY_MAX_CPU_COUNT": "1"},
            )
            for name, variables in VARIANTS.items()
        ]
        if any(process.wait() for process in running):
            raise SystemExit("a variant could not be computed; see above")
        rows = compare(folders)
    print(pd.DataFrame(rows).to_string(index=False))
    target = Path(__file__).with_name("witness.json")
    files.write_json(target, {"rows": rows, "provenance": files.provenance()})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compute(Path(sys.argv[1]))
    else:
        main()
