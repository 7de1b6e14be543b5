"""The paper's claims: a ledger, the rules that judge it by a build's numbers, and its page."""

from leukgnn.claims.facts import ABSENT, Facts, MissingError, printed, read_facts
from leukgnn.claims.ledger import FIELDS, ledger
from leukgnn.claims.page import counts, evidence_in, generated, sections, sentence
from leukgnn.claims.rules import (
    APPROXIMATELY,
    BASES,
    COMPUTED,
    CONTRADICTED,
    HOLDS,
    NOT_CHECKABLE,
    NOT_REPRODUCED,
    PREDICATES,
    UNDECIDED,
    UNSPECIFIED,
    VERDICTS,
)
from leukgnn.claims.verdicts import COLUMNS, address, judge, row_anchor, write

__all__ = [
    "ABSENT",
    "APPROXIMATELY",
    "BASES",
    "COLUMNS",
    "COMPUTED",
    "CONTRADICTED",
    "FIELDS",
    "HOLDS",
    "NOT_CHECKABLE",
    "NOT_REPRODUCED",
    "PREDICATES",
    "UNDECIDED",
    "UNSPECIFIED",
    "VERDICTS",
    "Facts",
    "MissingError",
    "address",
    "counts",
    "evidence_in",
    "generated",
    "judge",
    "ledger",
    "printed",
    "read_facts",
    "row_anchor",
    "sections",
    "sentence",
    "write",
]
