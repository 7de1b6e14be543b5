"""What several tests of experiments need."""

import numpy as np
import pandas as pd
import pytest

from leukgnn.features import Features, shipped_features
from leukgnn.paper import EXTRACTOR


@pytest.fixture(scope="session")
def real():
    """700 of the real cells' features."""
    shipped = shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index
    return shipped.take(rows.to_numpy())


def cells_of(signal, label, subject, growth=0.5):
    """Cells with these columns of features and the others 0.

    Subjects s and s + 6 are linked, so that `subject` and `merged_subject` are never the same;
    each fold has two of the six. Leukemic cells' boxes are wider and higher by `growth`.
    """
    n = len(label)
    x = np.zeros((n, EXTRACTOR.features), dtype=np.float32)
    x[:, : signal.shape[1]] = signal
    generator = np.random.default_rng(n)
    linked = subject // 12 * 6 + subject % 6
    table = pd.DataFrame(
        {
            "filename": [f"{i}.bmp" for i in range(n)],
            "fold": [f"fold_{s % 6 // 2}" for s in subject],
            "subject": subject.astype(str),
            "source_image": [f"{s}_{i % 2}" for i, s in enumerate(subject)],
            "merged_subject": [f"m{link}" for link in linked],
            "label": label,
            "sha256": [f"{i:064d}" for i in range(n)],
            "bbox_w": np.exp(generator.normal(5 + growth * label, 0.15)).round(),
            "bbox_h": np.exp(generator.normal(5 + growth * label, 0.15)).round(),
        }
    )
    return Features(x, table, {"weights": {"name": "none"}}, "planted")


@pytest.fixture(scope="session")
def separable():
    """480 cells of 24 subjects whose class shows in 16 of 64 features, and in their size."""
    subject = np.repeat(np.arange(24), 20)
    noise = np.random.default_rng(0).normal(size=(480, 64))
    noise[:, :16] += 1.2 * (subject % 2)[:, None] - 0.6
    return cells_of(noise, subject % 2, subject)


@pytest.fixture(scope="session")
def mixed():
    """720 cells, five leukemic ones to a healthy one, whose classes overlap in each feature."""
    subject = np.repeat(np.arange(72), 10)
    label = 1 - ((subject % 2 == 0) & (subject // 12 % 3 == 0))
    overlapping = np.random.default_rng(1).normal(size=(720, 2)) + 0.7 * label[:, None] - 0.35
    return cells_of(overlapping, label, subject, growth=0.1)


@pytest.fixture(scope="session")
def recognisable():
    """480 cells of 48 persons who look like nobody else, and whose class does not show."""
    subject = np.repeat(np.arange(96), 5)
    generator = np.random.default_rng(2)
    person = generator.normal(size=(48, 64))[subject // 12 * 6 + subject % 6]
    return cells_of(person + 0.3 * generator.normal(size=person.shape), subject % 2, subject)
