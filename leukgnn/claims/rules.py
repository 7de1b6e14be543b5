"""The rules that compare a claim with what a build knows, and the verdicts that they give."""

from collections.abc import Callable, Sequence

from leukgnn.claims.facts import Facts, MissingError
from leukgnn.names import label
from leukgnn.text import with_interval

HOLDS = "holds"
APPROXIMATELY = "holds approximately"
CONTRADICTED = "contradicted by the paper itself"
NOT_REPRODUCED = "not reproduced"
UNDECIDED = "undecided"
UNSPECIFIED = "unspecified"
NOT_CHECKABLE = "not checkable here"
VERDICTS = (
    HOLDS,
    APPROXIMATELY,
    CONTRADICTED,
    NOT_REPRODUCED,
    UNDECIDED,
    UNSPECIFIED,
    NOT_CHECKABLE,
)
Judgement = tuple[str, str]  # verdict, our value as text

COMPUTED = "computed"  # by a rule on this build's numbers
# Of the other rules: a verdict by its reason alone; what we did as the paper says, so that it
# cannot fail; what the paper lists for later.
READ, ADOPTED, FUTURE = "read", "adopted", "future work"
BASES = (COMPUTED, READ, ADOPTED, FUTURE)


def read(facts: Facts, *, verdict: str, reason: str) -> Judgement:
    """Give the verdict that reading alone gives; the reason stands where our value would."""
    return verdict, facts.fill(reason)


def adopted(facts: Facts, *, reason: str) -> Judgement:
    """Say that this book does as the paper says."""
    return HOLDS, facts.fill(reason)


def future(facts: Facts, *, reason: str) -> Judgement:
    """Say that the paper lists it as future work."""
    return NOT_CHECKABLE, facts.fill(reason)


def basis(rule: str) -> str:
    """What the verdict of a rule of this name rests on, one of `BASES`."""
    return {"read": READ, "adopted": ADOPTED, "future": FUTURE}.get(rule, COMPUTED)


def near(
    facts: Facts,
    *,
    fact: str,
    value: float | str | None = None,
    tolerance: float = 0.0,
    approximately: float = 0.0,
    low: float | str = float("-inf"),
    high: float | str = float("inf"),
    otherwise: str = NOT_REPRODUCED,
) -> Judgement:
    """Compare a glued number with a value, within tolerances, or with a range.

    Parameters
    ----------
    facts : Facts
    fact : str
        Name of our number.
    value : float or str, optional
        What the paper gives, as a number or as a name. Without it `low` and `high` decide.
    tolerance, approximately : float
        Distances within which the claim holds, and holds approximately.
    low, high : float or str
        Range, ends included, in which the claim holds when there is no `value`.
    otherwise : str
        Verdict of every other number.
    """
    ours = facts.number(fact)
    our_value = f"{ours:,.0f}" if ours == round(ours) else f"{ours:,.4g}"
    if value is None:
        within = facts.number(low) <= ours <= facts.number(high)
        return (HOLDS if within else otherwise), our_value
    distance = abs(ours - facts.number(value))
    if distance <= tolerance:
        return HOLDS, our_value
    return (APPROXIMATELY if distance <= approximately else otherwise), our_value


def inside(facts: Facts, *, value: float | str, low: str, high: str) -> Judgement:
    """Say whether a printed value lies between two glued numbers."""
    least, most = facts.number(low), facts.number(high)
    within = least <= facts.number(value) <= most
    return (HOLDS if within else NOT_REPRODUCED), f"between {least:.3f} and {most:.3f}"


def text(facts: Facts, *, fact: str, value: str) -> Judgement:
    """Compare a glued text with a printed one."""
    ours = str(facts.value(fact))
    return (HOLDS if ours == value else NOT_REPRODUCED), ours


def in_interval(
    facts: Facts,
    *,
    protocol: str,
    models: Sequence[str],
    metric: str,
    value: float | str,
    approximately: float,
) -> Judgement:
    """Say whether a printed value lies in our 95 % interval, or near what we got.

    Where the text fits several of our models, the one with the highest value is compared.

    A wide interval cannot exclude much, so a value inside it "holds" only if it is also within
    `approximately` of ours; inside but farther away, it is undecided.
    """
    rows = [facts.interval("intervals", protocol, model, metric) for model in models]
    row, theirs = max(rows, key=lambda row: row["value"]), facts.number(value)
    within = row["low"] <= theirs <= row["high"]
    close = abs(row["value"] - theirs) <= approximately
    if close:
        return (HOLDS if within else APPROXIMATELY), with_interval(row)
    return (UNDECIDED if within else NOT_REPRODUCED), with_interval(row)


def better(
    facts: Facts, *, protocol: str, pairs: Sequence[tuple[str, str]], metric: str
) -> Judgement:
    """Judge by the outcomes of paired differences: better, worse, equivalent or undecided.

    Of several pairs all must be better: where one is worse or equivalent, it is not reproduced.
    """
    rows = [facts.interval("differences", protocol, *pair, metric) for pair in pairs]
    outcomes = {row["outcome"] for row in rows}
    verdict = UNDECIDED
    if outcomes == {"better"}:
        verdict = HOLDS
    elif outcomes & {"worse", "equivalent"}:
        verdict = NOT_REPRODUCED
    found = "; ".join(
        f"{label(first)} minus {label(second)} {with_interval(row, signed=True)}, {row['outcome']}"
        for (first, second), row in zip(pairs, rows, strict=True)
    )
    return verdict, f"{label(metric)}, {label(protocol)}: {found}"


def of_several(
    facts: Facts, *, number: float | str, good: str, bad: str, otherwise: str | None = None
) -> Judgement:
    """Judge a claim about several things by how many of them agree and how many say otherwise.

    Where all agree it holds, where most do it holds approximately, and where fewer do it is
    undecided as long as none says otherwise.

    Parameters
    ----------
    facts : Facts
    number, good, bad : str
        How many there are, agree, and say otherwise.
    otherwise : str, optional
        Verdict where any says otherwise, however many agree.

    Raises
    ------
    MissingError
        When there is none.
    """
    of, agree, against = (facts.number(name) for name in (number, good, bad))
    if not of:
        raise MissingError(str(number))
    if agree == of:
        verdict = HOLDS
    elif against and otherwise:
        verdict = otherwise
    elif 2 * agree > of:
        verdict = APPROXIMATELY
    else:
        verdict = NOT_REPRODUCED if against else UNDECIDED
    return verdict, f"{agree:.0f} of {of:.0f} agree, {against:.0f} say otherwise"


PREDICATES: dict[str, Callable[..., Judgement]] = {
    predicate.__name__: predicate
    for predicate in (read, adopted, future, near, inside, text, in_interval, better, of_several)
}
