"""The book: tables, and the checks on what was built."""

import pandas as pd
import pytest

from leukgnn import checks, display
from leukgnn.files import InputError

TOC = "format: jb-book\nroot: book/a\nparts:\n  - chapters:\n      - file: book/b\n"
PAGE = '<html><body><main><h1 id="top">A</h1>{}</main></body></html>'


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
    text = "\n".join(problems)
    assert "an image is not shown" in text
    assert "wider than a phone" in text
    assert "asks another host for http://192.0.2.1/x.js" in text
    assert "book/b.html" not in text


def test_without_a_browser_the_check_says_that_it_was_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checks, "BROWSERS", ())
    assert checks.check_in_browser(tmp_path) == []
    assert "left out" in capsys.readouterr().out


def test_tables_have_a_name_a_caption_and_readable_numbers():
    frame = pd.DataFrame({"a|b": [1, 2], "x": [0.12345, float("nan")], "s": ["p|q", "r"]})
    text = display.markdown_table(frame, name="tbl-t", caption="A  table.", decimals=2)
    assert text.startswith("~~~{table} A table.\n:name: tbl-t\n")
    assert "| 1 | 0.12 | p\\|q |" in text and "| 2 | – | r |" in text
    with pytest.raises(InputError, match="tbl-t"):
        display.show_table(frame.iloc[:0], name="tbl-t", caption="")


def test_the_least_p_of_many_draws_is_not_told_as_zero():
    assert "2,000 draws give no p below 0.0005." in display.p_note(2000)
    assert "no p below 0.012." in display.p_note(2000, 24)
    assert "Holm" in display.p_note(2000, 24) and "Holm" not in display.p_note(2000)
