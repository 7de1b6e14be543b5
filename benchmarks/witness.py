"""How far runs lie from the published ones on other processors: what the witness may let pass.

`python -m benchmarks.witness` computes some published runs again under each of `VARIANTS`, other
instruction sets and thread counts that stand in for other processors, and writes by model how far
they lie from the published ones into the package (`leukgnn.evaluation.agreement` reads it).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from leukgnn import files
from leukgnn.evaluation.agreement import MEASURED
from leukgnn.experiments import Asked, Plan, witness
from leukgnn.features import shipped_features

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
}  # fmt: skip
VARIANTS = {
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {"OMP_NUM_THREADS": "1", **AVX2},
}
MODELS = (
    "gcn", "mlp", "gcn_tuned", "mlp_tuned", "correct_and_smooth", "gcn_random_graph",
    "gcn_random_weights", "mlp_random_weights", "logistic", "svm_linear", "sgc",
)  # fmt: skip


def chosen() -> list[Asked]:
    """Runs of every protocol, first seed: networks, and what scikit-learn's solvers fit."""
    plan = Plan.of(shipped_features(), "quick", seeds=1)
    apart = [a for a in plan.subject_disjoint(MODELS) if a.run.fold in ("fold_0", "fold_1")]
    as_written = plan.as_written(["gcn", "mlp", "logistic", "svm"])
    return [*as_written, *plan.as_released(["gcn", "mlp"]), *apart]


def measure(target: Path) -> None:
    """Compute the chosen runs in this process and write how far they lie from the published."""
    with tempfile.TemporaryDirectory() as scratch:
        witness.compare(chosen(), Path(scratch)).to_csv(target, index=False)


def main() -> None:
    """Measure under every variant, and write the worst of each model."""
    with tempfile.TemporaryDirectory() as scratch:
        tables = {name: Path(scratch, f"{i}.csv") for i, name in enumerate(VARIANTS)}
        for name, variables in VARIANTS.items():  # one at a time: threads want their cores
            subprocess.run(
                [sys.executable, "-m", "benchmarks.witness", str(tables[name])],
                env={**os.environ, **variables, "LOKY_MAX_CPU_COUNT": "1"},
                check=True,
            )
        write(tables)


def write(tables: dict[str, Path]) -> None:
    """Write the worst of each model over the variants' tables."""
    rows = pd.concat([pd.read_csv(path).assign(variant=name) for name, path in tables.items()])
    print(rows.drop(columns="run").to_string(index=False))
    worst = rows.groupby("model").agg({"mean_difference": "max", "same_answers": "min"})
    measured = {"models": worst.to_dict("index"), "variants": list(VARIANTS)}
    files.write_json(MEASURED, {**measured, "provenance": files.provenance()})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
