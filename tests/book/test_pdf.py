"""The book as one PDF: printed by Chromium, bound with an outline."""

import re
import shutil
import subprocess

import pytest
from browser import chromium

from cnnbook.book import pdf as book_pdf
from cnnbook.book._contents import BookPart, Chapter
from cnnbook.book._files import BookError
from cnnbook.book._one_page import article_of, compose, titles_of
from cnnbook.book.pdf import make_pdf

PAGE = """<html><head><link rel="stylesheet" href="_static/look.css"></head><body>
<article class="bd-article">
<section id="first"><h1>{title}<a class="headerlink" href="#first">#</a></h1>
<p>About <code>{title}</code>: <a href="02_second.html#more">more</a>,
<a href="02_second.html">all</a>, <a href="elsewhere.html">elsewhere</a>,
<a href="https://example.org/">far away</a>.</p>
<section id="more"><h2>More &amp; more<a class="headerlink" href="#more">#</a></h2><p>{words}</p>
<details class="fold solution"><summary>Solutions</summary><p>Forty-two.</p></details>
<img src="_static/icon.svg" loading="lazy" alt="An icon"></section>
</section></article></body></html>"""
CHAPTERS = {"01_first": "First things", "02_second": "Second things"}


@pytest.fixture
def project(tmp_path):
    """A book of two chapters, as pages."""
    site = tmp_path / "build" / "book"
    (site / "_static").mkdir(parents=True)
    (site / "_static" / "look.css").write_text("p { color: #1b2026; }")
    (site / "_static" / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (site / "index.html").write_text('<h1>A book</h1><p class="lead">It promises much.</p>')
    source = tmp_path / "notebooks" / "source"
    source.mkdir(parents=True)
    for name, title in CHAPTERS.items():
        (source / f"{name}.py").write_text(f"# %% [markdown]\n# # {title}\n")
        words = f"Words of {title}. " * 900
        (site / f"{name}.html").write_text(PAGE.format(title=title, words=words))
    return tmp_path


def parts():
    one, two = (
        Chapter(n, name, title, "", "", True) for n, (name, title) in enumerate(CHAPTERS.items(), 1)
    )
    unwritten = Chapter(3, "3", "Not yet", "", "", False)
    return [BookPart("Part of one", "Begin.", (one, unwritten)), BookPart("Part two", "", (two,))]


def test_places_of_two_chapters_never_have_one_name_and_links_stay_in_the_book(project):
    article = article_of(project / "build" / "book", "01_first", [*CHAPTERS])
    assert '<article id="01_first" class="c-01_first bd-article">' in article
    assert 'id="01_first--more"' in article and ' id="more"' not in article
    assert 'href="#02_second--more">more' in article
    assert 'href="#02_second">all' in article
    assert "<a>elsewhere</a>" in article
    assert 'href="https://example.org/"' in article


def test_solutions_are_open_and_pictures_do_not_wait(project):
    site = project / "build" / "book"
    article = article_of(site, "01_first", [*CHAPTERS])
    assert '<details open class="fold solution">' in article
    assert "lazy" not in article
    assert f'src="{site.as_uri()}/_static/icon.svg"' in article


def test_a_page_without_an_article_is_told(project):
    site = project / "build" / "book"
    (site / "01_first.html").write_text("<p>broken</p>")
    with pytest.raises(BookError, match="01_first.*has no article.*make the pages again"):
        article_of(site, "01_first", [*CHAPTERS])


def test_contents_have_the_pages_on_which_chapters_began(project):
    site = project / "build" / "book"
    articles = {name: article_of(site, name, [*CHAPTERS]) for name in CHAPTERS}
    places = {"part-1": (2, 0.0), "01_first": (3, 0.0), "02_second": (9, 0.0)}
    page = compose(site, parts(), articles, places)
    assert "counter-reset: page -2" in page
    rows = re.findall(r'<li><a href="#(\w+)"><span>(.*?)</span> <span>(\d*)</span>', page)
    assert rows == [("01_first", "1. First things", "2"), ("02_second", "2. Second things", "8")]
    assert "Not yet" not in page
    assert "<h1>A book</h1><p>It promises much.</p>" in page


def test_what_no_part_has_comes_at_the_end_under_its_own_name():
    titles = titles_of(parts(), {"01_first": "", "glossary": ""})
    assert titles == {"01_first": "1. First things", "glossary": "Glossary"}


def test_without_pages_it_says_how_they_are_made(project):
    shutil.rmtree(project / "build" / "book")
    with pytest.raises(BookError, match="no chapters in .*build/book.*`cnnbook book`"):
        make_pdf(project, print)


@pytest.mark.slow
def test_without_a_browser_it_says_what_to_install_and_leaves_the_old_book(project, monkeypatch):
    pytest.importorskip("playwright")
    old = project / "build" / "cnnbook.pdf"
    old.write_bytes(b"the old book")
    monkeypatch.setattr("shutil.which", lambda name: str(project / "no-such-browser"))
    with pytest.raises(BookError, match="apt-get install chromium"):
        make_pdf(project, lambda line: None)
    assert old.read_bytes() == b"the old book"
    assert sorted(path.name for path in old.parent.iterdir()) == ["book", "cnnbook.pdf"]


def test_without_playwright_it_says_so(project, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "playwright.sync_api", None)
    with pytest.raises(BookError, match="pip install playwright"):
        make_pdf(project, lambda line: None)


def test_who_is_stopped_while_it_writes_keeps_the_old_book(project, monkeypatch):
    old = project / "build" / "cnnbook.pdf"
    old.write_bytes(b"the old book")

    class Printer:
        def __enter__(self):
            return lambda page: b""

        def __exit__(self, *_):
            return None

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(book_pdf, "_printer", Printer)
    monkeypatch.setattr(book_pdf, "_places", lambda pdf: {})
    monkeypatch.setattr(book_pdf, "_with_outline", stopped)
    with pytest.raises(KeyboardInterrupt):
        make_pdf(project, lambda line: None)
    assert old.read_bytes() == b"the old book"
    assert sorted(path.name for path in old.parent.iterdir()) == ["book", "cnnbook.pdf"]


@pytest.mark.slow
def test_the_pdf_has_an_outline_tags_links_and_page_numbers(project):
    pypdf = pytest.importorskip("pypdf")
    with chromium():  # skips where there is none
        pass
    reader = pypdf.PdfReader(make_pdf(project, lambda line: None))
    titles = []

    def walk(outline, depth=0):
        for item in outline:
            if isinstance(item, list):
                walk(item, depth + 1)
            else:
                titles.append((depth, item.title, reader.get_destination_page_number(item)))

    walk(reader.outline)
    pages = len(reader.pages)
    where = {title: page for _, title, page in titles}
    assert [(depth, title) for depth, title, _ in titles] == [
        *((0, "Contents"), (0, "1. Chapters"), (1, "1. First things"), (2, "More & more")),
        *((1, "2. Second things"), (2, "More & more")),
    ]
    assert where["Contents"] == 1 and where["1. Chapters"] == 2 and where["1. First things"] == 3
    assert where["1. First things"] < where["2. Second things"] < pages
    text = [page.extract_text() for page in reader.pages]
    assert "It promises much." in text[0] and "A book" in text[0]
    assert text[3].startswith("21. First things\n")  # what stands at the foot is drawn first
    shown = where["2. Second things"] - 1  # the first part's page is page 1
    assert re.search(rf"2\. Second things\s+{shown}\b", text[1])
    assert text[where["2. Second things"]].startswith(f"{shown}2. Second things\n")
    assert "Forty-two." in text[where["2. Second things"] - 1]
    assert reader.root_object["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in reader.root_object
    assert reader.root_object["/Lang"] == "en"
    labels = reader.page_labels
    assert labels[:4] == ["i", "ii", "1", "2"]
    links = [it.get_object() for page in reader.pages for it in page.get("/Annots", [])]
    addresses = {str(link["/A"]["/URI"]) for link in links if "/URI" in link.get("/A", {})}
    assert addresses == {"https://example.org/"}
    assert sum("/Dest" in link for link in links) >= 6
    if tool := shutil.which("pdftotext"):
        ran = subprocess.run([tool, project / "build" / "cnnbook.pdf", "-"], capture_output=True)
        assert ran.stdout.count(b"Words of First things.") == 900
