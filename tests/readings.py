"""Read the built book as three readers would, and keep what they saw.

`python -m tests.readings` (after `make book`) lets Chromium be a reviewer with half a minute, a
haematologist, and a student who opens chapter 5 in JupyterLab and solves an exercise. Each step
says what must be on the screen and fails where it is not; the screens go to
`benchmarks/readings/`.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from playwright.sync_api import Page, expect

from leukgnn.book import checks
from leukgnn.files import HTML

ROOT = Path(__file__).parent.parent
SCREENS = ROOT / "benchmarks" / "readings"
SCREEN = {"width": 1280, "height": 800}
COLOURS = 128  # of a kept screen, which is text and lines
EXERCISE = "gcn-exercise-k"
NO_WINDOW = '{"windowingMode": "none"}'  # JupyterLab then holds the cells that are not seen, too
RUN_AND_LOAD = 300_000  # milliseconds


def main() -> int:
    """Read, and say what was seen."""
    SCREENS.mkdir(exist_ok=True)
    with checks.offline_browser() as browser:
        with checks.served(ROOT / HTML) as root:
            for reader in (reviewer, haematologist):
                reader(browser.new_page(viewport=SCREEN), f"{root}/book")
        with jupyter() as root:
            student(browser.new_page(viewport=SCREEN), root)
    return 0


def keep(page: Page, name: str, told: str) -> None:
    """Keep a screen, small, and say what it shows."""
    target = SCREENS / f"{name}.png"
    page.screenshot(path=target)
    with Image.open(target) as screen:
        screen.convert("P", palette=Image.Palette.ADAPTIVE, colors=COLOURS).save(target)
    print(f"{name}: {told}", flush=True)


def on_first_screen(page: Page, selector: str, text: str = "") -> str:
    """Text of the first such element, which must be on the screen before any scrolling."""
    found = page.locator(selector, has_text=text).first
    expect(found).to_be_in_viewport()
    return found.inner_text()


def reviewer(page: Page, root: str) -> None:
    """Half a minute: the question, its answer, the verdicts, the picture; then the evidence."""
    page.goto(f"{root}/intro.html")
    on_first_screen(page, "article h1", "Does the graph help?")
    answer = on_first_screen(page, "article p", "the graph network differs")
    on_first_screen(page, "article p", "Verdicts on")
    on_first_screen(page, "article img.only-light")
    keep(page, "reviewer_1_first_screen", answer.split(".")[0])
    page.goto(f"{root}/../search.html?q=does+the+graph+help")
    first = page.locator("#search-results li").first
    expect(first).to_contain_text("Does the graph help?")
    keep(page, "reviewer_2_search", f"the first hit is {first.inner_text().splitlines()[0]!r}")
    page.goto(f"{root}/intro.html")
    page.get_by_role("link", name="claims").first.click()
    evidence = page.locator("article a[href*='chapters/'][href*='#']").first
    address = evidence.get_attribute("href")
    evidence.click()
    anchor = page.locator(f"[id='{str(address).rpartition('#')[2]}']")
    expect(anchor).to_be_in_viewport()
    keep(page, "reviewer_3_evidence", f"a verdict's evidence stands at {address}")


def haematologist(page: Page, root: str) -> None:
    """From the first screen to people, to what may not be concluded."""
    page.goto(f"{root}/intro.html")
    page.get_by_text("For haematologists").click(force=True)  # what lies over it is the card's link
    on_first_screen(page, "article h1", "From cells to people")
    told = on_first_screen(page, "article p", "people")
    keep(page, "haematologist_1_people", told.split(",")[0])
    page.goto(f"{root}/intro.html")
    page.locator(".sd-card", has_text="For haematologists").get_by_text("Limitations").click()
    on_first_screen(page, "article h1", "Limitations")
    use = page.get_by_text("Nothing here is a medical device").first
    use.scroll_into_view_if_needed()
    keep(page, "haematologist_2_limits", use.inner_text())


def student(page: Page, root: str) -> None:
    """Chapter 5 in JupyterLab, run whole; a wrong answer, then the right one."""
    page.goto(f"{root}/lab/tree/05_gcn.md")
    page.get_by_text("| Idle").first.wait_for(timeout=RUN_AND_LOAD)  # opened, with its kernel
    keep(page, "student_1_opened", "chapter 5 is a notebook in JupyterLab")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    cell = page.locator(".jp-CodeCell", has_text=EXERCISE).filter(has_text="answer = ").last
    expect(cell).to_contain_text("No answer yet", timeout=RUN_AND_LOAD)
    right = solution(ROOT / "book" / "chapters" / "05_gcn.ipynb")
    for number, (answer, said) in enumerate({right + 1000: "Not yet", right: "Right."}.items()):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.type(f'answer = {answer}\ncheck("{EXERCISE}", answer)')
        page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-OutputArea-output").first).to_contain_text(said)
        keep(page, f"student_{number + 2}_answer", f"answer {answer}: {said}")


def solution(executed: Path) -> float:
    """What a chapter that was executed computed as right."""
    for cell in nbformat.read(executed, as_version=4).cells:  # type: ignore[no-untyped-call]
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("scrapbook", {}).get("name") == EXERCISE:
                return float(json.loads(output.data["application/papermill.record/text/plain"]))
    raise SystemExit(f"{executed}: no solution of {EXERCISE}; run `make book` first.")


@contextmanager
def jupyter() -> Iterator[str]:
    """JupyterLab over a copy of the chapters, as `make lab` starts it."""
    with tempfile.TemporaryDirectory() as scratch, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        copied = shutil.copytree(ROOT / "notebooks", Path(scratch, "notebooks"))
        settings = Path(scratch, "settings", "@jupyterlab", "notebook-extension")
        settings.mkdir(parents=True)
        (settings / "tracker.jupyterlab-settings").write_text(NO_WINDOW, encoding="utf-8")
        environment: dict[str, Any] = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_PATH": str(ROOT / "build" / "lab"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings.parents[1]),
        }
        command = [sys.executable, "-m", "jupyterlab", str(copied), "--no-browser", "--allow-root"]
        command += [f"--ServerApp.port={port}", "--IdentityProvider.token="]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
            try:
                _wait(port)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()


def _wait(port: int) -> None:
    """Until the server answers."""
    while True:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
