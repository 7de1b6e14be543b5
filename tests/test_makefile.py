"""What `make` hands on, and how it sets up the environment, seen by a Python that only listens."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.cli import parse_config

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ("pyproject.toml", "constraints.txt")


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path):
    """A checkout's Makefile with an environment that prints its arguments and passes all tests."""
    folder = tmp_path / "check out"
    folder.mkdir()
    for name in ("Makefile", *REQUIREMENTS):
        shutil.copy(ROOT / name, folder)
    script(folder / ".venv/bin/python", 'echo "[$PYTHONPATH|$PYTHONUTF8]"; printf "%s\\n" "$@"')
    (folder / ".venv" / ".ready").write_bytes(requirements(folder))
    return folder


def requirements(folder):
    return b"".join((folder / name).read_bytes() for name in REQUIREMENTS)


def make(folder, *words, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LEUKGNN", "MAKE"))}
    return subprocess.run(
        ["make", "--silent", "CORES=2", *words], cwd=folder, capture_output=True, text=True,
        env=inherited | environment, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        "2019_07",
        "O'Brien",
        "'quoted'",
        'the "best" cells',
        "a\\b: c # d",
        "1e5",
        "",
        "True",
        "a,b (c)",
    ],
)
def test_a_folder_arrives_as_it_was_given(folder, place):
    done = make(folder, "book", f"IMAGES={place}", f"WEIGHTS={place}.safetensors")
    said = done.stdout.splitlines()
    assert done.returncode == 0 and said[1:3] == ["-m", "leukgnn.steps"]
    config = said[said.index("--config") + 1 : said.index("--quiet")]
    given = parse_config(config)
    assert (given["images"], given["weights"]) == ([place], [f"{place}.safetensors"])
    assert (given["profile"], given["shards"]) == (["quick"], ["1"])
    served = make(folder, "demo", f"WEIGHTS={place}").stdout.splitlines()
    assert served[3:] == ["serve", "--weights", place, "--port", "8000"]


def test_what_runs_is_the_code_of_the_folder(folder):
    done = make(folder, "book", PYTHONPATH="/elsewhere", PYTHONUTF8="0", SNAKEMAKE_PROFILE="other")
    assert done.stdout.splitlines()[0] == f"[{folder}|1]"
    assert "--profile" not in done.stdout
    assert "--profile\nmine\n" in make(folder, "book", "CLUSTER=mine").stdout


@pytest.mark.parametrize("target, kept", [("bench", True), ("witness", True), ("book", False)])
def test_training_keeps_its_arrays_as_in_the_snakefile(folder, target, kept):
    script(folder / ".venv/bin/python", "env | grep ^MALLOC_ | sort | tr '\\n' ' '")
    said = make(folder, target).stdout.strip()
    assert (f'KEPT = "{said}"' in (ROOT / "Snakefile").read_text(encoding="utf-8")) is kept


def test_a_touched_requirement_needs_no_network(folder):
    (folder / "pyproject.toml").touch()
    assert "pip" not in make(folder, "book").stdout.splitlines()
    with (folder / "constraints.txt").open("a", encoding="utf-8") as stream:
        stream.write("another==1.0\n")
    os.utime(folder / ".venv" / ".ready", (0, 0))  # two files of one tick are of one age
    assert "pip" in make(folder, "book").stdout.splitlines()
    assert (folder / ".venv" / ".ready").read_bytes() == requirements(folder)


def test_an_installation_that_fails_is_tried_again(folder):
    ready = folder / ".venv" / ".ready"
    ready.unlink()
    script(folder / ".venv/bin/python", 'case "$*" in *pip\\ install*) echo install; exit 1;; esac')
    for _ in range(2):
        done = make(folder, "book")
        assert done.returncode != 0 and done.stdout == "install\n" and not ready.exists()


def test_an_environment_without_pip_is_made_anew(folder):
    """As a first `make` without ensurepip leaves it, and an old Python."""
    (folder / ".venv" / ".ready").unlink()
    script(folder / ".venv/bin/python", "exit 1")
    log = folder / "log"
    script(folder / "mine", f'[ "$1" = -c ] && exec {sys.executable} "$@"; echo "$@" >> "{log}"')
    make(folder, "book", "PYTHON=./mine")
    assert log.read_text(encoding="utf-8") == "-m venv --clear .venv\n"


def test_an_old_python_is_named(folder):
    shutil.rmtree(folder / ".venv")
    code = "import sys; sys.version_info = (3, 9); sys.version = '3.9.1 (old)'; exec(sys.argv[1])"
    script(folder / "old", f'shift; exec {sys.executable} -c "{code}" "$@"')
    done = make(folder, "book", "PYTHON=./old")
    assert done.returncode != 0 and not (folder / ".venv").exists()
    assert "leukgnn needs Python 3.11 or newer, this one is 3.9.1: make PYTHON=" in done.stderr
