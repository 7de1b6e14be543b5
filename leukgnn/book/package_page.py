"""The page "Package": the public names of each room, from their docstrings."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

ROOMS = (  # in the order of the pipeline
    "cells", "features", "graphs", "networks", "explain", "experiments", "evaluation", "claims",
    "demo",
)  # fmt: skip
LONG = 60  # letters of parameters; a dataclass with more has its fields in the text


def generated() -> str:
    """Text of the page's generated part."""
    return "\n".join(_room(name) for name in ROOMS)


def public(room: str) -> dict[str, Callable[..., Any]]:
    """Functions and classes that a room shows, by name; its exceptions are named where raised."""
    module = importlib.import_module(f"leukgnn.{room}")
    found = {name: getattr(module, name) for name in sorted(module.__all__, key=str.lower)}
    return {
        name: value
        for name, value in found.items()
        if inspect.isfunction(value)
        or (inspect.isclass(value) and not issubclass(value, BaseException))
    }


def _room(name: str) -> str:
    module = importlib.import_module(f"leukgnn.{name}")
    told = "\n".join(_entry(name, key, value) for key, value in public(name).items())
    return f"## `leukgnn.{name}`\n\n{inspect.getdoc(module)}\n\n{told}\n"


def _entry(room: str, name: str, value: Callable[..., Any]) -> str:
    """One name: how it is called and its first line; unfolded, the whole docstring."""
    text = inspect.getdoc(value) or ""
    asked = ", ".join(inspect.signature(value).parameters)
    kind = "class" if inspect.isclass(value) else "function"  # names may differ in case alone
    asked = asked if len(asked) <= LONG else "..."
    return (
        f":::{{dropdown}} `{name}({asked})`: {text.splitlines()[0]}\n"
        f":name: package-{room}-{kind}-{name}\n\n```text\n{text}\n```\n:::\n"
    )
