from . import pictures, plots
from .exercises import check, solution
from .tables import claims_note, page_note, show_table

__all__ = [
    "check",
    "claims_note",
    "page_note",
    "pictures",
    "plots",
    "show_table",
    "solution",
]
