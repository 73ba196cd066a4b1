"""The docs site builds strictly, opens without a network, and leads nowhere that is not there."""

from __future__ import annotations

import shutil

import pytest

from tools import docs_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it, in a folder of the tests."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(docs_site.ROOT / "docs", folder / "docs")
    config = docs_site.CONFIG.read_text(encoding="utf-8")
    assert "site_dir: build/site" in config
    path = folder / "mkdocs.yml"
    path.write_text(config.replace("site_dir: build/site", "site_dir: site"), encoding="utf-8")
    assert docs_site.build(path) == ""
    return folder / "site"


def test_every_page_is_listed():
    """A page that no menu leads to is not read: mkdocs.yml lists each one, and nothing else."""
    assert docs_site.unlisted() == []


@pytest.mark.slow
def test_every_document_becomes_a_page(site):
    """Nothing is left out of the site."""
    documents = [path.relative_to(docs_site.ROOT / "docs") for path in (docs_site.ROOT / "docs").rglob("*.md")]
    expected = {str(p.with_suffix(".html")).replace("README.html", "index.html") for p in documents}
    assert expected <= {path.relative_to(site).as_posix() for path in docs_site.pages(site)}


@pytest.mark.slow
def test_no_page_has_a_fault(site):
    """Every link and anchor leads somewhere, every request stays on the site, and all Markdown is rendered."""
    assert docs_site.faults(site) == []


@pytest.mark.slow
def test_the_search_finds_words_of_every_kind_of_page(site):
    """The index that pages search in is there, with text of a tutorial, a guide, a reference and an explanation."""
    index = (site / "search.json").read_text(encoding="utf-8")
    for page in ("tutorial/first-ten-minutes", "how-to/collecting", "reference/glossary", "explanation/security"):
        assert page in index


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="nowhere.html">x</a>', "nowhere.html leads nowhere"),
        ('<a href="#nothing">x</a>', "#nothing names no heading"),
        ('<a href="other.html#nothing">x</a>', "other.html#nothing names no heading"),
        ('<script src="https://example.org/x.js"></script>', "fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "fetches //example.org/x.css"),
        ('<img src="picture.png">', "picture.png is missing"),
        ("<p>three things:\n- one\n- two</p>", "shown as text"),
        ("<p>a\n| b | c |</p>", "shown as text"),
    ],
)
def test_a_fault_is_found(tmp_path, html, fault):
    """Each kind of fault is reported with its page."""
    (tmp_path / "page.html").write_text(f'<h1 id="top">t</h1>{html}', encoding="utf-8")
    (tmp_path / "other.html").write_text('<h1 id="top">t</h1><a href="page.html#top">x</a>', encoding="utf-8")
    (found,) = docs_site.faults(tmp_path)
    assert found.startswith("page.html: ")
    assert fault in found
