"""What several tests of experiments need."""

import pytest

from leukgnn.features import shipped_features


@pytest.fixture(scope="session")
def real():
    """700 of the real cells' features."""
    shipped = shipped_features()
    rows = shipped.table.groupby("label").sample(350, random_state=0).index
    return shipped.take(rows.to_numpy())
