"""What several test files need."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leukgnn.book import checks
from leukgnn.cells.phantoms import write_phantoms
from leukgnn.features.resnet import find_weights

if TYPE_CHECKING:
    from leukgnn.demo.predict import Predictor
    from leukgnn.experiments import Plan

ROOT = Path(__file__).parent.parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was left out, and why."""
    left_out = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    for reason, number in left_out.most_common():
        terminalreporter.write_line(f"Left out: {number} tests, as {reason}.")
    if not left_out:
        terminalreporter.write_line("Nothing was left out.")


@pytest.fixture(scope="session")
def plan() -> "Plan":
    """What the book shows, of the shipped features."""
    from leukgnn.experiments import Plan
    from leukgnn.features import shipped_features

    return Plan.of(shipped_features(), "full")


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
    """The demo's predictor as it answers by default."""
    from leukgnn.demo.predict import Predictor

    return Predictor(find_weights())


@pytest.fixture
def axes() -> Iterator[Any]:
    """Axes in the book's style."""
    import matplotlib.pyplot as plt

    from leukgnn.book import plots

    plots.style()
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)
    plt.rcdefaults()


@pytest.fixture(scope="module")  # while it runs no other test can have a loop of events
def browser() -> Iterator[Any]:
    """Chromium, as `playwright` drives it; tests open contexts of their own."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = checks.chromium()
    if path is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=checks.QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def serious() -> Any:
    """What axe finds serious or critical on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")

    def found(page: Any) -> list[str]:
        violations = axe.Axe().run(page).response["violations"]
        return [v["id"] for v in violations if v["impact"] in ("serious", "critical")]

    return found
