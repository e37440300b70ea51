"""The search: places with the words marked, from a disk and a server; advice where none is."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browser import WIDTHS, Watched, chromium

from cnnbook.book import _search
from cnnbook.book._files import BookError
from cnnbook.book._search import add_search_texts, prose_by_section

WEB = Path(_search.__file__).with_name("web")
PAGES = {
    "index": "# Book\n\n```{toctree}\n:hidden:\n\n01_convolution\n02_pooling\n"
    "reference/models/vgg\n```\n",
    "01_convolution": "# 1. Convolution\n\nHow can a network look at a picture?\n\n"
    "## The sliding window\n\n"
    + "Some words lead here. "
    * 30
    + "A convolution slides a kernel over"
    " a picture, and each convolution has a bias.\n\n```python\nsecret_code = 1\n```\n\n"
    "## Accuracies\n\nThe accuracy of <b> & co.\n",
    "02_pooling": "# 2. Pooling\n\nAfter a convolution comes a pooling.\n",
    "reference/models/vgg": "# How far?\n\n```{py:function} build_vgg(depth: int = 16)\n"
    ":module: cnnbook.models.vgg\n\nBuild convolutions, and nothing else.\n```\n",
}
CONF = """
project = html_title = "cnnbook"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = [("look.css", {"priority": 600}), "chapter.css", "reference.css"]
html_context = {"default_mode": "auto"}
html_theme_options = {"navbar_persistent": []}
html_copy_source = False
suppress_warnings = ["config.cache"]
"""


def article(inside):
    return f'<html><body><article class="bd-article">{inside}</article></body></html>'


def test_prose_is_taken_by_sections_and_code_is_left_out():
    inside = (
        '<section id="a"><h1>One<a class="headerlink" href="#a">#</a></h1><p class="dateline">5 min'
        '</p><p>Some <em>wo</em>rds,<br>and more.</p><pre>code = 1</pre><img src="x.png" alt="no">'
        '<section id="b"><h2>Two</h2><p>a &lt; b</p><details class="fold machinery"><p>imports</p>'
        "</details></section></section>"
    )
    assert prose_by_section(article(inside) + "<p>outside</p>") == [
        ["a", "One", "Some words, and more."],
        ["b", "Two", "a < b"],
    ]


def test_questions_and_their_answers_are_not_found():
    quiz = '<section class="quiz"><fieldset><legend>How many?</legend>Four.</fieldset></section>'
    inside = f'<section id="a"><h1>A</h1><p>Words.</p>{quiz}</section>'
    assert prose_by_section(article(inside)) == [["a", "A", "Words."]]


def test_a_function_and_a_word_of_the_glossary_are_sections_of_their_own():
    inside = (
        '<section id="a"><h1>A</h1><dl class="py"><dt class="sig sig-object py" id="m.x.f">'
        '<span class="sig-name">f</span>(<em>a: int</em>)</dt><dd><p>Do it.</p><p class="rubric">'
        'Arguments</p><dl class="simple"><dt><code>a</code> <span class="api-type">int</span></dt>'
        '<dd><p>A number.</p></dd></dl></dd></dl><dl class="glossary"><dt id="term-loss">loss'
        '<a class="headerlink" href="#term-loss">#</a></dt><dd><p>How wrong.</p></dd></dl>'
    )
    assert prose_by_section(article(inside)) == [
        ["a", "A", ""],
        ["m.x.f", "f", "Do it. a: A number."],
        ["term-loss", "loss", "How wrong."],
    ]


def test_a_very_long_page_is_cut_and_a_page_without_an_article_has_nothing(monkeypatch):
    monkeypatch.setattr(_search, "MOST_CHARACTERS", 7)
    inside = '<section id="a"><h1>A</h1><p>12345</p><section id="b"><h2>B</h2><p>67890</p>'
    assert prose_by_section(article(inside)) == [["a", "A", "12345"], ["b", "B", "67"]]
    assert prose_by_section("<html><body><h1>First page</h1></body></html>") == []


def test_a_search_page_that_changed_is_told(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "search.html").write_text("<html>another theme</html>")
    with pytest.raises(
        BookError, match=r"search\.html is not as .* knows it; look at its template"
    ):
        add_search_texts(tmp_path)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small book, built by Sphinx in the theme of the book."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site") / "book"
    for name, text in PAGES.items():
        path = source / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (source / "conf.py").write_text(CONF)
    (source / "_static").mkdir()
    for name in ("look.css", "chapter.css", "reference.css", "offline_search.js"):
        shutil.copy(WEB / name, source / "_static")
    shutil.copytree(WEB / "fonts", source / "_static" / "fonts")
    words = ["-m", "sphinx", "-q", "-b", "html", source, built]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    add_search_texts(built)
    return built


@pytest.fixture(scope="module")
def server(site):
    """A server of these pages."""
    (site / "favicon.ico").touch()  # which a browser asks for where a page names no icon

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def browser():
    with chromium() as it:
        yield it


def found(page):
    """What the page shows: chapter, title, places, marked words."""
    page.wait_for_function("document.getElementById('search-status').textContent")
    return page.evaluate(
        """[...document.querySelectorAll(".hit")].map((hit) => ({
            where: hit.querySelector(".hit-where")?.textContent ?? "",
            title: hit.querySelector("h2").textContent,
            link: hit.querySelector("h2 a").getAttribute("href"),
            places: [...hit.querySelectorAll(".hit-place")].map((a) => a.getAttribute("href")),
            text: hit.querySelector(".hit-text")?.textContent ?? "",
            marks: [...hit.querySelectorAll(".hit-text mark")].map((mark) => mark.textContent),
        }))"""
    )


@pytest.mark.slow
@pytest.mark.parametrize("place", ["disk", "server"])
def test_convolution_finds_its_chapter_with_the_word_marked(place, site, server, browser):
    address = site.as_uri() if place == "disk" else server
    watched = Watched(browser)
    page = watched.open(f"{address}/search.html?q=convolution")
    hits = found(page)
    assert hits[0]["link"] == "01_convolution.html"
    assert {hit["link"] for hit in hits} == {
        *("01_convolution.html", "02_pooling.html", "reference/models/vgg.html"),
    }
    first = hits[0]
    assert (first["where"], first["title"]) == ("Chapter 1", "Convolution")
    assert first["places"] == ["01_convolution.html#the-sliding-window"]
    assert page.text_content("#search-status") == "3 pages have “convolution”."
    second = next(hit for hit in hits if hit["link"] == "02_pooling.html")
    assert second["text"] == "After a convolution comes a pooling."
    assert second["marks"] == ["convolution"]
    last = next(hit for hit in hits if "vgg" in hit["link"])
    assert last["where"] == "cnnbook.models.vgg" and last["marks"] == ["convolutions"]
    assert watched.faults == []
    page.click(".hit-place")
    page.wait_for_url("**/01_convolution.html#the-sliding-window")


@pytest.mark.slow
def test_typing_searches_keys_walk_through_the_results_and_forms_of_a_word_count(site, browser):
    page = Watched(browser).open(site / "search.html")
    assert page.evaluate("document.activeElement.id") == "search-words"
    page.keyboard.type("accuracy")
    page.wait_for_function("document.title.startsWith('accuracy')")
    [hit] = found(page)
    assert hit["text"] == "The accuracy of & co." or "accuracy" in hit["marks"]
    assert page.evaluate("document.querySelectorAll('.hit-place mark').length") == 1
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "hit-page"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "hit-place"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "search-words"
    page.fill("#search-words", "build_vgg")
    page.wait_for_function("document.querySelector('.hit h2').textContent === 'How far?'")
    assert found(page)[0]["places"] == ["reference/models/vgg.html#cnnbook.models.vgg.build_vgg"]


@pytest.mark.slow
def test_an_empty_result_says_what_to_do(site, browser):
    page = Watched(browser).open(f"{site.as_uri()}/search.html?q=convoluton")
    assert found(page) == []
    assert page.text_content("#search-status") == "Nothing has “convoluton”."
    assert "Try one word instead of several" in page.text_content("#search-advice")
    assert page.get_attribute("#search-advice a", "href") == "index.html"
    page.click("#search-advice button")
    assert page.input_value("#search-words") == "convolution"
    assert len(found(page)) == 3
    page.fill("#search-words", "the")
    page.wait_for_function(
        "document.getElementById('search-status').textContent.includes('common')"
    )


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_the_search_keeps_nobody_out_and_never_scrolls_sideways(size, dark, site, browser):
    width, height = WIDTHS[size]
    for query in ("convolution", "convoluton"):
        watched = Watched(browser, width, height, dark)
        page = watched.open(f"{site.as_uri()}/search.html?q={query}")
        found(page)
        assert watched.sideways() == 0
        page.evaluate(
            "document.querySelectorAll('.bd-sidebar-primary').forEach((it) => it.remove())"
        )
        main = [fault for fault in watched.axe() if "search" in fault or "hit" in fault]
        assert main == []


def test_texts_are_a_script_that_the_search_alone_loads(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "01_a.html").write_text(
        '<script src="../_static/searchtools.js"></script><script src="searchindex.js"></script>'
        + article('<section id="a"><h1>A</h1><p>“Words”</p></section>')
    )
    (tmp_path / "index.html").write_text("<h1>First</h1>")
    page = (
        '<head><script src="searchindex.js"></script></head><div class="bd-search-container"><h1>S'
        '</h1><div id="search-results"></div></div>\n<script>focus();</script>'
    )
    (tmp_path / "search.html").write_text(page)
    add_search_texts(tmp_path)
    script = (tmp_path / "_static" / "searchtext.js").read_text()
    texts = json.loads(script.removeprefix("window.SEARCH_TEXTS = ").removesuffix(";\n"))
    assert texts == {"01_a": [["a", "A", "“Words”"]]}
    search = (tmp_path / "search.html").read_text()
    scripts = re.findall(r'<script defer src="(?:_static/)?(\w+)\.js"></script>', search)
    assert scripts == ["searchindex", "searchtext", "offline_search"]  # in this order, when parsed
    assert "offline_search.js" in search and "focus();" not in search
    assert "<script" not in (tmp_path / "01_a.html").read_text()
