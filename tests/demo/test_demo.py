"""The demo as a visitor meets it: started by its command, in a browser, with many at once."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.demo import ask, serving
from leukgnn.cells import phantoms

SHARED = Path(__file__).parents[3] / "shared"
CLIENTS, REQUESTS = 8, 25  # of the load test; `make bench` measures for a minute
GROWTH = 64  # MB that serving them may add
pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def demo():
    """The demo as anyone starts it: its process and address."""
    with serving("") as running:
        yield running


@pytest.fixture(scope="module")
def cells(request, tmp_path_factory):
    """Three cells: restored originals where they are at hand, else phantoms; and a broken file."""
    folder = tmp_path_factory.mktemp("upload")
    if SHARED.is_dir():
        paths = sorted(request.getfixturevalue("originals").rglob("*.bmp"))[:3]
    else:
        paths = [folder / f"phantom_{n}.bmp" for n in range(3)]
        for n, path in enumerate(paths):
            phantoms.draw_cell(n % 2, np.random.default_rng([1, n])).save(path)
    broken = folder / "broken.bmp"
    broken.write_bytes(paths[0].read_bytes()[:1000])
    return [*paths, broken]


def opened(browser, address, problems, **options):
    """A page of the demo; every error and every request to another host goes to `problems`."""
    page = browser.new_context(**options).new_page()
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)

    def only_here(route):
        if not route.request.url.startswith((address, "blob:", "data:")):
            problems.append(f"asks {route.request.url}")
            route.abort()
        else:
            route.continue_()

    page.route("**/*", only_here)
    page.goto(address)
    return page


def test_a_visitor_uploads_three_cells_and_a_broken_file(demo, cells, browser, serious):
    problems = []
    page = opened(browser, demo[1], problems, viewport={"width": 1280, "height": 900})
    assert "not a medical device" in page.get_by_test_id("notice").inner_text()
    page.get_by_test_id("dropzone-input").set_input_files(cells)
    page.get_by_test_id("classify").click()
    page.get_by_test_id("error-card").wait_for(timeout=60_000)
    assert page.get_by_test_id("card").count() == 3
    assert page.get_by_test_id("error-card").count() == 1
    assert "broken.bmp" in page.get_by_test_id("error-card").inner_text()
    assert page.get_by_test_id("neighbour-graph").count() == 3
    assert serious(page) == []
    with page.expect_download() as saved:
        page.get_by_test_id("export").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert len(lines) == 5 and lines[0].startswith("file_name,ok,label")
    assert problems == []


VIEWS = {
    "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


@pytest.mark.parametrize("view", VIEWS)
def test_phantoms_by_keyboard_at_every_width(demo, browser, serious, view):
    """Also takes the pictures that chapter 14 shows: into LEUKGNN_SCREENSHOTS where that is set."""
    problems = []
    page = opened(browser, demo[1], problems, **VIEWS[view])
    for number in (0, 1):
        page.get_by_test_id("sample").nth(number).focus()
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove").nth(1).wait_for()
    page.get_by_test_id("classify").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("card").nth(1).wait_for(timeout=60_000)
    assert page.get_by_test_id("card").count() == 2
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0 and serious(page) == [] and problems == []
    if target := os.environ.get("LEUKGNN_SCREENSHOTS"):
        page.get_by_test_id("card").first.scroll_into_view_if_needed()
        page.screenshot(path=Path(target) / f"demo_{view}.png", animations="disabled")


def test_many_at_once_get_their_own_answers_and_memory_stays(demo, cells):
    process, address = demo
    contents = [path.read_bytes() for path in cells[:3]]
    alone = [ask(address, content) for content in contents]
    ready = threading.Barrier(CLIENTS)

    def client(number):
        ready.wait()
        return [ask(address, contents[(number + i) % 3]) for i in range(REQUESTS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))  # what is allocated once is there after this
        before = process.memory_info().rss
        answered = list(pool.map(client, range(CLIENTS)))
    for number, answers in enumerate(answered):
        assert answers == [alone[(number + i) % 3] for i in range(REQUESTS)]
    assert process.memory_info().rss - before < GROWTH * 2**20
