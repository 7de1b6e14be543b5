"""Exercises that answer: a chapter computes what is right, and checks it where it is asked."""

from dataclasses import dataclass

from myst_nb import glue

from leukgnn.files import InputError

Answer = float | int | str


@dataclass(frozen=True)
class _Solution:
    """What is right, and how near to it is near enough."""

    right: Answer
    within: float


_solutions: dict[str, _Solution] = {}


def solution(exercise: str, right: Answer, *, within: float = 0.0) -> None:
    """Note what is right, for `check`, and glue it under the exercise's name for the page.

    Parameters
    ----------
    exercise : str
        Label of the exercise, such as ``"graph-exercise-k"``.
    right : float or str
        A number, in the unit that the exercise asks for, or a word.
    within : float
        How far from a right number an answer may be.
    """
    _solutions[exercise] = _Solution(right, within)
    glue(exercise, right, display=False)


def check(exercise: str, answer: Answer | None) -> None:
    """Tell a student whether an answer is right.

    Parameters
    ----------
    exercise : str
        Label of an exercise of this chapter.
    answer : float or str, optional
        None: there is none yet.

    Raises
    ------
    InputError
        When the chapter has not solved the exercise, or a number is asked and none is given.
    """
    if exercise not in _solutions:
        raise InputError(
            f"exercise {exercise!r}: no solution is known; run the cells above this one first."
        )
    asked = _solutions[exercise]
    if answer is None:
        print("No answer yet: put yours in place of None and run this cell.")
    elif isinstance(asked.right, str):
        right = str(answer).strip().casefold() == asked.right.casefold()
        print("Right." if right else "Not yet: think again, or open the solution.")
    elif isinstance(answer, str):
        raise InputError(f"exercise {exercise!r}: answer={answer!r}, expected a number.")
    elif abs(answer - asked.right) <= asked.within:
        print("Right.")
    else:
        print(f"Not yet: the right number is {'higher' if answer < asked.right else 'lower'}.")
