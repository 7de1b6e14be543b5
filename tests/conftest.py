"""What several test files need."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leukgnn.cells.phantoms import write_phantoms
from leukgnn.features.resnet import find_weights

if TYPE_CHECKING:
    from leukgnn.demo.predict import Predictor

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of real cells beside the checkout."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "restore_bmp.py").is_file():
        pytest.skip("the developers' folder of real cells is not there")
    return folder


@pytest.fixture(scope="session")
def originals(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Restore 892 of the BMP files as distributed."""
    folder = tmp_path_factory.mktemp("originals")
    script = shared / "data" / "restore_bmp.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 phantoms of each class; tests only read them."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), cells_per_class=12, seed=0)


@pytest.fixture(scope="session")
def predictor() -> "Predictor":
    """The demo's predictor with the untrained network, which is the same everywhere."""
    from leukgnn.demo.predict import Predictor

    return Predictor(find_weights("random:0"))
