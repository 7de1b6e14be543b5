"""The book: tables, and the checks on what was built."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from leukgnn import text
from leukgnn.book import checks, pictures, plots, tables
from leukgnn.files import InputError
from leukgnn.names import CLASSES, MODELS

TOC = "format: jb-book\nroot: book/a\nparts:\n  - chapters:\n      - file: book/b\n"
HEAD = '<html lang="en"><head><title>A</title></head>'
PAGE = HEAD + '<body><main><h1 id="top">A</h1>{}</main></body></html>'


@pytest.fixture
def site(tmp_path):
    html = tmp_path / "html"
    (html / "book").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text(TOC)

    def write(body="", b='<a href="a.html#top">a</a>'):
        (html / "book" / "a.html").write_text(PAGE.format(body))
        (html / "book" / "b.html").write_text(PAGE.format(b))
        return checks.check(html, tmp_path / "_toc.yml")

    return write


def test_a_whole_book_has_no_problem(site):
    assert site('<a href="https://example.org/x">elsewhere</a> <a href="#">up</a>') == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('<img src="none.png" alt="x">', "none.png leads nowhere"),
        ('<a href="c.html">c</a>', "c.html leads nowhere"),
        ('<a href="b.html#none">b</a>', "b.html#none leads nowhere"),
        ('<script src="https://example.org/x.js"></script>', "from another host"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "from another host"),
        ('<div class="output traceback">no</div>', "failed cell"),
        ("<p>```{table} A table.</p>", "shows ```{table} as text"),
    ],
)
def test_planted_defects_are_found(site, body, word):
    problems = site(body)
    assert len(problems) == 1 and word in problems[0] and "a.html" in problems[0]


def test_a_missing_page_is_found(site, tmp_path):
    site()
    (tmp_path / "html" / "book" / "b.html").unlink()
    problems = checks.check(tmp_path / "html", tmp_path / "_toc.yml")
    assert problems == ["book/b.html: in _toc.yml, and not built."]


def browser_or_skip():
    playwright = pytest.importorskip("playwright")
    if not any(map(checks.shutil.which, checks.BROWSERS)):
        pytest.skip("no Chromium here")
    return playwright


def test_the_browser_finds_what_a_reader_would_see(site, tmp_path):
    browser_or_skip()
    site(
        '<img src="none.png" alt="x"><div style="width: 900px">wide</div>'
        '<script src="http://192.0.2.1/x.js"></script>',
        '<div class="a">fine</div>',
    )
    problems = checks.check_in_browser(tmp_path / "html")
    found = "\n".join(problems)
    assert "an image is not shown" in found
    assert "wider than a phone" in found
    assert "asks another host for http://192.0.2.1/x.js" in found
    assert "book/b.html" not in found


DARK = """<style>[data-theme="dark"] { background: #222; color: #eee }
[data-theme="dark"] .dim { color: #444 }</style>"""
TABLE = '<table style="width: 900px"><tr><td>a</td><td>b</td></tr></table>'
WIDER = f'<div style="overflow-x: auto" {{}}>{TABLE}</div>'


def test_axe_finds_what_is_serious_in_either_theme_and_at_either_width(site, tmp_path):
    browser_or_skip()
    pytest.importorskip("axe_playwright_python")
    site(
        f'{DARK}<p class="pale" style="color: #ccc">pale</p><p class="dim">dim</p>'
        + WIDER.format("")
        + "<details><summary>more</summary><button></button></details>",
        f"{DARK}<p>fine</p>{WIDER.format('tabindex=0')}<h4>A heading out of order is no more.</h4>",
    )
    (tmp_path / "html" / "try").mkdir()
    (tmp_path / "html" / "try" / "index.html").write_text(PAGE.format("").replace(' lang="en"', ""))
    problems = checks.check_in_browser(tmp_path / "html")
    told = "{}: {}, in the {} theme axe's rule {} is broken by {}"
    contrast, button = "color-contrast (serious)", "button-name (critical)"
    scrolls, language = "scrollable-region-focusable (serious)", "html-has-lang (serious)"
    assert sorted(problems) == sorted(
        told.format(*words)
        for words in (
            ("book/a.html", "wide", "light", contrast, ".pale"),
            ("book/a.html", "wide", "dark", contrast, ".dim"),
            ("book/a.html", "wide", "light", button, "button"),
            ("book/a.html", "on a phone", "light", button, "button"),
            ("book/a.html", "on a phone", "light", scrolls, "div"),
            ("try/index.html", "wide", "light", language, "html"),
            ("try/index.html", "on a phone", "light", language, "html"),
        )
    )


def test_without_axe_the_check_says_that_it_was_left_out(site, tmp_path, monkeypatch, capsys):
    browser_or_skip()
    monkeypatch.setitem(sys.modules, "axe_playwright_python.base", None)
    site('<p style="color: #ccc">pale</p>')
    assert checks.check_in_browser(tmp_path / "html") == []
    assert "axe is not installed" in capsys.readouterr().out


def test_without_a_browser_the_check_says_that_it_was_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checks, "BROWSERS", ())
    assert checks.check_in_browser(tmp_path) == []
    assert "left out" in capsys.readouterr().out


def test_tables_have_a_name_a_caption_and_readable_numbers():
    frame = pd.DataFrame({"a|b": [1, 2], "x": [0.12345, float("nan")], "s": ["p|q", "r"]})
    written = text.markdown_table(frame, name="tbl-t", caption="A  table.", decimals=2)
    assert written.startswith("~~~{table} A table.\n:name: tbl-t\n")
    assert "| 1 | 0.12 | p\\|q |" in written and "| 2 | – | r |" in written
    with pytest.raises(InputError, match="tbl-t"):
        tables.show_table(frame.iloc[:0], name="tbl-t", caption="")


def test_a_difference_says_its_outcome_and_who_carries_it():
    row = {"value": -0.0164, "low": -0.043, "high": 0.0104, "outcome": "undecided"}
    written = text.difference({**row, "effective_subjects": 3.77}).replace(text.NBSP, " ")
    assert written == "-0.016 [-0.043, +0.010], undecided (3.8)"
    assert text.p_value(1e-300) == "<0.001"


def legend(axes):
    return [label.get_text() for label in axes.get_legend().get_texts()]


def test_curves_have_the_colours_and_labels_of_the_registry(axes):
    runs = [
        pd.DataFrame({"model": model, "seed": seed, "epoch": [0, 1], "loss": [1.0, 0.5]})
        for model in ("gcn", "mlp", "of our own")
        for seed in (0, 1)
    ]
    plots.curves(pd.concat(runs), axes, of="loss", by="model")
    assert legend(axes) == [MODELS["gcn"].label, MODELS["mlp"].label, "of our own"]
    colours = [to_hex(line.get_color()) for line in axes.lines]
    assert colours[:4] == [MODELS["gcn"].colour] * 2 + [MODELS["mlp"].colour] * 2
    assert len(set(colours)) == 3


def test_a_roc_curve_may_have_a_label_of_its_own(axes):
    curve = pd.DataFrame({"model": "gcn", "fpr": [0, 1], "tpr": [0, 1], "label": "GCN, AUC 0.5"})
    plots.roc(curve, axes)
    line = axes.lines[0]
    assert (line.get_label(), line.get_color()) == ("GCN, AUC 0.5", MODELS["gcn"].colour)


def test_classes_have_the_colours_of_the_registry(axes):
    pictures.embedding(np.zeros((4, 2)), np.array([0, 1, 0, 1]), axes)
    assert legend(axes) == [name.label for name in CLASSES.values()]
    assert [to_hex(p.get_facecolor()[0]) for p in axes.collections] == [
        name.colour for name in CLASSES.values()
    ]


def test_pictures_are_drawn(axes):
    image = Image.new("RGB", (8, 8))
    figure = pictures.image_grid({"a": [image] * 2, "b": [image] * 2}, columns=["x", "y"])
    assert len(figure.axes) == 4
    plt.close(figure)
    labels, near = np.array([0, 1, 1]), np.array([0.9, 0.8])
    same = np.array([True, False])
    pictures.neighbourhood(labels, near, same, axes, pictures=[image] * 3)
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.80"]
