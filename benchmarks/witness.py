"""Would the witness pass on other processors? The same runs under other instruction sets.

`python -m benchmarks.witness` computes some published runs again under each of `VARIANTS`, which
stand in for other processors, and prints how far they lie from the published ones and how far they
may (what seeds differ by: `leukgnn.experiments.witness`).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from leukgnn.evaluation import agreement
from leukgnn.experiments import Asked, Plan, Store, witness
from leukgnn.features import shipped_features

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
}  # fmt: skip
NONE = {
    "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OPENBLAS_CORETYPE": "Nehalem",
}  # fmt: skip
VARIANTS = {
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {"OMP_NUM_THREADS": "1", **AVX2},
    "no AVX": {"OMP_NUM_THREADS": "1", **NONE},
}
MODELS = (
    "gcn", "mlp", "gcn_tuned", "mlp_tuned", "correct_and_smooth", "gcn_random_graph",
    "gcn_random_weights", "mlp_random_weights", "logistic", "svm_linear", "sgc",
)  # fmt: skip


def chosen(plan: Plan) -> list[Asked]:
    """Runs of every protocol, first seed: networks, and what scikit-learn's solvers fit."""
    as_written = [a for a in plan.as_written(["gcn", "mlp", "logistic", "svm"]) if a.seed == 0]
    released = [a for a in plan.as_released(["gcn", "mlp"]) if a.seed == 0]
    apart = [a for a in plan.subject_disjoint(MODELS) if a.seed == 0 and a.run.fold == "fold_0"]
    return [*as_written, *released, *apart]


def compare() -> None:
    """Compute the chosen runs in this process and print how far they lie from the published."""
    plan = Plan.of(shipped_features(), "quick")
    with tempfile.TemporaryDirectory() as scratch:
        compared = witness.compare(
            chosen(plan), plan.everything(), Store(Path(scratch), published=False), progress=False
        )
    print(agreement.summary(compared).to_string(index=False), flush=True)


def main() -> None:
    """Compare under every variant, one at a time: threads want their cores."""
    for name, variables in VARIANTS.items():
        print(f"\n{name}", flush=True)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.witness", "here"],
            env={**os.environ, **variables, "LOKY_MAX_CPU_COUNT": "1"},
            check=True,
        )


if __name__ == "__main__":
    compare() if sys.argv[1:] == ["here"] else main()
