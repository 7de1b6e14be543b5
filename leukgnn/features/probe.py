"""What the features hold: a cell's size, read back by a linear probe."""

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leukgnn.cells import log_area
from leukgnn.features.store import Features
from leukgnn.files import InputError

FOLDS = 5


def area_probe(features: Features) -> pd.DataFrame:
    """Linear probe: how well the features tell a cell's box area, subjects apart.

    Ridge regression of the logarithm of the area, each fifth of the (merged) subjects predicted
    from the other four (of fewer than five subjects each from the others).

    Returns
    -------
    DataFrame
        `measured` and `predicted` (natural logarithm of square pixels at 450x450), row i for
        cell i.

    Raises
    ------
    InputError
        When the cells are none of C-NMC 2019 or of one subject only.
    """
    table = features.table
    if "merged_subject" not in table or table["merged_subject"].nunique() < 2:
        raise InputError(
            f"{features.origin} The probe needs cells of C-NMC 2019 of at least two subjects."
        )
    area = log_area(table)
    model = make_pipeline(StandardScaler(), Ridge(alpha=float(features.x.shape[1])))
    groups = table["merged_subject"]
    folds = GroupKFold(min(FOLDS, groups.nunique()))
    predicted = cross_val_predict(model, features.x, area, groups=groups, cv=folds)
    return pd.DataFrame({"measured": area, "predicted": predicted})
