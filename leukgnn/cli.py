"""The `leukgnn` command: a thin face over the package."""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from leukgnn.files import InputError

# Warnings while torch-geometric is imported, as PYTHONWARNINGS: nothing that a user could change.
NOISE = "ignore:`torch.jit:FutureWarning,ignore:IProgress not found"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; bad input gives one sentence and exit status 2, a failure 1."""
    options = _parser().parse_args(arguments)
    _silence()
    # Imported by each command where it is used: torch alone takes seconds.
    try:
        return int(options.command(options))
    except InputError as error:
        print(f"leukgnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if options.resumes else ""
        print(f"leukgnn: interrupted{goes_on}.", file=sys.stderr)
        return 130


def _silence() -> None:
    """Silence torch's warning here, and `NOISE` in the kernels and processes started here."""
    warnings.filterwarnings("ignore", message="`torch.jit", category=FutureWarning)
    given = os.environ.get("PYTHONWARNINGS", "")
    if NOISE not in given:
        os.environ["PYTHONWARNINGS"] = f"{given},{NOISE}" if given else NOISE


def _parser() -> argparse.ArgumentParser:
    """The command's words and flags."""
    parser = argparse.ArgumentParser(prog="leukgnn", description=__doc__)
    parser.set_defaults(resumes=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run one chapter with other parameters")
    run.add_argument("chapter", help="such as 05_gcn")
    run.add_argument("-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[])
    run.add_argument("-o", dest="output", type=Path, required=True, help="executed .ipynb to write")
    run.set_defaults(command=_run)

    data = commands.add_parser("data", help="obtain or verify C-NMC 2019")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="compare a folder with the manifest")
    verify.add_argument("folder", type=Path)
    verify.add_argument("--partial", action="store_true", help="missing files are no fault")
    verify.add_argument("--report", type=Path, help="write every file's status as CSV")
    verify.set_defaults(command=_verify)
    get = actions.add_parser("get", help="download when possible, else say where to obtain it")
    get.add_argument("folder", type=Path)
    get.set_defaults(command=_get, resumes=True)

    features = commands.add_parser("features", help="extract the features of a folder of images")
    features.add_argument("folder", type=Path)
    features.add_argument(
        "--weights",
        default=os.environ.get("LEUKGNN_WEIGHTS", ""),
        help="a .safetensors file or random:SEED; default: LEUKGNN_WEIGHTS, else torch's",
    )
    features.add_argument(
        "--unnormalised", action="store_true", help="scale pixels to 0..1 only, as released"
    )
    features.add_argument("--output", type=Path, default=Path("features.npz"))
    features.set_defaults(command=_features, resumes=True)

    finetune = commands.add_parser("finetune", help="fine-tune the CNN baseline, fold by fold")
    finetune.add_argument("folder", type=Path)
    finetune.add_argument("--weights", default=os.environ.get("LEUKGNN_WEIGHTS", ""))
    finetune.add_argument("--output", type=Path, required=True, help="predictions, .parquet")
    finetune.set_defaults(command=_finetune, resumes=True)

    model = commands.add_parser("model", help="train the demo's model on a feature file's cells")
    model.add_argument("features", type=Path, help="a .npz file; the model is written beside it")
    model.set_defaults(command=_model)

    predict = commands.add_parser("predict", help="classify images of single cells")
    predict.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    predict.add_argument("--json", action="store_true", help="neighbours and warnings too, as JSON")
    serve = commands.add_parser("serve", help="start the demo at a local address")
    serve.add_argument("--port", type=int, default=8000)
    for parser_of, run_it in ((predict, _predict), (serve, _serve)):
        parser_of.add_argument(
            "--weights",
            default=os.environ.get("LEUKGNN_WEIGHTS", ""),
            help="as of `features`; random:0 for the untrained network",
        )
        parser_of.add_argument(
            "--reference", type=Path, help="feature file with its model beside it"
        )
        parser_of.set_defaults(command=run_it)

    results = commands.add_parser("results", help="write build/results from the predictions")
    results.add_argument("--draws", type=int, default=200, help="bootstrap draws over subjects")
    results.set_defaults(command=_results)

    claims = commands.add_parser("claims", help="judge the paper's claims by build/results")
    claims.set_defaults(command=_claims)

    book = commands.add_parser(
        "book", help="build the book from the executed chapters and check it"
    )
    book.add_argument("--repository", default="", help="public address, for launch buttons")
    book.set_defaults(command=_book)

    publish = commands.add_parser("publish", help="keep a full build's tables in the package")
    publish.set_defaults(command=_publish)
    readme = commands.add_parser("readme", help="write the README's results")
    readme.set_defaults(command=_readme)
    return parser


def _run(options: argparse.Namespace) -> int:
    from leukgnn import execute

    source = execute.chapter_source(options.chapter)
    try:
        given = execute.parse_assignments(source, options.parameters)
        execute.run(source, options.output, given)
    except execute.ChapterError as error:
        print(f"leukgnn: {error}", file=sys.stderr)
        return 1
    return 0


def _verify(options: argparse.Namespace) -> int:
    from leukgnn import files, verify

    if options.report:
        files.check_target(options.report, ".csv")
    report = verify.verify(options.folder)
    print(report.text())
    if options.report:
        with files.atomic_path(options.report) as temporary:
            report.files.to_csv(temporary, index=False)
    return 0 if report.ok(partial=options.partial) else 1


def _get(options: argparse.Namespace) -> int:
    from leukgnn import verify

    print(f"{verify.get(options.folder)}: complete and verified.")
    return 0


def _features(options: argparse.Namespace) -> int:
    from leukgnn import extraction, resnet

    weights = resnet.find_weights(options.weights, download=True)
    told = extraction.extract_folder(
        options.folder, weights, options.output, normalised=not options.unnormalised
    )
    print(told.origin)
    return 0


def _finetune(options: argparse.Namespace) -> int:
    from leukgnn import finetune, resnet
    from leukgnn.paper import TRAINING

    weights = resnet.find_weights(options.weights, download=True)
    finetune.cross_predict(options.folder, weights, options.output, seed=TRAINING.seed)
    print(f"Predictions written to {options.output}.")
    return 0


def _model(options: argparse.Namespace) -> int:
    from leukgnn import deploy

    print(f"Model written to {deploy.train(options.features)}.")
    return 0


def _predict(options: argparse.Namespace) -> int:
    from leukgnn import images, predict, resnet

    predictor = predict.Predictor(resnet.find_weights(options.weights), options.reference)
    given = [(str(path), partial(images.read_content, path)) for path in options.images]
    results = predict.classify(predictor, given)
    print(json.dumps(results, indent=2) if options.json else predict.as_text(results))
    return 0 if all(result["ok"] for result in results) else 1


def _serve(options: argparse.Namespace) -> int:
    from leukgnn import serve

    serve.run(options.weights, options.reference, options.port)
    return 0


def _results(options: argparse.Namespace) -> int:
    from leukgnn import files, results

    target = files.project_root() / "build" / "results"
    results.write("", target, draws=options.draws, seed=0)
    return 0


def _claims(options: argparse.Namespace) -> int:
    from leukgnn import book, claims

    print(claims.write(book.CHAPTERS, book.RESULTS)["verdict"].value_counts().to_string())
    return 0


def _book(options: argparse.Namespace) -> int:
    from leukgnn import book

    problems = book.build(options.repository)
    for problem in problems:
        print(f"leukgnn: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _publish(options: argparse.Namespace) -> int:
    from leukgnn import book, published

    published.publish(book.CHAPTERS, book.RESULTS)
    print(f"Tables written to {published.FOLDER}.")
    return 0


def _readme(options: argparse.Namespace) -> int:
    from leukgnn import published

    published.write_readme()
    return 0


if __name__ == "__main__":
    sys.exit(main())
