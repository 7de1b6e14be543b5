"""Start Snakemake on the steps of a build, so that it goes on after whatever stopped the last one.

`python -m leukgnn.steps ARGUMENTS` takes Snakemake's own arguments; `make book` starts it so.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from leukgnn import files
from leukgnn.files import InputError

WRITTEN = (".snakemake", "build", "_build", "book/chapters", "book/generated")
SOURCES = ("notebooks", "leukgnn", "book", "benchmarks", "Snakefile", "_config.yml", "_toc.yml")


def start(arguments: Sequence[str]) -> None:
    """Become Snakemake, in the root of the checkout.

    Raises
    ------
    InputError
        When another build runs in this checkout, or a folder of it cannot be written.
    """
    root = files.project_root()
    os.chdir(root)
    os.environ.pop("SNAKEMAKE_PROFILE", None)  # one of another project; ours is `make CLUSTER=`
    command = [sys.executable, "-m", "snakemake", "--rerun-incomplete", *arguments]
    if "--dry-run" not in arguments:
        for name in WRITTEN:
            check_writable(root / name)
        only_one(root / ".snakemake" / "leukgnn.lock")
        if any((root / ".snakemake" / "locks").glob("*")):  # left by a build that was killed
            # What is wrong with the words given, the build below says.
            subprocess.run([*command, "--unlock"], check=False, capture_output=True)
    for path in from_the_future(root):
        print(f"leukgnn: {path} is dated in the future; it now has today's date.", file=sys.stderr)
        os.utime(path)
    sys.stdout.flush()
    os.execv(sys.executable, command)


def check_writable(folder: Path) -> None:
    """Make a folder of a build; raise InputError when nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}"
        probe.write_bytes(b"0")
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or give the rights, then "
            "run the same again."
        ) from error


def only_one(path: Path) -> None:
    """Hold a lock until this process ends, however it ends; raise InputError when another does."""
    lock = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(
            "another build runs in this checkout; wait until it ends, or stop it."
        ) from error
    os.set_inheritable(lock, True)  # Snakemake goes on holding it


def from_the_future(root: Path) -> list[Path]:
    """Sources that are newer than now: what is made from them would count as older, and be lost."""
    now = time.time()
    found = []
    for name in SOURCES:
        paths = [root / name, *(root / name).rglob("*")]
        found += [path for path in paths if path.is_file() and path.stat().st_mtime > now]
    return sorted(found)


if __name__ == "__main__":
    try:
        start(sys.argv[1:])
    except InputError as problem:
        sys.exit(f"leukgnn: {problem}")
