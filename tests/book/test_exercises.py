"""Exercises check a student's answer against what the chapter computes."""

import re

import pytest

from leukgnn.book import chapters, check, solution
from leukgnn.files import InputError

EXERCISE = re.compile(r"\{exercise\}\n:label: (\S+)")


@pytest.mark.parametrize(
    ("right", "within", "answer", "said"),
    [
        (74.3, 0.5, None, "No answer yet"),
        (74.3, 0.5, 74.7, "Right."),
        (74.3, 0.5, 74.9, "lower"),
        (74.3, 0.5, 73.7, "higher"),
        (3, 0, 3, "Right."),
        (3, 0, 4, "lower"),
        ("contrast", 0, " Contrast", "Right."),
        ("contrast", 0, "brightness", "Not yet"),
    ],
)
def test_an_answer_is_checked(capsys, right, within, answer, said):
    solution("an-exercise", right, within=within)
    check("an-exercise", answer)
    assert said in capsys.readouterr().out


def test_what_cannot_be_checked_is_said():
    with pytest.raises(InputError, match="run the cells above"):
        check("unheard-of", 1)
    solution("an-exercise", 1.0)
    with pytest.raises(InputError, match="expected a number"):
        check("an-exercise", "one")


@pytest.mark.parametrize("source", chapters.chapters(), ids=lambda path: path.stem)
def test_every_exercise_has_a_computed_solution_and_a_check(source):
    text = source.read_text(encoding="utf-8")
    labels = EXERCISE.findall(text)
    assert labels, "a chapter without exercises"
    for label in labels:
        assert f"````{{solution}} {label}\n" in text
        assert text.count(f'solution("{label}", ') == 1, f"{label}: no computed solution"
        assert text.count(f'check("{label}", answer)') == 1, f"{label}: no check"
        shown = text.split(f"````{{solution}} {label}\n")[1].split("````")[0]
        assert f"{{glue:text}}`{label}" in shown, f"{label}: the solution does not show its result"
