"""The book as one PDF: whole, with links that lead within it, or one sentence."""

import re
import sys

import pytest

from leukgnn import cli
from leukgnn.book import checks, printing
from leukgnn.files import InputError

TOC = "format: jb-book\nroot: book/a\nparts:\n  - chapters:\n      - file: book/b\n"
PAGE = '<html lang="en"><body><article><h1 id="top">{}</h1>{}</article></body></html>'


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which two small pages were built."""
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_config.yml").write_text("title: Two pages\n")
    folder = tmp_path / "_build" / "html" / "book"
    folder.mkdir(parents=True)
    elsewhere = '<a href="https://example.org/x">elsewhere</a> <a href="../try/index.html">try</a>'
    (folder / "a.html").write_text(PAGE.format("One", '<a href="b.html#top">b</a>' + elsewhere))
    (folder / "b.html").write_text(PAGE.format("Other", '<a href="a.html">a</a>'))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_cannot_be_printed_is_one_sentence(checkout, capsys):
    assert cli.main(["pdf", "--output", "book.html"]) == 2
    assert "expected a name that ends in .pdf" in capsys.readouterr().err
    (checkout / "_build" / "html" / "book" / "b.html").unlink()
    assert cli.main(["pdf", "--output", "book.pdf"]) == 2
    said = capsys.readouterr().err
    assert "b.html is missing: run `make book` first" in said and said.count("\n") == 1
    assert not list(checkout.rglob("*.pdf"))


@pytest.mark.parametrize("missing", ["Chromium", "playwright"])
def test_without_a_browser_nothing_is_printed(checkout, monkeypatch, missing):
    if missing == "Chromium":
        monkeypatch.setattr(checks, "BROWSERS", ())
    else:
        monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(InputError, match="needs Chromium, and playwright"):
        printing.book(checkout / "book.pdf")


def test_links_lead_within_the_pdf(checkout, capsys):
    pytest.importorskip("playwright")
    if checks.chromium() is None:
        pytest.skip("no Chromium here")
    assert cli.main(["pdf", "--output", "book.pdf"]) == 0
    assert "book.pdf: 0.0 MB" in capsys.readouterr().out
    printed = (checkout / "book.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", printed)) == 2
    assert re.findall(rb"/URI \((.*?)\)", printed) == [b"https://example.org/x"]
    assert sorted(re.findall(rb"/Dest /(\S+)", printed)) == [b"page-0-", b"page-1-top"]
    assert b"/Outlines" in printed and b"127.0.0.1" not in printed
