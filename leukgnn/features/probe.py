"""What the features hold: a cell's size, read back by a linear probe."""

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leukgnn.cells import log_area
from leukgnn.features.store import Features


def area_probe(features: Features) -> pd.DataFrame:
    """Linear probe: how well the features tell a cell's box area, subjects apart.

    Ridge regression of the logarithm of the area, each fifth of the (merged) subjects predicted
    from the other four.

    Returns
    -------
    DataFrame
        `measured` and `predicted` (natural logarithm of square pixels at 450x450), row i for
        cell i.
    """
    table = features.table
    area = log_area(table)
    model = make_pipeline(StandardScaler(), Ridge(alpha=float(features.x.shape[1])))
    groups = table["merged_subject"]
    predicted = cross_val_predict(model, features.x, area, groups=groups, cv=GroupKFold(5))
    return pd.DataFrame({"measured": area, "predicted": predicted})
