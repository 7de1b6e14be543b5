"""The `leukgnn` command: a thin face over the package."""

import argparse
import errno
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from leukgnn import commands, files, shell
from leukgnn.files import InputError

# What a disk says that takes no more; nothing that the program could mend.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
# Warnings while torch-geometric is imported, as PYTHONWARNINGS: nothing that a user could change.
NOISE = "ignore:`torch.jit:FutureWarning,ignore:IProgress not found"

Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; bad input gives one sentence and exit status 2, a failure 1."""
    options = _parser().parse_args(arguments)
    _silence()
    shell.settle()
    try:
        files.check_own_code()
        status = int(options.command(options))
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"leukgnn: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # who reads, such as `head`, has enough; nothing is said on the way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(
            f"leukgnn: {error.filename or 'the disk'}: {error.strerror}; make room or give the "
            "rights, then run the same again.",
            file=sys.stderr,
        )
        return 2
    except ModuleNotFoundError as error:
        if not options.extra or str(error.name).startswith("leukgnn"):
            raise
        print(
            f"leukgnn: {error.name} is not installed: pip install 'leukgnn[{options.extra}]' "
            f"(in a checkout: pip install -e '.[{options.extra}]').",
            file=sys.stderr,
        )
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
    parser.set_defaults(resumes=False, extra="")
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_runs, _cells, _training, _demo, _book):
        add(words)
    return parser


def _runs(words: Words) -> None:
    """Add chapters and runs."""
    run = words.add_parser("run", help="run one chapter with other parameters")
    run.add_argument("chapter", help="such as 05_gcn")
    run.add_argument("-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[])
    run.add_argument("-o", dest="output", type=Path, required=True, help="executed .ipynb to write")
    run.set_defaults(command=commands.run, extra="book")

    artifacts = words.add_parser("artifacts", help="write the features and graph of a build")
    artifacts.add_argument("--images", default="", help="folder of C-NMC images; default: shipped")
    artifacts.add_argument("--weights", default="", help="as of `features`")
    artifacts.set_defaults(command=commands.artifacts, resumes=True)

    hidden = words.add_parser("hidden", help="write what the first GCN and MLP see in the cells")
    hidden.set_defaults(command=commands.hidden)

    runs = words.add_parser("runs", help="compute the runs of a profile that the store lacks")
    runs.add_argument("--plan", action="store_true", help="say what would be computed, and stop")
    runs.add_argument("--shard", default="1/1", metavar="I/N", help="part I of N equal parts")
    runs.set_defaults(command=commands.runs, resumes=True)

    witness = words.add_parser("witness", help="compute published runs again and compare")
    witness.add_argument("--all", action="store_true", help="all of them, not a share")
    witness.set_defaults(command=commands.witness, resumes=True)
    _profile(runs, witness)


def _cells(words: Words) -> None:
    """Add the data and its features."""
    data = words.add_parser("data", help="obtain or verify C-NMC 2019")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="compare a folder with the manifest")
    verify.add_argument("folder", type=Path)
    verify.add_argument("--partial", action="store_true", help="missing files are no fault")
    verify.add_argument("--report", type=Path, help="write every file's status as CSV")
    verify.set_defaults(command=commands.verify)
    get = actions.add_parser("get", help="download when possible, else say where to obtain it")
    get.add_argument("folder", type=Path)
    get.set_defaults(command=commands.get, resumes=True)

    features = words.add_parser("features", help="extract the features of a folder of images")
    features.add_argument("folder", type=Path)
    features.add_argument(
        "--weights",
        default=os.environ.get("LEUKGNN_WEIGHTS", ""),
        help="a .safetensors file, imagenet (torchvision's) or random:SEED; default: "
        "LEUKGNN_WEIGHTS, else the encoder that ships",
    )
    features.add_argument(
        "--unnormalised", action="store_true", help="scale pixels to 0..1 only, as released"
    )
    features.add_argument("--output", type=Path, default=Path("features.npz"))
    features.set_defaults(command=commands.features, resumes=True)


def _training(words: Words) -> None:
    """Add what needs the images, and hours."""
    finetune = words.add_parser("finetune", help="fine-tune the CNN baseline, fold by fold")
    finetune.add_argument("folder", type=Path)
    finetune.add_argument("--weights", default=os.environ.get("LEUKGNN_WEIGHTS", ""))
    finetune.add_argument("--output", type=Path, required=True, help="predictions, .parquet")
    finetune.set_defaults(command=commands.finetune, resumes=True)

    encoder = words.add_parser("encoder", help="train an encoder of our own on a fold's others")
    encoder.add_argument("folder", type=Path)
    encoder.add_argument(
        "--part",
        required=True,
        help="an official fold, all, or answers: what the folds' encoders of seeds 0 and 1 answer, "
        "and GCN and MLP on their features",
    )
    encoder.add_argument("--seed", type=int, default=0)
    encoder.add_argument(
        "--papers-views", action="store_true", help="augment as the paper does, as a control"
    )
    encoder.add_argument("--output", type=Path, required=True, help="folder of what it says")
    encoder.set_defaults(command=commands.encoder, resumes=True)

    light = words.add_parser("light", help="ask trained networks about cells in other light")
    light.add_argument("folder", type=Path)
    light.add_argument("--weights", default=os.environ.get("LEUKGNN_WEIGHTS", ""))
    light.add_argument("--output", type=Path, required=True, help="answers, .parquet")
    light.set_defaults(command=commands.light)

    looks = words.add_parser("looks", help="ask fine-tuned CNNs which parts of a cell they use")
    looks.add_argument("folder", type=Path)
    looks.add_argument("--weights", default=os.environ.get("LEUKGNN_WEIGHTS", ""))
    looks.add_argument("--output", type=Path, required=True, help="falls and shares, .parquet")
    looks.set_defaults(command=commands.looks, resumes=True)

    properties = words.add_parser("properties", help="measure size, form, colour and nucleus")
    properties.add_argument("folder", type=Path)
    properties.add_argument("--output", type=Path, required=True, help="properties, .parquet")
    properties.set_defaults(command=commands.properties)


def _demo(words: Words) -> None:
    """Add the demo."""
    model = words.add_parser("model", help="train the demo's model on a feature file's cells")
    model.add_argument("features", type=Path, help="a .npz file; the model is written beside it")
    model.set_defaults(command=commands.model)

    predict = words.add_parser("predict", help="classify images of single cells")
    predict.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    predict.add_argument("--json", action="store_true", help="neighbours and warnings too, as JSON")
    predict.add_argument(
        "--explain",
        action="store_true",
        help="also the neighbours whose absence would change the answer most",
    )
    serve = words.add_parser("serve", help="start the demo at a local address")
    serve.add_argument("--port", type=int, default=8000)
    for parser_of, command in ((predict, commands.predict), (serve, commands.serve)):
        parser_of.add_argument(
            "--weights",
            default=os.environ.get("LEUKGNN_WEIGHTS", ""),
            help="as of `features`",
        )
        parser_of.add_argument(
            "--reference", type=Path, help="feature file with its model beside it"
        )
        parser_of.set_defaults(command=command)
    serve.set_defaults(extra="demo")

    export = words.add_parser("export", help="write the demo as files for any static host")
    export.add_argument("folder", type=Path, help="empty, not there yet, or an earlier export")
    export.set_defaults(command=commands.export, extra="book")


def _book(words: Words) -> None:
    """Add results, claims and the book."""
    explorer = words.add_parser("explorer", help="write build/site/explore from build/results")
    explorer.set_defaults(command=commands.explorer, extra="book")

    results = words.add_parser("results", help="write build/results from the predictions")
    results.set_defaults(command=commands.results)

    claims = words.add_parser("claims", help="judge the paper's claims by build/results")
    claims.set_defaults(command=commands.claims, extra="book")

    book = words.add_parser("book", help="build the book from the executed chapters and check it")
    book.add_argument("--repository", default="", help="public address, for launch buttons")
    book.set_defaults(command=commands.book, extra="book")

    pdf = words.add_parser("pdf", help="print the built book into one PDF, through Chromium")
    pdf.add_argument("--output", type=Path, required=True, help="the file to write, .pdf")
    pdf.set_defaults(command=commands.pdf, extra="book")

    publish = words.add_parser("publish", help="keep a full build's runs and tables")
    publish.set_defaults(command=commands.publish, extra="book")
    readme = words.add_parser("readme", help="write the README's results")
    readme.set_defaults(command=commands.readme, extra="book")
    _profile(explorer, results, book)


def _profile(*parsers: argparse.ArgumentParser) -> None:
    """Add the flag that chooses a profile's runs."""
    for parser in parsers:
        parser.add_argument("--profile", default="quick", help="quick or full")


if __name__ == "__main__":
    sys.exit(main())
