"""What the tests of the demo's page need, with a server and without."""

from collections.abc import Iterator
from typing import Any

import pytest

from leukgnn.book import checks


@pytest.fixture(scope="module")
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
