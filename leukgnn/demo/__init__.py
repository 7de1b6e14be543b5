"""The demo: answers for new cells. `demo.model` trains its model, `demo.serve` serves it.

Those two are imported by name, so that answering needs no training code and no web server.
"""

from leukgnn.demo.model_file import find_reference, model_path, read_model
from leukgnn.demo.predict import NOTICE, as_text, classify, described
from leukgnn.demo.predictor import Answer, Neighbour, Predictor

__all__ = [
    "NOTICE",
    "Answer",
    "Neighbour",
    "Predictor",
    "as_text",
    "classify",
    "described",
    "find_reference",
    "model_path",
    "read_model",
]
