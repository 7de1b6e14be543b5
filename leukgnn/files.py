"""Whole files or none, their hashes, and where a result came from."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukgnn import __version__

if TYPE_CHECKING:  # whoever only names a path does without it
    import pandas as pd

# Where a build puts things, from the root of the checkout.
HTML = Path("_build/html")
CHAPTERS = Path("book/chapters")
GENERATED = Path("book/generated")
FIGURES = GENERATED / "figures"  # the data of each
RESULTS = Path("build/results")
SITE = Path("build/site/try")  # the demo as files; the book has it at try/
EXPLORER = Path("build/site/explore")  # every answer, to look at; the book has it at explore/
LIBRARIES = ("torch", "torchvision", "torch-geometric", "scikit-learn", "numpy", "pandas")


class InputError(ValueError):
    """What a user handed in cannot be used; the message says which, what was expected, what to do.

    The command line prints the message alone and exits with a status other than 0; every other
    exception is a defect of ours and keeps its traceback.
    """


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` that takes its name only when all went well.

    Parameters
    ----------
    target : Path
        The file to write. Its folder is created when missing.

    Yields
    ------
    Path
        A path with the suffix of `target` (writers such as `numpy.savez` look at it).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        yield temporary
        # Some writers make files that nobody else may read.
        mask = os.umask(0o022)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that takes its place only when all went well."""
    check_named(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process with this one's number
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_named(folder: Path) -> None:
    """Raise InputError for a folder without a name of its own, such as "."."""
    if not folder.name:
        raise InputError(f"{folder}: give the folder by its name, from the one above it.")


def check_target(target: Path, suffix: str) -> None:
    """Raise InputError when `target` cannot become a file of this kind; asked before long work.

    Makes its folder when missing.
    """
    if target.suffix != suffix:
        raise InputError(f"{target}: expected a name that ends in {suffix}.")
    if target.is_dir():
        raise InputError(f"{target}: is a folder; give the name of a file to write.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}).") from error
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"{target}: cannot be written, its folder is read-only.")


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with atomic_path(target) as temporary:
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        temporary.write_text(text, encoding="utf-8")


def write_table(target: Path, table: "pd.DataFrame", provenance: Mapping[str, Any]) -> None:
    """Write a `.parquet` table, and beside it a `.json` of where it comes from: first that one."""
    write_json(target.with_suffix(".json"), provenance)
    with atomic_path(target) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def project_root() -> Path:
    """Nearest folder at or above the working folder that holds the book's `_toc.yml`.

    Raises
    ------
    InputError
        When there is none: the command was started outside a checkout.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").is_file():
            return folder
    raise InputError(f"{here} is not inside a checkout of leukgnn: no _toc.yml here or above.")


def build_folder() -> Path:
    """Folder of everything computed: `build` of the checkout, outside one of the working folder."""
    try:
        return project_root() / "build"
    except InputError:
        return Path.cwd() / "build"


def commit() -> str:
    """Commit of the checkout that this package runs from, "+" when changed, or "unknown".

    Unpacked within another project's repository, or installed elsewhere, it has no commit: that one
    would say nothing of this code.
    """
    here = Path(__file__)
    try:
        # From the root of the repository; nothing where the file is not part of it.
        if _git("ls-files", "--full-name", here.name) != f"{here.parent.name}/{here.name}":
            return "unknown"
        return _git("describe", "--always", "--abbrev=12", "--dirty=+")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    """What git says in this package's folder, whatever repository the shell's GIT_DIR names."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words], cwd=Path(__file__).parent, env=environment, capture_output=True,
        encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout.strip()


def check_own_code() -> None:
    """Raise InputError when the code of one checkout runs while the user stands in another.

    So it is with a checkout that was copied with its `.venv`, which leads back to the first one.
    """
    package = Path(__file__).resolve().parent
    own = package.parent
    try:
        here = project_root().resolve()
    except InputError:
        return
    if own != here and (own / "_toc.yml").is_file() and (here / package.name).is_dir():
        raise InputError(
            f"this command runs the code of {own}, but you are in {here}: use `make`, which runs "
            "the code of its folder, or remove .venv here and make it again."
        )


def provenance() -> dict[str, Any]:
    """Who computed this: package version and commit, libraries, Python, processor, threads."""
    return {
        "leukgnn": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": _threads(),
    }


def _threads() -> int:
    """Threads that a process computes with, as OpenMP reads it."""
    # One number, or one for each level of nested threads; what is none counts as not set.
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdigit() and int(first) else os.cpu_count() or 1


def _processor() -> str:
    """Model name of the processor, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def shipped_path(name: str) -> Path:
    """Path of a data file, or folder of them, that comes with the package."""
    return Path(str(package_files("leukgnn") / "data" / name))


def find_artifact(inputs: str, name: str) -> Path:
    """Path of an artifact that `leukgnn artifacts` wrote.

    Parameters
    ----------
    inputs : str
        Folder of artifacts; empty: `artifacts` in `build_folder`.
    name : str
        The file, such as ``"graph.npz"``.

    Raises
    ------
    InputError
        When the file is not there.
    """
    folder = Path(inputs) if inputs else build_folder() / "artifacts"
    if not (folder / name).is_file():
        raise InputError(
            f"{folder / name} is missing: run `make book`, or `leukgnn artifacts` and then "
            "`leukgnn hidden`."
        )
    return folder / name


@contextmanager
def quiet(message: str) -> Iterator[None]:
    """Silence one known warning, known by how its message begins; all others stay."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=message)
        yield
