"""The built book as one PDF: its pages joined in a browser, and printed by it."""

from pathlib import Path
from typing import Any

import yaml

from leukgnn import files
from leukgnn.book import checks
from leukgnn.files import HTML, InputError

MARGINS: Any = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
SMALL = "font: 11px sans-serif; color: #555; width: 100%; text-align: center"
HEADER = f'<div style="{SMALL}"><span class="title"></span></div>'
FOOTER = f'<div style="{SMALL}"><span class="pageNumber"></span></div>'

# Controls and folded code stay out. A row and a figure stay whole, and what scrolls on a screen is
# wrapped. The theme prints a page's first title elsewhere, as if a book had one page.
PAPER = """
.bd-header, .bd-header-article, .bd-sidebar-primary, .bd-sidebar-secondary, .bd-footer,
.bd-footer-content, .prev-next-footer, .headerlink, .claims-filter, #pst-skip-link,
#pst-back-to-top, #jb-print-docs-body, article .toggle-button, article .copybtn,
article details:not([open]) { display: none !important; }
html { font-size: 10pt; }
body, .bd-container, .bd-container__inner, .bd-main, .bd-content, .bd-article-container,
.bd-article { display: block !important; max-width: none !important; width: auto !important;
    margin: 0 !important; padding: 0 !important; overflow: visible !important; }
.joined + .joined { break-before: page; }
h1, h2, h3, h4, caption { break-after: avoid; }
.bd-main .bd-content .bd-article .joined h1 { display: block !important; margin-top: 0; }
figure, img, tr, .sd-card, .cell_output pre { break-inside: avoid; }
.bd-article img { max-height: 190mm; width: auto; max-width: 100%; }
.bd-article figcaption, .bd-article caption, .bd-article figcaption * { color: #333 !important; }
.pst-scrollable-table-container, .cell_output .output { overflow: visible !important; }
.bd-article table { display: table; font-size: 8pt; overflow: visible; }
.bd-article td, .bd-article th { padding: 2px 4px; min-width: 0 !important; }
.bd-article pre { white-space: pre-wrap !important; overflow-wrap: anywhere; font-size: 8pt; }
"""
# Ids may repeat in the pages of a book, so each gets the number of its page. A link between pages
# leads to where the other now stands; one to what is not in the PDF is text.
JOIN = """async ([title, pages]) => {
    const here = (page, id) => `page-${pages.indexOf(page)}-${id}`;
    const joined = [];
    for (const page of pages) {
        const address = new URL('/' + page, location), text = await (await fetch(address)).text();
        const read = new DOMParser().parseFromString(text, 'text/html');
        const article = read.querySelector('article') || read.body;
        for (const script of article.querySelectorAll('script')) script.remove();
        for (const named of article.querySelectorAll('[id]:not(svg *)'))
            named.id = here(page, named.id);
        for (const shown of article.querySelectorAll('[src]'))
            shown.setAttribute('src', new URL(shown.getAttribute('src'), address));
        for (const link of article.querySelectorAll('a[href]')) {
            const to = new URL(link.getAttribute('href'), address), path = to.pathname.slice(1);
            if (to.origin !== location.origin) continue;
            const id = here(path, decodeURIComponent(to.hash.slice(1)));
            if (pages.includes(path)) link.setAttribute('href', '#' + id);
            else link.removeAttribute('href');
        }
        const part = document.createElement('div');
        part.className = 'joined';
        part.id = here(page, '');
        part.append(...article.childNodes);
        joined.push(part);
    }
    (document.querySelector('article') || document.body).replaceChildren(...joined);
    document.title = title;
    document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'light';
    if (window.MathJax?.typesetPromise) await MathJax.typesetPromise();
    await Promise.all([...document.images].map(image => {
        image.loading = 'eager';
        return image.decode().catch(() => null);
    }));
}"""


def book(output: Path) -> None:
    """Print the book that was built last.

    Sphinx's own builder of a single page is not used: sphinx-exercise takes its nodes for it in a
    way that sphinx-design's are lost.

    Parameters
    ----------
    output : Path
        The PDF to write.

    Raises
    ------
    InputError
        When the output is no PDF, the book was not built, or nothing here prints.
    """
    files.check_target(output, ".pdf")
    root = files.project_root()
    pages = checks.pages_of(root / "_toc.yml")
    if missing := [page for page in pages if not (root / HTML / page).is_file()]:
        raise InputError(f"{HTML / missing[0]} is missing: run `make book` first.")
    title = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["title"]
    write(root / HTML, pages, title, output)


def write(html: Path, pages: list[str], title: str, output: Path) -> None:
    """Print pages one after the other into a PDF with an outline and page numbers.

    Parameters
    ----------
    html : Path
        Folder that holds the pages and everything they show.
    pages : list of str
        Their paths within it. Links among them lead within the PDF.
    title : str
        Of the whole, at the top of each sheet.
    output : Path
        The PDF; it is there whole or not at all.

    Raises
    ------
    InputError
        When there is no Chromium here, or no `playwright` to drive it.
    """
    # Only pages with formulas load what draws them.
    drawing = (p for p in pages if "mathjax" in (html / p).read_text(encoding="utf-8").lower())
    with checks.served(html) as root, checks.offline_browser() as browser:
        if browser is None:
            raise InputError(
                "Nothing here prints: a PDF needs Chromium, and playwright to drive it."
            )
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(0)  # a whole book takes its time
        page.goto(f"{root}/{next(drawing, pages[0])}", wait_until="load")
        page.evaluate(JOIN, [title, pages])
        page.add_style_tag(content=PAPER)
        with files.atomic_path(output) as temporary:
            page.pdf(
                path=temporary, format="A4", margin=MARGINS, print_background=True, outline=True,
                tagged=True, display_header_footer=True, header_template=HEADER,
                footer_template=FOOTER,
            )  # fmt: skip
