"""Cells of C-NMC 2019: their table, their subjects and folds, folders of their images."""

from leukgnn.cells.folder import LAYOUT, SUFFIXES, find_folds, found_there, image_files, scan
from leukgnn.cells.table import (
    BOX,
    CLASSES,
    LABELS,
    CellName,
    known_merged_subjects,
    linked,
    log_area,
    manifest,
    merged_subjects,
    natural,
    parse_name,
    sample,
    training_cells,
    twins,
)

__all__ = [
    "BOX",
    "CLASSES",
    "LABELS",
    "LAYOUT",
    "SUFFIXES",
    "CellName",
    "find_folds",
    "found_there",
    "image_files",
    "known_merged_subjects",
    "linked",
    "log_area",
    "manifest",
    "merged_subjects",
    "natural",
    "parse_name",
    "sample",
    "scan",
    "training_cells",
    "twins",
]
