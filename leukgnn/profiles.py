"""What a profile does: whether published runs are read, and how much is computed without them."""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from leukgnn import files
from leukgnn.files import InputError


@dataclass(frozen=True)
class Profile:
    """A profile of `data/profiles.yml`.

    Attributes
    ----------
    published : bool
        Whether the published runs are read.
    few : mapping of str to int
        Fields of `Plan` for features that no published run knows.
    """

    published: bool
    few: Mapping[str, int]


def profile(name: str) -> Profile:
    """Give a profile by its name.

    Raises
    ------
    InputError
        When there is no such profile; names those there are.
    """
    known = yaml.safe_load(files.shipped_path("profiles.yml").read_text(encoding="utf-8"))
    if name not in known:
        raise InputError(f"profile {name!r} is unknown: expected one of {', '.join(known)}.")
    return Profile(**known[name])
