"""The one registry of what is compared: key, name for readers, order and colour.

Keys stand in every table (`results.csv`, `claims.yml`); names stand on every page, in the README
and in the demo. The order of a registry is the order in tables and figures.
"""

from dataclasses import dataclass

# seaborn's palette "colorblind": distinct with any kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY, YELLOW, SKY = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494",
    "#ece133", "#56b4e9",
)  # fmt: skip
# Classes, models and protocols share no colour: a colour means one thing in the whole book. What
# is none of them is drawn in shades of grey (`book.plots.style`).
INK, SLATE, UMBER = "#1a1a1a", "#5f5f5f", "#6b4423"


@dataclass(frozen=True)
class Name:
    """How a protocol, model, metric or class is shown.

    Attributes
    ----------
    label : str
        For readers.
    colour : str
        Hexadecimal; the same in all figures.
    """

    label: str
    colour: str = GREY


CLASSES = {0: Name("healthy (hem)", BLUE), 1: Name("leukemic (ALL)", RED)}

PROTOCOLS = {
    "as_written": Name("as written", BROWN),
    "as_released": Name("as released", UMBER),
    "subject_disjoint": Name("new subjects", INK),
    "other_partitions": Name("new subjects, other partitions", SLATE),
}

GROUPINGS = {  # what a random partition keeps together, from finest to coarsest
    "cells": Name("cells"),
    "source_images": Name("source images"),
    "subjects": Name("subjects"),
    "equal_files": Name("subjects linked by equal files"),
    "near_duplicates": Name("subjects linked by near-duplicates"),
}

NETWORKS = {  # other graph networks, each beside the same network without edges
    "sage": Name("GraphSAGE", SKY),
    "gat": Name("GAT (v2)", SKY),
    "cheb": Name("ChebNet", SKY),
    "gin": Name("GIN", SKY),
    "appnp": Name("APPNP", SKY),
    "sign_2": Name("SIGN, two hops", SKY),
    "sign_4": Name("SIGN, four hops", SKY),
    "strong_gcn": Name("GCN, strong recipe", GREEN),
    "strong_sage": Name("GraphSAGE, strong recipe", SKY),
    "strong_gat": Name("GAT, strong recipe", SKY),
    "transformer": Name("graph transformer", SKY),
}

GRAPHS = {  # for the very same GCN, beside the one MLP
    "graph_equal_size": Name("GCN, neighbours of about equal size", GREEN),
    "graph_learned_apart": Name("GCN, neighbours by a learned metric, of others", GREEN),
    "graph_learned": Name("GCN, neighbours by a learned metric", GREEN),
    "graph_rebuilt": Name("GCN, neighbours by what the MLP sees", GREEN),
    "graph_size_alone": Name("GCN, neighbours by size alone", GREY),
}

POOLINGS = {  # of a person's cells, each beside the same network without edges
    "pool_mean": Name("mean pooling", GREEN),
    "pool_max": Name("maximum pooling", SKY),
    "pool_attention": Name("attention pooling", SKY),
    "pool_top_k": Name("top-k pooling", SKY),
    "pool_diff": Name("DiffPool", SKY),
    "pool_set": Name("Set Transformer", SKY),
}

FEW_CELLS = (1, 5, 20)  # of each person, shown to attention pooling

REASONS = {  # ways to name the neighbours that carry an answer; the last are controls
    "reason_exact": Name("leaving one out"),
    "reason_gradients": Name("integrated gradients"),
    "reason_masked": Name("GNNExplainer"),
    "reason_attention": Name("attention of a GAT"),
    "reason_similar": Name("similarity"),
    "reason_other_seed": Name("leaving one out, by another seed"),
    "reason_unrelated_labels": Name("leaving one out, taught unrelated labels"),
    "reason_shuffled_graph": Name("leaving one out, trained on a shuffled graph"),
    "reason_untrained": Name("leaving one out, untrained network"),
    "reason_random": Name("chance"),
}

LOOKS = {  # ways to name the parts of a cell's picture that carry an answer
    "look_occlusion": Name("occlusion, exact"),
    "look_grad_cam": Name("Grad-CAM"),
    "look_gradients": Name("integrated gradients"),
}
OWN = "own"  # the network that is explained
OTHER_NETWORKS = {  # the same ways by another network; all but another seed's were taught no class
    "other_seed": "by another seed",
    "unrelated_labels": "taught unrelated labels",
    "untrained": "untrained network",
}
LOOK_WAYS = tuple(LOOKS)


def looked(way: str, network: str) -> str:
    """Key of `LOOKS`: a way to name parts, by the explained network or one of `OTHER_NETWORKS`."""
    return way if network == OWN else f"{way}_{network}"


LOOKS |= {
    looked(way, other): Name(f"{LOOKS[way].label}, {words}")
    for other, words in OTHER_NETWORKS.items()
    for way in LOOK_WAYS
}
LOOKS |= {"look_area": Name("area of the cell alone"), "look_random": Name("chance")}

MODELS = {
    "majority": Name("always leukemic", GREY),
    "size": Name("cell size alone", GREY),
    "size_all": Name("cell size alone, all cells", GREY),
    "logistic": Name("logistic regression", PINK),
    "svm_linear": Name("linear SVM", YELLOW),
    "svm": Name("RBF SVM", SKY),
    "knn": Name("vote of similar cells", SKY),
    "mlp": Name("MLP (same network, no graph)", ORANGE),
    "mlp_tuned": Name("MLP, tuned", ORANGE),
    "mlp_smoothed_1": Name("MLP, features smoothed once", ORANGE),
    "mlp_smoothed_2": Name("MLP, features smoothed twice", ORANGE),
    "mlp_smoothed_4": Name("MLP, features smoothed four times", ORANGE),
    "label_propagation": Name("label propagation", SKY),
    "correct_and_smooth": Name("MLP, Correct & Smooth", ORANGE),
    "sgc": Name("SGC", PINK),
    "gcn_random_graph": Name("GCN, cells shuffled in the graph", GREY),
    "gcn_masked": Name("GCN, no edge within a subject", GREEN),
    "gcn_random_weights": Name("GCN, untrained ResNet", GREY),
    "mlp_random_weights": Name("MLP, untrained ResNet", GREY),
    "gcn_tuned": Name("GCN, tuned", GREEN),
    "gcn_transductive": Name("GCN, test cells joined", GREEN),
    "gcn_transductive_masked": Name("GCN, test cells joined, but not within a subject", GREEN),
    "gcn_dummy": Name("GCN, a new cell as a node of its own", GREY),
    "gcn_reverse": Name("GCN, edges both ways", GREEN),
    "gcn_all_nodes": Name("GCN, asked about all cells", GREEN),
    "gcn": Name("GCN", GREEN),
    "cnn": Name("CNN, fine-tuned", PURPLE),
    "encoder": Name("our encoder, from random weights", PURPLE),
    "encoder_papers": Name("our encoder, the paper's augmentation", GREY),
    "encoder_gcn": Name("GCN on our encoder's features", GREEN),
    "encoder_mlp": Name("MLP on our encoder's features", ORANGE),
    "cnn_gcn": Name("GCN on fine-tuned features", SKY),
    "cnn_mlp": Name("MLP on fine-tuned features", YELLOW),
    "vote": Name("vote of the neighbours", GREY),
    "gat_vote": Name("vote of the neighbours, weighed by attention", GREY),
    **NETWORKS,
    **GRAPHS,
    "gcn_own_similar": Name("GCN, hearing the person's similar cells", GREEN),
    "gcn_own_random": Name("GCN, hearing any of the person's cells", GREY),
    **POOLINGS,
    **{f"pool_attention_of_{n}": Name(f"attention pooling, of {n} cells", SKY) for n in FEW_CELLS},
    "attention_rank": Name("rank of a cell by attention", GREY),
    **{
        f"{key}_alone": Name(f"{name.label}, no edges", ORANGE)
        for key, name in (NETWORKS | POOLINGS).items()
    },
}

METRICS = {
    "accuracy": Name("accuracy"),
    "precision": Name("precision"),
    "recall": Name("recall"),
    "f1": Name("F1"),
    "weighted_f1": Name("weighted F1"),
    "specificity": Name("specificity"),
    "balanced_accuracy": Name("balanced accuracy"),
    "mcc": Name("MCC"),
    "roc_auc": Name("ROC AUC"),  # of cells that one network answered
    "pooled_auc": Name("ROC AUC, folds pooled"),
    "size_adjusted_auc": Name("ROC AUC at equal size"),
}

TABLES = (  # of a build's results; `evaluation.tables` writes them
    "results.csv", "predictions.parquet", "intervals.csv", "differences.csv",
)  # fmt: skip
KEYS = {  # of some of them: the columns that identify a row
    "intervals": ["protocol", "model", "metric"],
    "differences": ["protocol", "first", "second", "metric"],
}
FIGURE_DATA = "text/csv"  # form of a figure in a notebook, beside its picture
WITNESS = "witness.csv"  # the runs that a build computed again


def label(key: str) -> str:
    """Name for readers of whatever stands in a registry here; others stand for themselves."""
    for registry in (MODELS, REASONS, LOOKS, PROTOCOLS, METRICS, GROUPINGS):
        if key in registry:
            return registry[key].label
    return key


def model_colour(key: str) -> str:
    """Colour of a model in every figure."""
    return MODELS[key].colour
