"""The book: what its chapters show, by plots, pictures and tables.

What runs, builds and checks it needs more than a chapter does, so it stands in named modules:
`chapters`, `building`, `checks`, `published`, `results_page`.
"""

from leukgnn.book import pictures, plots
from leukgnn.book.exercises import check, solution
from leukgnn.book.tables import claims_note, page_note, show_table

__all__ = [
    "check",
    "claims_note",
    "page_note",
    "pictures",
    "plots",
    "show_table",
    "solution",
]
