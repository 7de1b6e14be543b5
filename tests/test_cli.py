"""The command: one sentence and a status for bad input, whole files or none."""

import shutil
import subprocess
import sys
import warnings

import pandas as pd

from leukgnn import cli, features


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
    told = capsys.readouterr().err
    assert told.startswith("leukgnn: ") and told.count("\n") == 1
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
    assert features.read_features_file(target).x.shape == (24, 512)
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
    told = [
        subprocess.run(
            [sys.executable, "-c", code.format(texts)], capture_output=True, text=True, check=True
        ).stderr
        for texts in (noise, [*noise, "something else"])
    ]
    assert told[0] == "" and "something else" in told[1] and "IProgress" not in told[1]
