"""The files that install the project say the same."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>\[; ]", name)[0]).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text().split()
    return {normal(line): line.partition("==")[2] for line in lines}


def test_every_dependency_is_pinned_exactly():
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for name in wanted:
        assert pins()[normal(name)], name
        if "==" in name:
            assert pins()[normal(name)] == name.partition("==")[2]


def test_conda_installs_this_package_under_these_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, *_, pip = environment["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "-e ."]}
    least = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert tuple(map(int, python.partition("=")[2].split("."))) >= least


def test_versions_agree():
    from leukgnn import __version__

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == __version__ == citation["version"]
