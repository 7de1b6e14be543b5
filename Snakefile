# The chapters, in the order of the data: each declares what it reads and what it writes, so only
# what changed runs again and independent chapters run side by side.
#
#   make plan    says what would run, and why
#   make book    runs it
import os
import shlex
import sys
from pathlib import Path

from leukgnn import execute
from leukgnn.files import InputError
from leukgnn.results import PREDICTIONS, TABLES

ARTIFACTS, RESULTS = "build/artifacts", "build/results"
FEATURES, GRAPH = f"{ARTIFACTS}/features.npz", f"{ARTIFACTS}/graph.npz"
CELLS = f"{ARTIFACTS}/cells.parquet"
PROTOCOLS, CONTROLS, CNN = (
    f"{ARTIFACTS}/{name}.parquet" for name in ("protocols", "controls", "cnn")
)
MODELS = [f"leukgnn/data/features{kind}.safetensors" for kind in ("", "_random")]
REFERENCE = "leukgnn/data/cnn_predictions.parquet"
TRAINED = [
    f"{ARTIFACTS}/{name}"
    for name in ("predictions.parquet", "history.parquet", "hidden.npz", "training.json")
]
CHAPTERS = {  # name: what it reads, what it writes, threads
    "01_dataset": ([], [CELLS], 1),
    "02_augmentation": ([CELLS], [], 1),
    "03_features": ([CELLS], [FEATURES, f"{ARTIFACTS}/features.json"], 1),
    "04_graph": ([FEATURES], [GRAPH, f"{ARTIFACTS}/graph.json"], 1),
    "05_gcn": ([FEATURES, GRAPH], TRAINED, 1),
    "06_results": ([FEATURES, *TRAINED], [], 1),
    "07_protocols": ([FEATURES, *TRAINED], [PROTOCOLS], 2),
    "08_controls": ([FEATURES, *TRAINED, PROTOCOLS], [CONTROLS], 2),
    "09_cnn": ([FEATURES, PROTOCOLS, CONTROLS, REFERENCE], [CNN], 1),
    "10_leakage": ([FEATURES], [], 1),
    "11_page": ([PROTOCOLS, *MODELS], [], 1),
}
PROFILE = config.get("profile") or "quick"
try:
    PROFILE_SETTINGS = execute.profile(PROFILE)
except InputError as error:
    sys.exit(str(error))
SETTINGS = {
    "profile": PROFILE,
    "images": config.get("images") or "",
    "weights": config.get("weights") or "",
    "inputs": ARTIFACTS,
    "outputs": ARTIFACTS,
}


def given(chapter):
    """Parameters of a chapter in this run, as the command line takes them."""
    declared = execute.declared_parameters(execute.chapter_source(chapter))
    settings = {**SETTINGS, **PROFILE_SETTINGS.get(chapter, {})}
    chosen = {name: value for name, value in settings.items() if name in declared}
    return " ".join(f"-p {shlex.quote(f'{name}={value}')}" for name, value in chosen.items())


rule book:
    default_target: True
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=CHAPTERS),
        expand(RESULTS + "/{table}", table=[*TABLES, "claims.csv"]),
        "_config.yml",
        "_toc.yml",
        sorted(str(p) for p in Path("book").glob("*.md")),
        "book/references.bib",
        "benchmarks/results.json",
        sorted(str(p) for p in Path("book").glob("demo_*.png")),
        sorted(str(p) for p in Path("leukgnn/data/published").glob("*")),
        [f"leukgnn/{name}.py" for name in ("book", "checks", "claims_page", "display", "published")],
    output:
        "_build/html/index.html",
    params:
        repository=config.get("repository") or "",
    shell:
        "{sys.executable:q} -m leukgnn.cli book --repository '{params.repository}'"


rule results:
    input:
        expand(ARTIFACTS + "/{name}", name=PREDICTIONS),
        [f"leukgnn/{name}.py" for name in ("results", "inference", "metrics")],
    output:
        expand(RESULTS + "/{table}", table=TABLES),
    params:
        draws=PROFILE_SETTINGS.get("results", {}).get("draws", 200),
    shell:
        "{sys.executable:q} -m leukgnn.cli results --draws {params.draws}"


rule claims:
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=CHAPTERS),
        expand(RESULTS + "/{table}.csv", table=["intervals", "differences"]),
        "leukgnn/data/claims.yml",
        [f"leukgnn/{name}.py" for name in ("claims", "facts", "paper", "display")],
    output:
        f"{RESULTS}/claims.csv",
    shell:
        "{sys.executable:q} -m leukgnn.cli claims"


for name, (reads, writes, cores) in CHAPTERS.items():

    rule:
        name: name
        input:
            reads,
            f"notebooks/{name}.md",
            [os.path.relpath(path) for path in execute.modules_used(execute.chapter_source(name))],
        output:
            f"book/chapters/{name}.ipynb",
            writes,
        params:
            chapter=name,
            given=given(name),
        threads: cores
        shell:
            "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli run {params.chapter} "
            "{params.given} -o {output[0]}"
