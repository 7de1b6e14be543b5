"""The table of planted bugs cannot rot: every bug can still be planted."""

import pytest
from planted import ROOT, bugs


@pytest.mark.parametrize("file", dict.fromkeys(bug.file for bug in bugs()))
def test_what_a_bug_replaces_stands_exactly_once_in_its_file(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for bug in bugs():
        if bug.file == file:
            assert bug.planted(text) != text, bug.name
            assert (ROOT / bug.tests).is_file(), bug.tests


def test_no_bug_has_the_name_of_another_in_its_file():
    names = [(bug.file, bug.name) for bug in bugs()]
    assert len(set(names)) == len(names)


def test_a_text_that_is_gone_is_named():
    (bug, *_) = bugs()
    with pytest.raises(ValueError, match=r"0 times, expected once; mend tests/planted\.yml"):
        bug.planted("")
