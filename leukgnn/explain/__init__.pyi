from .neighbours import (
    TELLING,
    from_answer,
    gnn_explainer,
    integrated_gradients,
    leave_one_out,
    neighbours,
    of_edges,
    similarity,
    without,
)

__all__ = [
    "TELLING",
    "from_answer",
    "gnn_explainer",
    "integrated_gradients",
    "leave_one_out",
    "neighbours",
    "of_edges",
    "similarity",
    "without",
]
