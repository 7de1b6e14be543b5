"""A build goes on after whatever stopped the last one."""

import os
import signal
import subprocess
import sys
import time

import pytest

from leukgnn import steps
from leukgnn.files import InputError

SNAKEFILE = """
rule all:
    input: "build/done"
    output: touch("build/all")

rule done:
    output: "build/done"
    shell: "echo begun > {{output}}; sleep {seconds}; echo whole > {{output}}"
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "_toc.yml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(checkout, seconds, before=""):
    rules = before + SNAKEFILE.format(seconds=seconds)
    (checkout / "Snakefile").write_text(rules, encoding="utf-8")
    command = [sys.executable, "-m", "leukgnn.steps", "--cores", "1"]
    environment = {**os.environ, "SNAKEMAKE_PROFILE": "none/such"}
    return subprocess.Popen(
        command, start_new_session=True, env=environment, stderr=subprocess.PIPE, text=True
    )


def test_a_killed_build_goes_on_and_two_do_not_meet(checkout):
    done = checkout / "build" / "done"
    first = begin(checkout, 100)
    deadline = time.monotonic() + 60
    while not done.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = begin(checkout, 0)
    assert "another build runs in this checkout" in second.communicate()[1]
    assert second.returncode == 1
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert done.read_text(encoding="utf-8") == "begun\n"
    assert any((checkout / ".snakemake" / "locks").iterdir())
    third = begin(checkout, 0)
    said = third.communicate()[1]
    assert third.returncode == 0, said
    assert done.read_text(encoding="utf-8") == "whole\n"


def test_after_a_kill_a_wrong_word_is_still_told(checkout):
    (checkout / ".snakemake" / "locks").mkdir(parents=True)
    (checkout / ".snakemake" / "locks" / "0.output.lock").touch()
    build = begin(checkout, 0, before="raise SystemExit('profile=quik: expected quick or full.')\n")
    said = build.communicate()[1]
    assert build.returncode and "profile=quik: expected" in said and "CalledProcess" not in said


def test_sources_of_the_future_get_todays_date(checkout):
    source = checkout / "notebooks" / "01_trial.md"
    source.parent.mkdir()
    source.touch()
    assert steps.from_the_future(checkout) == []
    os.utime(source, (time.time() + 1e6,) * 2)
    (checkout / "notebooks" / "broken").symlink_to("nowhere")
    assert steps.from_the_future(checkout) == [source]
    os.utime(source)
    assert steps.from_the_future(checkout) == []


@pytest.mark.parametrize("number", [28, 30])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    with pytest.raises(InputError, match=f"build: cannot be written .{os.strerror(number)}"):
        steps.check_writable(tmp_path / "build")


def test_a_file_in_the_place_of_a_folder_is_one_sentence(tmp_path):
    (tmp_path / "build").touch()
    with pytest.raises(InputError, match="build: cannot be written"):
        steps.check_writable(tmp_path / "build")
