"""The book's first screen: its question, the answer in a few sentences, and one picture."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from leukgnn import files, paper
from leukgnn.book import drawn, plots
from leukgnn.book.published import keyed, row_of
from leukgnn.evaluation import PRIMARY, from_counts, outcome
from leukgnn.files import FIGURES
from leukgnn.names import INK, MODELS, PROTOCOLS
from leukgnn.text import counted, declared, each_once, with_interval

ANSWERS = {  # to "does the graph help?", by the outcome of the primary question
    "better": "Yes",
    "worse": "No, it does harm",
    "equivalent": "No, it changes nothing that matters",
    "undecided": "Not so that we could tell",
}
# What the picture shows: under which protocol, which models.
SHOWN = {
    "as_written": ("gcn", "mlp", "svm", "size"),
    "subject_disjoint": ("gcn", "mlp", "svm", "cnn", "size"),
}
CNN = ("subject_disjoint", "cnn", "accuracy")
THEMES = {"light": ("#ffffff", "#323232"), "dark": ("#14181e", "#ced6dd")}  # ground, text


def generated(results: Path) -> dict[str, str]:
    """The generated parts of the first page: `answer`, and `first`, its picture.

    Parameters
    ----------
    results : Path
        Folder of this build's tables.
    """
    rows = keyed("intervals", results)
    gaps = keyed("differences", results)
    return {"answer": _answer(rows, gaps), "first": _figure(rows)}


def _answer(rows: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """The answer to the page's title, in a few sentences."""
    primary = row_of(gaps, PRIMARY)
    at_equal_size = row_of(gaps, (*PRIMARY[:3], "size_adjusted_auc"))

    def accuracy(protocol: str, model: str) -> str:
        return with_interval(row_of(rows, (protocol, model, "accuracy")))

    def of_people(model: str) -> str:
        return each_once(row_of(rows, ("subject_disjoint", model, "accuracy")))

    alike = outcome(primary["by_subject_low"], primary["by_subject_high"])
    asked = row_of(rows, ("other_partitions", "gcn", "roc_auc"))
    partitions = counted(int(asked["partitions"]), "partition")
    return (
        f"**{ANSWERS[primary['outcome']]}.** Asked about cells of people whom "
        f"it has not met, the graph network differs from the same network without graph by "
        f"{with_interval(primary, signed=True)} in ROC AUC (*{primary['outcome']}*, over "
        f"{asked['subjects']:.0f} people and {partitions} of them). With every person weighed "
        f"alike, which was not declared beforehand, the difference is "
        f"{each_once(primary, signed=True)} (*{alike}*); among cells of about equal size it is "
        f"{with_interval(at_equal_size, signed=True)} ({declared(at_equal_size)} "
        "over the declared comparisons).\n\n"
        f"The paper prints an accuracy of {paper.PRINTED['gcn'].accuracy:.3f} and a confusion "
        f"matrix that gives {_of_matrix():.3f}; the protocol that it writes down gives "
        f"{accuracy('as_written', 'gcn')} here, new people give "
        f"{accuracy('subject_disjoint', 'gcn')} (every person weighed alike: {of_people('gcn')}), "
        f"and the size of the cell alone gives {accuracy('subject_disjoint', 'size')} "
        f"(so weighed: {of_people('size')}).\n"
    )


def _of_matrix() -> float:
    """Accuracy of the paper's printed confusion matrix."""
    return float(from_counts(**vars(paper.CONFUSION))["accuracy"])


def _figure(rows: pd.DataFrame) -> str:
    """The picture as MyST, in two versions, one for each theme."""
    alt = (
        "Accuracies as printed in the paper, as measured by the protocol it writes down, and as "
        "measured on new people, each with its interval."
    )
    pictures = "\n".join(
        f"```{{image}} /book/generated/first_{theme}.svg\n:alt: {alt}\n:class: only-{theme}\n"
        ":width: 100%\n```"
        for theme in THEMES
    )
    return (
        f"{pictures}\n\n*Accuracy with 95 % intervals over people. Crosses: the paper. Brown: the "
        "protocol as the paper writes it down, where cells of one person stand on both sides. "
        f"In the colour of the text: people who were not met before. {_trainings(rows)}"
        "{download}`Data </book/generated/figures/first.csv>`.*\n"
    )


def _trainings(rows: pd.DataFrame) -> str:
    """What makes the CNN's interval as wide as it is; empty where the reference lacks cells."""
    if CNN not in rows.index:
        return ""
    cnn = row_of(rows, CNN)
    return (
        f"The CNN's interval also holds how far its {counted(int(cnn['seeds']), 'training')} lie "
        f"apart (standard deviation {cnn['sd']:.3f}: {{doc}}`chapters/09_cnn`). "
    )


def draw(results: Path, folder: Path) -> None:
    """Draw `first_light.svg` and `first_dark.svg` from the tables of a build."""
    rows = keyed("intervals", results)
    for theme, colours in THEMES.items():
        with files.atomic_path(folder / f"first_{theme}.svg") as temporary:
            shown = _draw(rows, temporary, *colours)
    with files.atomic_path(folder / FIGURES.name / "first.csv") as temporary:
        shown.to_csv(temporary, index=False)


def _draw(rows: pd.DataFrame, target: Path, ground: str, ink: str) -> pd.DataFrame:
    """Draw one version of the picture; what it shows."""
    printed = paper.PRINTED["gcn"].accuracy
    names = ["paper, Table 1", "paper, printed matrix"]
    plots.style()
    inks = {
        "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": ink, "xtick.color": ink,
        "ytick.color": ink, "font.size": 12, "svg.hashsalt": "0",
    }  # fmt: skip
    with plt.rc_context(inks):  # type: ignore[arg-type]
        figure, axes = plt.subplots(figsize=(6.4, 3.7), facecolor=ground)
        axes.set_facecolor(ground)
        axes.plot([printed, _of_matrix()], [0, -1], "X", color=ink, markersize=9)
        place = -2
        for protocol, models in SHOWN.items():
            colour = PROTOCOLS[protocol].colour
            colour = ink if colour == INK else colour  # which is black, also on a dark ground
            for model in models:
                key = (protocol, model, "accuracy")
                if key not in rows.index:
                    continue  # of the CNN where the reference lacks cells of this build
                row = row_of(rows, key)
                axes.hlines(place, row["low"], row["high"], color=colour, linewidth=3, alpha=0.7)
                axes.plot(row["value"], place, "o", color=colour, markersize=7)
                names.append(f"{_short(model)}, {PROTOCOLS[protocol].label}")
                place -= 1
        axes.axvline(printed, color=ink, linestyle=":", linewidth=1)
        axes.set_yticks([-i for i in range(len(names))], names)
        axes.grid(axis="x", color=ink, alpha=0.15)
        axes.set(xlabel="accuracy")
        figure.savefig(target, format="svg", facecolor=ground, metadata={"Date": None})
        shown = drawn.data(figure)
        plt.close(figure)
    return shown


def _short(model: str) -> str:
    """Label of a model without what stands in brackets."""
    return MODELS[model].label.partition(" (")[0]
