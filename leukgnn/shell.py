"""What a shell exports, kept from changing what comes out."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Read as whole numbers (by OpenMP as a list of them); set but empty is an error to some.
THREADS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
# How a kernel draws, and what it runs before a chapter's first cell.
UNASKED = (
    "MPLBACKEND", "MATPLOTLIBRC", "PYTHONSTARTUP", "PYTHONHOME", "JUPYTER_PATH",
    "JUPYTER_CONFIG_PATH", "JUPYTER_CONFIG_DIR",
)  # fmt: skip
SOURCE = Path(__file__).parent.parent  # the code that runs here


def settle() -> None:
    """Pass over numbers of threads that are none, and never fail for a letter of the terminal's.

    And do without a grammar of addresses that jsonschema, where it can, builds at every start: two
    seconds a chapter, for a format that no notebook has.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    for name in THREADS:
        if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", os.environ.get(name, "1"), re.ASCII):
            del os.environ[name]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def for_kernels(scratch: Path) -> Iterator[None]:
    """Environment in which a kernel runs this code, and nothing of the user's own set-up.

    Parameters
    ----------
    scratch : Path
        A folder for what IPython keeps, in place of the user's profile with its start-up files.
    """
    before = dict(os.environ)
    for name in UNASKED:
        os.environ.pop(name, None)
    os.environ.update(
        PYTHONPATH=str(SOURCE),
        PYTHONUTF8="1",
        IPYTHONDIR=str(scratch / "ipython"),
        JUPYTER_PREFER_ENV_PATH="1",  # this Python's kernel, not another one's of the same name
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
