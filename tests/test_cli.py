"""The command: one sentence and a status for bad input, whole files or none."""

import errno
import os
import re
import shutil
import subprocess
import sys
import warnings
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from leukgnn import cli, commands, files
from leukgnn.experiments import artifacts
from leukgnn.features import read_features_file
from leukgnn.files import InputError


def test_verify_passes_on_the_original_files(originals, tmp_path, capsys):
    report = tmp_path / "report.csv"
    arguments = ["data", "verify", str(originals), "--partial", "--report", str(report)]
    assert cli.main(arguments) == 0
    counts = pd.read_csv(report)["status"].value_counts().to_dict()
    assert counts == {"intact": 892, "missing": 9769}
    assert cli.main(arguments[:3]) == 1  # a whole data set was asked for
    assert "missing" in capsys.readouterr().out


def test_bad_input_is_one_sentence(tmp_path, capsys):
    assert cli.main(["data", "verify", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("leukgnn: ") and said.count("\n") == 1
    assert cli.main(["run", "99_none", "-o", str(tmp_path / "o.ipynb")]) == 2
    assert "expected one of 01_dataset" in capsys.readouterr().err
    arguments = ["run", "05_gcn", "-p", "kk=3", "-o", str(tmp_path / "o.ipynb")]
    assert cli.main(arguments) == 2
    assert "no parameter 'kk'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_features_of_a_folder(phantoms, tmp_path, capsys):
    target = tmp_path / "f.npz"
    arguments = ["features", str(phantoms), "--weights", "random:0", "--output", str(target)]
    assert cli.main(arguments) == 0
    assert read_features_file(target).x.shape == (24, 512)
    assert "untrained" in capsys.readouterr().out


def test_features_need_an_unbroken_image(phantoms, tmp_path, capsys):
    copied = shutil.copytree(phantoms, tmp_path / "cells")
    broken = sorted(copied.rglob("*.bmp"))[5]
    broken.write_bytes(b"")
    target = tmp_path / "f.npz"
    arguments = ["features", str(copied), "--weights", "random:0", "--output", str(target)]
    assert cli.main(arguments) == 2
    assert broken.name in capsys.readouterr().err
    assert not target.exists()


def test_noise_of_a_library_is_silenced_in_processes_too_and_nothing_else(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore:mine")
    with warnings.catch_warnings():
        cli._silence()
    code = "import warnings\nfor text in ({!r}): warnings.warn(text, FutureWarning)"
    noise = ["`torch.jit.script` is deprecated", "IProgress not found. Please", "mine too"]
    heard = [
        subprocess.run(
            [sys.executable, "-c", code.format(texts)], capture_output=True, text=True, check=True
        ).stderr
        for texts in (noise, [*noise, "something else"])
    ]
    assert heard[0] == "" and "something else" in heard[1] and "IProgress" not in heard[1]


@pytest.mark.parametrize(
    "text", ["0/20", "21/20", "3", "3/", "a/b", "1/0", "-1/2", "1.5/2", " 1/2"]
)
def test_a_shard_that_is_none_is_one_sentence(text, capsys):
    assert cli.main(["runs", f"--shard={text}"]) == 2
    said = capsys.readouterr().err
    assert f"--shard {text}: expected I/N" in said and said.count("\n") == 1


def test_a_shard_is_read():
    assert commands._shard("3/20") == (3, 20)
    assert commands._shard("1/1") == (1, 1)


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("waitress", ["serve"], "demo"),
        ("flask", ["serve"], "demo"),
        ("papermill", ["run", "05_gcn", "-o", "out.ipynb"], "book"),
        ("jupyter_book", ["book"], "book"),
    ],
)
def test_a_missing_extra_is_named(module, arguments, extra):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from leukgnn.cli import main; sys.exit(main({arguments}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"leukgnn: {module} is not installed: pip install")
    assert f"leukgnn[{extra}]" in done.stderr and done.stderr.count("\n") == 1


CHAPTER = """---
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---

```{code-cell} ipython3
:tags: [parameters]

inputs: str = ""  # a folder
```

```{code-cell} ipython3
from pathlib import Path
print(Path(inputs, "word.txt").read_text())
```
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder within a small checkout, where the user stands."""
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "07_trial.md").write_text(CHAPTER)
    folder = tmp_path / "some" / "folder"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_a_chapter_runs_from_any_folder_with_paths_from_there(elsewhere):
    (elsewhere / "own").mkdir()
    (elsewhere / "own" / "word.txt").write_text("found")
    assert cli.main(["run", "07_trial", "-p", "inputs=own", "-o", "out.ipynb"]) == 0
    notebook = nbformat.read(elsewhere / "out.ipynb", as_version=4)
    assert notebook.cells[-1].outputs[0].text == "found\n"
    assert notebook.metadata["leukgnn"]["parameters"] == {"inputs": "some/folder/own"}


def test_paths_of_chapters_are_seen_from_the_root(elsewhere, monkeypatch):
    assert commands._from_root("../a") == "some/a"
    for word in ("", "random:0", "imagenet"):
        assert commands._from_root(word) == word
    assert commands._from_root("/tmp/a") == "/tmp/a"
    monkeypatch.setenv("HOME", "/home/me")
    assert commands._from_root("~/a") == "/home/me/a"
    monkeypatch.chdir(elsewhere.parent.parent)
    assert commands._from_root("../a") == "../a"


def test_the_build_folder_is_the_checkouts(elsewhere, tmp_path_factory, monkeypatch):
    assert files.build_folder() == elsewhere.parent.parent / "build"
    with pytest.raises(InputError, match=r"build/artifacts/graph.npz is missing"):
        files.find_artifact("", "graph.npz")
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.chdir(outside)
    assert files.build_folder() == outside / "build"


@pytest.mark.parametrize("word", ["book", "claims", "publish"])
def test_commands_of_the_checkout_find_it(elsewhere, word, capsys):
    assert cli.main([word]) == 2
    said = capsys.readouterr().err
    assert "missing" in said or "holds no executed chapter" in said
    assert list(elsewhere.iterdir()) == []


def test_artifacts_are_made_of_the_images_where_the_user_stands(elsewhere, monkeypatch):
    given = []

    def prepare(images, weights, folder):
        given.extend([images, weights, folder])
        return SimpleNamespace(origin="")

    monkeypatch.setattr(artifacts, "prepare", prepare)
    assert cli.main(["artifacts", "--images", "own", "--weights", "random:0"]) == 0
    assert given == ["own", "random:0", elsewhere.parent.parent / "build" / "artifacts"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_a_disk_that_takes_no_more_is_one_sentence(phantoms, tmp_path, monkeypatch, capsys, number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number), "f.npz")

    monkeypatch.setattr("numpy.savez_compressed", fail)
    arguments = ["features", str(phantoms), "--weights", "random:0", "--output"]
    assert cli.main([*arguments, str(tmp_path / "f.npz")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"leukgnn: f.npz: {os.strerror(number)}; make room")
    assert not list(tmp_path.glob("*.npz"))


def test_a_reader_that_has_enough_ends_the_command_without_a_word(tmp_path):
    """As `| head -1` does, before there is anything to write to."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "leukgnn.cli", "runs", "--plan"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode == 1 and "Error" not in done.stderr, done.stderr


@pytest.mark.parametrize("words", [["data", "get"], ["export"]])
def test_a_folder_that_is_made_anew_has_a_name(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("leukgnn.cells.verify._download_from_kaggle", lambda: pytest.fail("asked"))
    assert cli.main([*words, "."]) == 2
    assert capsys.readouterr().err.endswith("give the folder by its name, from the one above it.\n")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_of_the_same_number_left_is_no_hindrance(tmp_path):
    left = tmp_path / f".made.{os.getpid()}"
    left.mkdir()
    (left / "half").touch()
    with files.atomic_folder(tmp_path / "made") as made:
        (made / "whole").touch()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["whole"]


def test_other_errors_of_the_system_keep_their_traceback(monkeypatch):
    def fail(_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(commands, "verify", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        cli.main(["data", "verify", "."])


def test_the_commit_is_that_of_this_project_alone(tmp_path, monkeypatch):
    """Of its own repository; of one that it was unpacked in, or that GIT_DIR names, none."""

    def git(*words):
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    here = tmp_path / "unpacked" / "leukgnn" / "files.py"
    here.parent.mkdir(parents=True)
    here.touch()
    monkeypatch.setattr(files, "__file__", str(here))
    assert files.commit() == "unknown"
    git("init")
    git("commit", "--allow-empty", "-m", "another project")
    assert files.commit() == "unknown"
    git("add", ".")
    git("commit", "-m", "with this one in it")
    assert files.commit() == "unknown"
    monkeypatch.setattr(files, "__file__", str(tmp_path / "leukgnn" / "files.py"))
    shutil.move(here.parent, tmp_path)
    assert files.commit() == "unknown"
    git("add", ".")
    git("commit", "-m", "its own")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    assert re.fullmatch("[0-9a-f]{12}", files.commit())
    (tmp_path / "leukgnn" / "files.py").write_text("changed", encoding="utf-8")
    assert files.commit().endswith("+")


def test_the_code_of_another_checkout_is_named(elsewhere, tmp_path_factory, monkeypatch, capsys):
    """As a checkout runs it that was copied with its .venv."""
    assert cli.main(["data", "verify", "none"]) == 2
    assert "no such folder" in capsys.readouterr().err
    (elsewhere.parent.parent / "leukgnn").mkdir()
    assert cli.main(["data", "verify", "none"]) == 2
    said = capsys.readouterr().err
    assert "runs the code of" in said and "use `make`" in said and said.count("\n") == 1
    installed = tmp_path_factory.mktemp("site-packages") / "leukgnn" / "files.py"
    monkeypatch.setattr(files, "__file__", str(installed))
    files.check_own_code()
