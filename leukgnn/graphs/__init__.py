"""Graphs of cells: the nearest-neighbour search, edge sets, builders, homophily."""

from leukgnn.graphs.builders import Attached, Builder, Cliques, Joined, NoGraph, arriving
from leukgnn.graphs.edges import (
    EDGES,
    both_ways,
    cluster_cliques,
    edge_hash,
    knn_edges,
    no_edges,
    within,
    without_same_subject,
)
from leukgnn.graphs.homophily import adjusted_homophily, edge_kinds, homophily, sweep
from leukgnn.graphs.search import LIKE, Reference, attach, knn, like_within, same_neighbours
from leukgnn.graphs.stored import read_graph, write_graph

__all__ = [
    "EDGES",
    "LIKE",
    "Attached",
    "Builder",
    "Cliques",
    "Joined",
    "NoGraph",
    "Reference",
    "adjusted_homophily",
    "arriving",
    "attach",
    "both_ways",
    "cluster_cliques",
    "edge_hash",
    "edge_kinds",
    "homophily",
    "knn",
    "knn_edges",
    "like_within",
    "no_edges",
    "read_graph",
    "same_neighbours",
    "sweep",
    "within",
    "without_same_subject",
    "write_graph",
]
