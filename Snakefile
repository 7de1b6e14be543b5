# From shipped data or pixels to the book. Two kinds of work, kept apart: computing (artifacts, runs,
# witness: kept in build/, spread over cores or a cluster) and telling (results, chapters, claims,
# book: seconds, from what is computed). Every file that a step reads is among its inputs.
#
#   make plan    says what would run, and why
#   make book    runs it
import os
import shlex
import sys
from pathlib import Path

from leukgnn.book import chapters
from leukgnn.book.imports import modules_of, modules_used
from leukgnn.files import InputError
from leukgnn.names import TABLES, WITNESS
from leukgnn.profiles import profile

ARTIFACTS, RESULTS, DATA = "build/artifacts", "build/results", "leukgnn/data"
FEATURES, GRAPH = f"{ARTIFACTS}/features.npz", f"{ARTIFACTS}/graph.npz"
HIDDEN = f"{ARTIFACTS}/hidden.npz"
SHIPPED = sorted(str(path) for path in Path(DATA).glob("features*.npz"))
PUBLISHED_RUNS = sorted(str(path) for path in Path(DATA, "runs").glob("*.parquet"))
PUBLISHED = sorted(str(path) for path in Path(DATA, "published").glob("*"))
MODELS = sorted(str(path) for path in Path(DATA).glob("features*.safetensors"))
CNN = f"{DATA}/cnn_predictions.parquet"
PROFILES = f"{DATA}/profiles.yml"
# Without images the published runs are there, and little is left to compute.
SPREAD = bool(config.get("images")) or (config.get("profile") or "quick") != "quick"
SHARDS = int(config.get("shards") or 1)
RUNS = [f"build/runs/shards/{i}_of_{SHARDS}" for i in range(1, SHARDS + 1)]
CHAPTERS = {  # name: what it reads besides the package
    "01_dataset": [],
    "02_augmentation": [],
    "03_features": [FEATURES],
    "04_graph": [FEATURES, GRAPH],
    "05_gcn": [FEATURES, GRAPH, RUNS],
    "06_results": [FEATURES, HIDDEN, RUNS],
    "07_protocols": [FEATURES, RUNS],
    "08_controls": [FEATURES, RUNS],
    "09_cnn": [FEATURES, RUNS, CNN],
    "10_leakage": [FEATURES, RUNS],
    "11_page": [FEATURES, RUNS, MODELS, SHIPPED],
}
PROFILE = config.get("profile") or "quick"
try:
    profile(PROFILE)
except InputError as error:
    sys.exit(str(error))
SETTINGS = {
    "profile": PROFILE,
    "images": config.get("images") or "",
    "weights": config.get("weights") or "",
    "inputs": ARTIFACTS,
}


def modules(*names):
    """Files of the package that a step rests on."""
    return [os.path.relpath(path) for path in modules_of(*names)]


def given(chapter):
    """Parameters of a chapter in this build, as the command line takes them."""
    declared = chapters.declared_parameters(chapters.chapter_source(chapter))
    chosen = {name: value for name, value in SETTINGS.items() if name in declared}
    return " ".join(f"-p {shlex.quote(f'{name}={value}')}" for name, value in chosen.items())


rule book:
    default_target: True
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=CHAPTERS),
        expand(RESULTS + "/{table}", table=[*TABLES, "claims.csv", WITNESS]),
        "_config.yml",
        "_toc.yml",
        sorted(str(path) for path in Path("book").glob("*.md")),
        "book/references.bib",
        "benchmarks/results.json",
        sorted(str(path) for path in Path("book").glob("demo_*.png")),
        PUBLISHED,
        modules("book.building"),
    output:
        "_build/html/index.html",
    params:
        repository=shlex.quote(config.get("repository") or ""),
        profile=PROFILE,
    shell:
        "{sys.executable:q} -m leukgnn.cli book --profile {params.profile} "
        "--repository {params.repository}"


rule artifacts:
    input:
        SHIPPED,
        modules("experiments.artifacts"),
    output:
        FEATURES,
        f"{ARTIFACTS}/features.json",
        GRAPH,
        f"{ARTIFACTS}/graph.json",
        HIDDEN,
    params:
        images=shlex.quote(SETTINGS["images"]),
        weights=shlex.quote(SETTINGS["weights"]),
    threads: workflow.cores if SPREAD else 1
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli artifacts --images {params.images} "
        "--weights {params.weights}"


rule runs:
    input:
        FEATURES,
        SHIPPED,
        PUBLISHED_RUNS,
        PROFILES,
        modules("experiments.plan"),
    output:
        touch("build/runs/shards/{shard}_of_{of}"),
    params:
        profile=PROFILE,
    threads: workflow.cores if SPREAD else 1
    shell:
        "LOKY_MAX_CPU_COUNT={threads} {sys.executable:q} -m leukgnn.cli runs "
        "--profile {params.profile} --shard {wildcards.shard}/{wildcards.of}"


rule witness:
    input:
        RUNS,
        SHIPPED,
        PUBLISHED_RUNS,
        modules("experiments.witness", "evaluation.agreement"),
    output:
        f"{RESULTS}/{WITNESS}",
    params:
        profile=PROFILE,
    threads: workflow.cores
    shell:
        "LOKY_MAX_CPU_COUNT={threads} {sys.executable:q} -m leukgnn.cli witness "
        "--profile {params.profile}"


rule results:
    input:
        RUNS,
        FEATURES,
        CNN,
        modules("evaluation", "experiments"),
    output:
        expand(RESULTS + "/{table}", table=TABLES),
    params:
        profile=PROFILE,
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli results "
        "--profile {params.profile}"


rule claims:
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=CHAPTERS),
        expand(RESULTS + "/{table}.csv", table=["intervals", "differences"]),
        f"{DATA}/claims.yml",
        modules("claims"),
    output:
        f"{RESULTS}/claims.csv",
    shell:
        "{sys.executable:q} -m leukgnn.cli claims"


for name, reads in CHAPTERS.items():

    rule:
        name: name
        input:
            reads,
            f"notebooks/{name}.md",
            f"{DATA}/manifest.csv.xz",
            PROFILES,
            [os.path.relpath(path) for path in modules_used(chapters.chapter_source(name))],
        output:
            f"book/chapters/{name}.ipynb",
        params:
            chapter=name,
            given=given(name),
        shell:
            "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli run {params.chapter} "
            "{params.given} -o {output[0]}"
