"""What each word of the `leukgnn` command does.

Imports stand within the functions: torch alone takes seconds, and what comes with an extra may be
missing. Files of the checkout are found from its root, files that a user names from where the user
stands.
"""

import json
import os
import re
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

from leukgnn import files, names
from leukgnn.files import InputError

# Parameters of chapters that name files or folders; chapters run in the root of the checkout.
PATHS = ("images", "weights", "inputs")


def run(options: Namespace) -> int:
    """Run one chapter."""
    from leukgnn.book import chapters

    source = chapters.chapter_source(options.chapter)
    given = chapters.parse_assignments(source, options.parameters)
    given = {name: _from_root(v) if name in PATHS else v for name, v in given.items()}
    try:
        chapters.run(source, options.output, given)
    except chapters.ChapterError as error:
        print(f"leukgnn: {error}", file=sys.stderr)
        return 1
    return 0


def _from_root(path: str) -> str:
    """Path that was given where the user stands, as the root of the checkout sees it."""
    root = files.project_root()
    if path.startswith("~/"):
        return str(Path(path).expanduser())
    if not path or path == "imagenet" or path.startswith("random:"):
        return path
    if Path(path).is_absolute() or root == Path.cwd():
        return path
    return os.path.relpath(path, root)


def artifacts(options: Namespace) -> int:
    """Write the features that a build goes on with, and the graph of all cells."""
    from leukgnn.experiments import artifacts

    folder = files.build_folder() / "artifacts"
    print(artifacts.prepare(options.images, options.weights, folder).origin)
    return 0


def hidden(options: Namespace) -> int:
    """Write the hidden features of the first networks as written."""
    from leukgnn.experiments import artifacts
    from leukgnn.features import read_features

    artifacts.write_hidden(read_features(), files.build_folder() / "artifacts")
    return 0


def runs(options: Namespace) -> int:
    """Compute the runs of a profile, or a shard of them, into the store."""
    from leukgnn.experiments import Plan, fill, open_store, shard
    from leukgnn.features import read_features

    number, of = _shard(options.shard)
    asked = shard(Plan.of(read_features(), options.profile).everything(), number, of)
    store = open_store(options.profile)
    missing = [a for a in asked if a.run not in store]
    print(f"{len(asked):,} runs, of which {len(missing):,} are to be computed.", flush=True)
    if options.plan:
        print("\n".join(a.run.name for a in missing))
    else:
        fill(missing, store)
    return 0


def witness(options: Namespace) -> int:
    """Compute published runs again and compare."""
    from leukgnn.evaluation import agreement
    from leukgnn.experiments import Plan, Store, open_store, witness
    from leukgnn.features import shipped_features

    plan = Plan.of(shipped_features(), options.profile)
    draw = re.sub("[^0-9a-f]", "", files.commit()) or "0"
    everything = plan.everything()
    chosen = everything if options.all else witness.witnesses(plan.groups(), draw)
    store = open_store(options.profile)
    own = Store(store.folder, published=False) if options.all else witness.witnessing()
    compared = witness.compare(chosen, everything, own, choosing=options.all)
    with files.atomic_path(files.build_folder() / "results" / names.WITNESS) as temporary:
        compared.to_csv(temporary, index=False)
    print(agreement.summary(compared).to_string(index=False))
    problems = agreement.complaints(compared)
    for problem in problems:
        print(f"leukgnn: {problem}", file=sys.stderr)
    return 1 if problems and store.published else 0


def _shard(text: str) -> tuple[int, int]:
    """Read ``"3/20"``: the third of twenty parts."""
    found = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise InputError(
            f"--shard {text}: expected I/N in whole numbers with 1 <= I <= N, such as 3/20."
        )
    return number, of


def verify(options: Namespace) -> int:
    """Compare a folder of images with the manifest."""
    from leukgnn.cells import verify

    if options.report:
        files.check_target(options.report, ".csv")
    report = verify.verify(options.folder)
    print(report.text())
    if options.report:
        with files.atomic_path(options.report) as temporary:
            report.files.to_csv(temporary, index=False)
    return 0 if report.ok(partial=options.partial) else 1


def get(options: Namespace) -> int:
    """Obtain the images."""
    from leukgnn.cells import verify

    print(f"{verify.get(options.folder)}: complete and verified.")
    return 0


def features(options: Namespace) -> int:
    """Extract features."""
    from leukgnn.features import extraction, resnet

    weights = resnet.find_weights(options.weights, download=True)
    extracted = extraction.extract_folder(
        options.folder, weights, options.output, normalised=not options.unnormalised
    )
    print(extracted.origin)
    return 0


def finetune(options: Namespace) -> int:
    """Fine-tune the CNN, fold by fold."""
    from leukgnn.experiments import finetune
    from leukgnn.features import resnet

    weights = resnet.find_weights(options.weights or resnet.IMAGENET, download=True)
    finetune.cross_predict(options.folder, weights, options.output)
    print(f"Predictions written to {options.output}.")
    return 0


def encoder(options: Namespace) -> int:
    """Train one part's encoder, or put the folds' answers together."""
    from leukgnn.cells.views import PAPERS
    from leukgnn.experiments import encoder, encoder_answers

    if options.part == "answers":
        papers = options.papers_views
        collect = encoder_answers.collect_control if papers else encoder_answers.collect
        collect(options.output, options.output)
        print(f"Answers written to {options.output}.")
        return 0
    recipe = encoder.Recipe(views=PAPERS) if options.papers_views else encoder.Recipe()
    path = encoder.encode(
        options.folder, options.output, part=options.part, seed=options.seed, recipe=recipe
    )
    print(f"Features and answers written to {path}.")
    return 0


def light(options: Namespace) -> int:
    """Ask trained networks about changed cells."""
    from leukgnn.experiments import light
    from leukgnn.features import resnet

    files.check_target(options.output, ".parquet")
    weights = resnet.find_weights(options.weights or resnet.IMAGENET)
    light.ask(options.folder, weights, options.output)
    print(f"Answers written to {options.output}.")
    return 0


def looks(options: Namespace) -> int:
    """Ask fine-tuned networks what they look at."""
    from leukgnn.experiments import looks
    from leukgnn.features import resnet

    weights = resnet.find_weights(options.weights or resnet.IMAGENET, download=True)
    looks.look(options.folder, weights, options.output)
    print(f"Looks written to {options.output}.")
    return 0


def properties(options: Namespace) -> int:
    """Measure cells."""
    from leukgnn.cells import properties

    table = properties.measure_folder(options.folder, options.output)
    print(f"Properties of {len(table):,} cells written to {options.output}.")
    return 0


def model(options: Namespace) -> int:
    """Train the demo's model."""
    from leukgnn.demo import model

    print(f"Model written to {model.train(options.features)}.")
    return 0


def predict(options: Namespace) -> int:
    """Classify images."""
    from leukgnn import demo
    from leukgnn.cells import images
    from leukgnn.features import resnet

    predictor = demo.Predictor(resnet.find_weights(options.weights), options.reference)
    given = [(str(path), partial(images.read_content, path)) for path in options.images]
    results = demo.classify(predictor, given)
    print(
        json.dumps(results, indent=2)
        if options.json
        else demo.as_text(results, explain=options.explain)
    )
    return 0 if all(result["ok"] for result in results) else 1


def serve(options: Namespace) -> int:
    """Serve the demo."""
    from leukgnn.demo import serve

    serve.run(options.weights, options.reference, options.port)
    return 0


def export(options: Namespace) -> int:
    """Write the demo as files for any static host."""
    from leukgnn.demo import export

    loaded = export.export(options.folder)
    print(f"{options.folder}: a reader who classifies loads {loaded / 2**20:.1f} MB.")
    return 0


def explorer(options: Namespace) -> int:
    """Write the explorer's files."""
    import pandas as pd

    from leukgnn.book import explorer
    from leukgnn.experiments import Plan, open_store
    from leukgnn.features import read_features

    root = files.project_root()
    tables = [root / files.RESULTS / name for name in ("predictions.parquet", "intervals.csv")]
    for path in tables:
        if not path.is_file():
            raise files.InputError(f"{path} is missing: run `make book`, or `leukgnn results`.")
    predictions, intervals = pd.read_parquet(tables[0]), pd.read_csv(tables[1])
    plan, store = Plan.of(read_features(), options.profile), open_store(options.profile)
    held = explorer.export(predictions, intervals, plan, store, root / files.EXPLORER)
    print(f"{files.EXPLORER}: {held / 2**20:.1f} MB of answers.")
    return 0


def results(options: Namespace) -> int:
    """Write the result tables."""
    import pandas as pd

    from leukgnn.evaluation import tables
    from leukgnn.experiments import REFERENCES, Plan, open_store, predictions, reference
    from leukgnn.features import read_features

    features = read_features()
    asked = Plan.of(features, options.profile).results()
    answers = predictions(asked, open_store(options.profile))
    shipped = [reference(name, features.table)[0] for name in REFERENCES]
    everything = pd.concat([answers, *shipped], ignore_index=True)
    tables.write(everything, files.build_folder() / "results")
    return 0


def claims(options: Namespace) -> int:
    """Judge the claims."""
    from leukgnn.book.chapters import executed
    from leukgnn.claims import write

    root = files.project_root()
    judged = write(executed(root / files.CHAPTERS), root / files.RESULTS)
    print(judged["verdict"].value_counts().to_string())
    return 0


def book(options: Namespace) -> int:
    """Build and check the book."""
    from leukgnn.book import building

    problems = building.build(options.repository, options.profile)
    for problem in problems:
        print(f"leukgnn: {problem}", file=sys.stderr)
    return 1 if problems else 0


def pdf(options: Namespace) -> int:
    """Print the built book."""
    from leukgnn.book import printing

    printing.book(options.output)
    print(f"{options.output}: {options.output.stat().st_size / 2**20:.1f} MB.")
    return 0


def publish(options: Namespace) -> int:
    """Keep a full build's runs and tables."""
    from leukgnn.book import published, publishing
    from leukgnn.experiments import open_store

    root = files.project_root()
    store = open_store(published.PROFILE)
    publishing.publish(root / files.CHAPTERS, root / files.RESULTS, store)
    print(f"Runs and tables written to {published.FOLDER.parent}.")
    return 0


def readme(options: Namespace) -> int:
    """Write the README's results."""
    from leukgnn.book import results_page

    results_page.write_readme()
    return 0
