"""The page "Package": every public name of every room, with what its docstring says."""

import importlib
import inspect
from pathlib import Path

import pytest

import leukgnn
from leukgnn.book import package_page


@pytest.mark.parametrize("room", package_page.ROOMS)
def test_every_public_name_is_there_and_says_what_it_is(room):
    text = package_page.generated()
    module = importlib.import_module(f"leukgnn.{room}")
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isfunction(value):
            assert f"\n:::{{dropdown}} `{name}(" in text, f"{room}.{name}"
            assert inspect.getdoc(value) in text
    assert f"## `leukgnn.{room}`" in text


def test_no_room_is_left_out():
    package = Path(leukgnn.__file__).parent
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert rooms - {"book"} == set(package_page.ROOMS)
