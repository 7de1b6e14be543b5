"""Plant plausible bugs in a copy of the package, one at a time, and see which test notices each.

`python -m tests.planted` tries all of `planted.yml`; words after it choose by parts of their names
or files. The libraries are imported once and each bug is tried in a fork of this process, so that a
bug costs the time of its tests and no more.
"""

import contextlib
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
COPIED = ("leukgnn", "tests", "notebooks", "benchmarks")
LIBRARIES = (
    "hypothesis", "IPython", "joblib", "jupytext", "nbformat", "pandas", "pyarrow.parquet",
    "scipy.stats", "sklearn.calibration", "sklearn.cluster", "sklearn.dummy",
    "sklearn.linear_model", "sklearn.model_selection", "sklearn.pipeline", "sklearn.svm",
    "threadpoolctl", "torch", "torch_geometric.nn", "torchvision.models",
    "torchvision.transforms.v2", "tqdm",
)  # fmt: skip


@dataclass(frozen=True)
class Bug:
    """What stands in a file of the package, a plausible bug in its place, and who must notice."""

    file: str
    name: str
    old: str
    new: str
    tests: str

    def planted(self, text: str) -> str:
        """The file's text with the bug in it."""
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.file}, {self.name}: {self.old!r} stands there {text.count(self.old)} times,"
                " expected once; mend tests/planted.yml."
            )
        return text.replace(self.old, self.new)


def bugs() -> list[Bug]:
    """All bugs of `planted.yml`."""
    table = yaml.safe_load((ROOT / "tests" / "planted.yml").read_text(encoding="utf-8"))
    return [
        Bug(file=file, tests=part["tests"], **bug)
        for file, part in table.items()
        for bug in part["bugs"]
    ]


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of the package and its tests, and all libraries imported for those who try it."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = True
    for name in LIBRARIES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for name in ("pyproject.toml", "_toc.yml"):
            shutil.copy(ROOT / name, folder)
        yield folder


def noticed_by(file: str, wrong: str, tests: str, folder: Path, limit: int = 0) -> str:
    """As `failure`, with another text in a file of this copy of the package."""
    path = folder / file
    right = path.read_text(encoding="utf-8")
    path.write_text(wrong, encoding="utf-8")
    try:
        return failure(tests, folder, limit)
    finally:
        path.write_text(right, encoding="utf-8")


def failure(tests: str, folder: Path, limit: int = 0) -> str:
    """First test that fails on this copy of the package, or an empty text.

    Parameters
    ----------
    tests : str
        Files or folders of tests, with spaces between; what is named twice runs once.
    folder : Path
    limit : int
        Seconds after which the tests are ended and count as failed; 0: none.
    """
    report = folder / "report.txt"
    child = os.fork()
    if not child:
        signal.alarm(limit)
        _test(tests, folder, report)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return ""
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    words = report.read_text(encoding="utf-8")
    failed = re.search(r"^(?:FAILED|ERROR) \S*?(\w+\.py(?:::\S+)?)", words, flags=re.MULTILINE)
    if failed is None:
        raise RuntimeError(f"{tests} did not run:\n{words}")
    return failed[1]


def _test(tests: str, folder: Path, report: Path) -> None:
    """Run tests of the copy in this process, and end it."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    with report.open("w") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-rfE"]
        code = pytest.main([*options, *tests.split()])
    os._exit(int(code))


def main(words: list[str]) -> int:
    """Try the bugs whose file or name holds one of these words, or all; 1 if one survives."""
    chosen = [b for b in bugs() if any(word in f"{b.file} {b.name}" for word in words or [""])]
    survived = 0
    with copied() as folder:
        for tests in dict.fromkeys(bug.tests for bug in chosen):
            if failed := failure(tests, folder):
                sys.exit(f"{failed} fails without any planted bug: mend that first.")
        for bug in chosen:
            wrong = bug.planted((ROOT / bug.file).read_text(encoding="utf-8"))
            test = noticed_by(bug.file, wrong, bug.tests, folder)
            survived += not test
            found = f"caught by {test}" if test else "SURVIVED"
            print(f"{bug.file}, {bug.name}: {found}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} planted bugs were caught.")
    return int(survived > 0 or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
