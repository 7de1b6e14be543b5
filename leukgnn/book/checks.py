"""What must hold for a built book, looked for in its files and in a browser without network."""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from joblib import Parallel, delayed

from leukgnn.book import accessibility
from leukgnn.files import EXPLORER, SITE

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
RELATIONS = {"stylesheet", "icon", "preload", "prefetch"}  # of <link>; others fetch nothing
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DIRECTIVE = re.compile(r"(?:```|~~~|:::)\{\w+\}")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
WIDE = 1280
PHONE = 400  # pixels of width


class _Page(HTMLParser):
    """What one page fetches, links to, and anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.errors = 0
        self.raw: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one tag."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        address = values.get(FETCHED.get(tag, ""), "")
        if address and (tag != "link" or RELATIONS & set(values.get("rel", "").split())):
            self.fetched.append(address)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        self.errors += "traceback" in values.get("class", "").split()

    def handle_data(self, data: str) -> None:
        """Collect what looks like a directive that was not taken as one."""
        self.raw += DIRECTIVE.findall(data)


def check(html: Path, toc: Path) -> list[str]:
    """Look through the files of a built book.

    Parameters
    ----------
    html : Path
        The built book.
    toc : Path
        Its `_toc.yml`.

    Returns
    -------
    list of str
        A sentence for every page that is missing, shows an error or a directive that was not
        rendered, for every link to a missing file or anchor, and for everything a page would
        fetch from another host.
    """
    problems = [
        f"{page}: in {toc.name}, and not built."
        for page in pages_of(toc)
        if not (html / page).is_file()
    ]
    # The theme's templates under _static are not pages.
    files = (path for path in sorted(html.rglob("*.html")) if "_static" not in path.parts)
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in files}
    for path, page in pages.items():
        name = path.relative_to(html.resolve())
        problems += [f"{name}: shows the output of a failed cell."] * bool(page.errors)
        problems += [f"{name}: shows {raw} as text." for raw in page.raw]
        for address in page.fetched:
            if urlsplit(address).netloc:
                problems.append(f"{name}: would fetch {address} from another host.")
        for address in dict.fromkeys(page.fetched + page.links):
            if not _reached(path, address, pages):
                problems.append(f"{name}: {address} leads nowhere.")
    return problems


def pages_of(toc: Path) -> list[str]:
    """Files of the pages that a table of contents names."""
    content = yaml.safe_load(toc.read_text(encoding="utf-8"))
    names = [content["root"]]
    for part in content.get("parts", [content]):
        names += [chapter["file"] for chapter in part.get("chapters", [])]
    return [f"{name}.html" for name in names]


def _reached(path: Path, address: str, pages: dict[Path, _Page]) -> bool:
    """Whether a link of the page at `path`, resolved, leads to a file and an anchor there."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or address == "#":
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    found = pages.get(target)
    if found is None or not parts.fragment:
        return target.exists()
    return unquote(parts.fragment) in found.anchors


def chromium() -> str | None:
    """Path of the first of `BROWSERS` that is installed here."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _driver() -> Callable[[], Any] | None:
    """What drives the browser that is here; None without Chromium or without `playwright`."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    return sync_playwright if chromium() else None


@contextmanager
def offline_browser() -> Iterator[Any]:
    """Headless Chromium with the network off, as `playwright` drives it; None without either."""
    drive = _driver()
    if drive is None:
        yield None
        return
    with drive() as playwright:
        arguments = [*QUIET, OFFLINE]
        with playwright.chromium.launch(executable_path=chromium(), args=arguments) as browser:
            yield browser


def check_in_browser(html: Path) -> list[str]:
    """Open every page in headless Chromium with the network off, wide and at a phone's width.

    Returns
    -------
    list of str
        A sentence for every failed or foreign request, script error, unrendered formula,
        invisible figure, page wider than a phone, and rule of axe that is broken seriously. Where
        there is no Chromium or no `playwright`, the check says on the terminal that it was left
        out and returns nothing; where there is no axe, that axe was.
    """
    if _driver() is None:
        print("The look at the book in a browser was left out: no Chromium or no playwright.")
        return []
    axe = accessibility.script()
    if axe is None:
        print("The rules of accessible pages were left out: axe is not installed here.")
    paths = _looked_at(html)
    cores = os.cpu_count() or 1
    with served(html) as root:  # longer pages and shorter ones in every share
        shares = (delayed(_opened)(root, html, paths[i::cores], axe) for i in range(cores))
        found = Parallel(n_jobs=cores)(shares)
    print(f"{len(paths)} pages opened in a browser with the network off, wide and narrow.")
    return sorted(problem for share in found for problem in share)


def _opened(root: str, html: Path, paths: list[Path], axe: str | None) -> list[str]:
    """Problems of some pages in a browser of their own."""
    problems: list[str] = []
    with offline_browser() as browser:
        page = browser.new_page(viewport={"width": WIDE, "height": 900})
        seen: list[str] = []
        page.on("request", lambda request: seen.extend(_foreign(request.url, root)))
        page.on("pageerror", lambda error: seen.append(f"script error: {error}"))
        page.on("requestfailed", lambda request: seen.append(f"failed request: {request.url}"))
        for path in paths:
            page.set_viewport_size({"width": WIDE, "height": 900})
            page.goto(f"{root}/{path.relative_to(html)}", wait_until="load")
            faults = _look(page, axe)
            page.wait_for_load_state("networkidle")  # what comes late is this page's too
            faults += seen
            problems += [f"{path.relative_to(html)}: {fault}" for fault in dict.fromkeys(faults)]
            seen.clear()
    return problems


def _looked_at(html: Path) -> list[Path]:
    """Pages of the book, and those beside it that are there."""
    beside = [html / site.name / "index.html" for site in (SITE, EXPLORER)]
    return sorted((html / "book").rglob("*.html")) + [page for page in beside if page.is_file()]


def _foreign(address: str, root: str) -> list[str]:
    """A sentence when an address is not one of our own server."""
    own = address.startswith((root, "data:", "blob:"))
    return [] if own else [f"asks another host for {address}"]


def _look(page: Any, axe: str | None) -> list[str]:
    """What a reader would see go wrong on the open page, or could not reach."""
    if page.locator(".math").count():
        page.wait_for_function("() => document.querySelector('mjx-container')", timeout=20_000)
    faults: list[str] = page.evaluate(
        """() => {
            const faults = [];
            for (const math of document.querySelectorAll('.math'))
                if (!math.querySelector('mjx-container')) faults.push('a formula is not rendered');
            for (const error of document.querySelectorAll('[data-mjx-error], mjx-merror'))
                faults.push('a formula has an error: ' + error.textContent);
            for (const image of document.querySelectorAll('main img')) {
                const failed = image.complete && !image.naturalWidth;
                if (failed) faults.push('an image is not shown: ' + image.src);
                if (!image.alt.trim()) faults.push('an image has no alt text: ' + image.src);
            }
            return faults;
        }"""
    )
    if axe:
        faults += [f"wide, {fault}" for fault in accessibility.wide(page, axe)]
    page.set_viewport_size({"width": PHONE, "height": 900})
    excess = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    if excess > 0:
        faults.append(f"is {excess} pixels wider than a phone of {PHONE}")
    if axe:
        faults += [f"on a phone, {fault}" for fault in accessibility.narrow(page)]
    return faults


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port of this machine's loopback address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:  # else its thread would turn on a closed socket for ever
            server.shutdown()
