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
from leukgnn.cells import found_there
from leukgnn.files import EXPLORER, SITE, InputError
from leukgnn.names import TABLES, WITNESS
from leukgnn.profiles import profile


def given_text(name, default=""):
    """What was given as text: `make` puts it into a list, as Snakemake reads 2019_07 as a number."""
    value = config.get(name)
    return str(value[0] if isinstance(value, list) else value or "") or default


ARTIFACTS, RESULTS, DATA = "build/artifacts", "build/results", "leukgnn/data"
FEATURES, GRAPH = f"{ARTIFACTS}/features.npz", f"{ARTIFACTS}/graph.npz"
HIDDEN = f"{ARTIFACTS}/hidden.npz"
SHIPPED = sorted(str(path) for path in Path(DATA).glob("features*.npz"))
PUBLISHED_RUNS = sorted(str(path) for path in Path(DATA, "runs").glob("[!.]*.parquet"))
PUBLISHED = sorted(str(path) for path in Path(DATA, "published").glob("*"))
MODELS = sorted(str(path) for path in Path(DATA).glob("features*.safetensors"))
IMAGED = [f"{DATA}/{name}_predictions.parquet" for name in ("cnn", "encoder", "encoder_papers")]
PROFILES = f"{DATA}/profiles.yml"
# Without images the published runs are there, and little is left to compute.
PROFILE = given_text("profile", "quick")
SPREAD = bool(given_text("images")) or PROFILE != "quick"
SHARDS = given_text("shards", "1")
if not SHARDS.isdigit() or not int(SHARDS):
    sys.exit(f"SHARDS={SHARDS}: expected a whole number from 1.")
SHARDS = int(SHARDS)
RUNS = [f"build/runs/shards/{i}_of_{SHARDS}" for i in range(1, SHARDS + 1)]
CHAPTERS = {  # name: what it reads besides the package
    "01_dataset": [FEATURES],
    "02_augmentation": [f"{DATA}/light.parquet"],
    "03_features": [FEATURES],
    "04_graph": [FEATURES, GRAPH],
    "05_gcn": [FEATURES, GRAPH, RUNS],
    "06_results": [FEATURES, HIDDEN, RUNS],
    "07_protocols": [FEATURES, RUNS],
    "08_controls": [FEATURES, RUNS],
    "09_cnn": [FEATURES, RUNS, IMAGED, f"{DATA}/literature.csv"],
    "10_leakage": [FEATURES, RUNS],
    "11_readings": [FEATURES, RUNS],
    "12_patients": [FEATURES, RUNS, IMAGED],
    "13_faults": [FEATURES, RUNS],
    "14_page": [FEATURES, RUNS, MODELS, SHIPPED, f"{DATA}/encoder.safetensors"],
    "15_encoder": [FEATURES, RUNS, IMAGED, f"{DATA}/properties.parquet"],
    "16_networks": [FEATURES, RUNS, IMAGED],
    "17_people": [FEATURES, RUNS, IMAGED, f"{DATA}/cnn_predictions_people.parquet"],
    "18_reasons": [FEATURES, RUNS, IMAGED, f"{DATA}/looks.parquet", f"{DATA}/properties.parquet"],
}
# Large arrays stay with the process; the C library would give them back and ask for them again at
# every epoch, which then takes attention over edges 1.7 times as long.
KEPT = "MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592"
LONGEST = ("03_features", "05_gcn", "18_reasons", "02_augmentation")  # begun first: see `results`
try:
    profile(PROFILE)
except InputError as error:
    sys.exit(str(error))
SETTINGS = {
    "profile": PROFILE,
    "images": os.path.expanduser(given_text("images")),
    "weights": os.path.expanduser(given_text("weights")),
    "inputs": ARTIFACTS,
}
# What lies at these places: as parameters, as steps run again when such a one is another.
PLACES = {name: found_there(SETTINGS[name]) for name in ("images", "weights")}


def modules(*names):
    """Files of the package that a step rests on."""
    return [os.path.relpath(path) for path in modules_of(*names)]


def chosen(chapter, values):
    """Those values that are parameters of a chapter."""
    declared = chapters.declared_parameters(chapters.chapter_source(chapter))
    return {name: value for name, value in values.items() if name in declared}


def given(chapter):
    """Parameters of a chapter in this build, as the command line takes them."""
    words = (f"{name}={value}" for name, value in chosen(chapter, SETTINGS).items())
    return " ".join(f"-p {shlex.quote(word)}" for word in words)


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
        expand("benchmarks/{name}", name=["coverage.csv", "coverage.json", "mutants.csv"]),
        "benchmarks/page.json",
        sorted(str(path) for path in Path("book").glob("*.png")),
        sorted(str(p) for name in ("_static", "_extra") for p in Path("book", name).rglob("*") if p.is_file()),
        f"{SITE}/model.json",
        f"{EXPLORER}/explorer.json",
        PUBLISHED,
        modules("book.building"),
    output:
        "_build/html/index.html",
    params:
        repository=shlex.quote(given_text("repository")),
        profile=PROFILE,
    shell:
        "{sys.executable:q} -m leukgnn.cli book --profile {params.profile} "
        "--repository {params.repository}"


rule page:
    input:
        sorted(str(path) for path in Path("leukgnn/demo/page").rglob("*.*")),
        sorted(str(path) for path in Path(DATA).glob("*encoder.*")),
        f"{DATA}/manifest.csv.xz",
        modules("demo.export"),
    output:
        f"{SITE}/model.json",
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli export {SITE}"


rule explorer:
    input:
        sorted(str(path) for path in Path("leukgnn/book/explorer").rglob("*.*")),
        f"{RESULTS}/predictions.parquet",
        f"{RESULTS}/intervals.csv",
        FEATURES,
        RUNS,
        modules("book.explorer"),
    output:
        expand(EXPLORER.as_posix() + "/{name}.{kind}", name=["explorer", "cells"], kind=["json", "bin"]),
    params:
        profile=PROFILE,
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli explorer --profile {params.profile}"


rule artifacts:
    input:
        SHIPPED,
        f"{DATA}/manifest.csv.xz",  # whose cells they are, which all that reads them sees
        modules("experiments.artifacts"),
    output:
        FEATURES,
        f"{ARTIFACTS}/features.json",
        GRAPH,
        f"{ARTIFACTS}/graph.json",
    params:
        images=shlex.quote(SETTINGS["images"]),
        weights=shlex.quote(SETTINGS["weights"]),
        places=PLACES,
    threads: workflow.cores if SPREAD else 1
    priority: 2  # nearly everything waits for it
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli artifacts --images {params.images} "
        "--weights {params.weights}"


rule hidden:
    input:
        FEATURES,
        modules("experiments.artifacts"),
    output:
        HIDDEN,
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli hidden"


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
        "{KEPT} LOKY_MAX_CPU_COUNT={threads} {sys.executable:q} -m leukgnn.cli runs "
        "--profile {params.profile} --shard {wildcards.shard}/{wildcards.of}"


rule witness:
    input:
        RUNS,
        HIDDEN,  # its networks are two of the runs that are computed again
        SHIPPED,
        PUBLISHED_RUNS,
        modules("experiments.witness", "evaluation.agreement"),
    output:
        f"{RESULTS}/{WITNESS}",
    params:
        profile=PROFILE,
    threads: workflow.cores
    shell:
        "{KEPT} LOKY_MAX_CPU_COUNT={threads} {sys.executable:q} -m leukgnn.cli witness "
        "--profile {params.profile}"


rule results:
    input:
        RUNS,
        FEATURES,
        IMAGED,
        modules("evaluation", "experiments"),
    output:
        expand(RESULTS + "/{table}", table=TABLES),
    params:
        profile=PROFILE,
    priority: 1  # it takes longer than any chapter: begun last, it would leave a core idle
    shell:
        "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli results "
        "--profile {params.profile}"


rule claims:
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=CHAPTERS),
        expand(RESULTS + "/{table}.csv", table=["intervals", "differences"]),
        f"{DATA}/claims.yml",
        "benchmarks/results.json",
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
        priority: 1 if name in LONGEST else 0
        params:
            chapter=name,
            given=given(name),
            places=chosen(name, PLACES),
        shell:
            "OMP_NUM_THREADS={threads} {sys.executable:q} -m leukgnn.cli run {params.chapter} "
            "{params.given} -o {output[0]}"
