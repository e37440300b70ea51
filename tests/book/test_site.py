"""The whole book, as it is kept, built and opened in a real browser."""

import gzip
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import WIDTHS, Watched
from test_kept_notebooks import ROOT

from cnnbook.book._bind import bind
from cnnbook.book._chapters import chapter_names
from cnnbook.book.notebooks import read_notebook
from cnnbook.book.pages import build_pages
from cnnbook.book.record import read_record

pytestmark = pytest.mark.slow

CHAPTERS = chapter_names(ROOT)
KINDS = (  # one page of each kind, and all that answer
    *("index", "04_first_cnn_on_mnist", "glossary", "claims", "search"),
    *("draw_a_digit", "a_kernel_of_your_own", "where_did_it_look", "train_it_here"),
    "a_plane_full_of_digits",
    *("reference/index", "reference/explain/grad_cam", "reference/engine"),
)
TEXTS = (".html", ".css", ".js", ".svg")  # what a server compresses


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    record = read_record(ROOT / "notebooks" / "claims.json")
    kept = {name: read_notebook(ROOT / "notebooks" / f"{name}.ipynb") for name in CHAPTERS}
    whole = bind(ROOT, kept, record, is_quick=False)
    folder = tmp_path_factory.mktemp("site") / "book"
    return build_pages(whole.write_source, whole.finish, folder).parent


class Links(HTMLParser):
    """Addresses that a page leads to or loads, the places in it, and texts of its pictures."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.places, self.pictures = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places |= {given[key] for key in ("id", "name") if given.get(key)}
        self.addresses += [given[key] for key in ("href", "src") if given.get(key)]
        if tag == "img" and "_images/" in given.get("src", ""):
            self.pictures.append(given.get("alt") or "")


@pytest.fixture(scope="module")
def links(site):
    pages = [page for page in site.glob("**/*.html") if "_static" not in page.parts]
    return {page: Links(page.read_text()) for page in pages}


def test_every_link_leads_to_a_page_and_a_place_on_it(links):
    broken = []
    for page, found in links.items():
        for address in found.addresses:
            parts = urlsplit(address)
            if parts.scheme or address.startswith("#top"):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                broken.append(f"{page.name}: {address}")
            elif target in links and parts.fragment not in ("", "main-content"):
                known = unquote(parts.fragment) in links[target].places
                broken += [] if known else [f"{page.name}: {address}"]
    assert broken == []


def test_every_picture_has_words_that_are_no_file_name_and_no_hash(links):
    for page, found in links.items():
        for text in found.pictures:
            assert len(text.split()) >= 2 and not re.search(
                r"[0-9a-f]{16}|\.(png|webp|jpe?g)$", text
            ), f"{page.name}: {text!r}"


def test_no_raw_formula_and_no_marker_is_left(links):
    for page in links:
        text = re.sub(r"<(pre|code|script|style).*?</\1>", "", page.read_text(), flags=re.DOTALL)
        assert not re.search(r"\$\$|<!--(live|claim|minutes):", text), page.name


def test_machinery_is_folded(site):
    for name in CHAPTERS:
        text = (site / f"{name}.html").read_text()
        open_text = re.sub(r"<details class=\"fold.*?</details>", "", text, flags=re.DOTALL)
        code = re.sub("<[^>]*>", "", "".join(re.findall(r"<pre>.*?</pre>", open_text, re.DOTALL)))
        imports = re.findall(r"^(?:import \w|from [\w.]+ import)", code, re.MULTILINE)
        assert not imports, name
        assert not re.search(r"\bclaim\(", code), name


def test_the_site_is_small(site):
    size = sum(path.stat().st_size for path in site.glob("**/*") if path.is_file())
    assert size <= 60e6


def weight(path):
    content = path.read_bytes()
    return len(gzip.compress(content, 6)) if path.suffix in TEXTS else len(content)


def loaded(browser, path, scroll):
    """Return what a page has loaded: before one scrolls, or when one was everywhere."""
    asked = set()
    watched = Watched(browser)
    watched.page.on("request", lambda it: asked.add(it.url))
    page = watched.open(path)
    page.wait_for_load_state("networkidle")
    if scroll:
        height = page.evaluate("document.documentElement.scrollHeight")
        for place in range(0, height, 800):
            page.evaluate(f"scrollTo(0, {place})")
            time.sleep(0.02)
        page.wait_for_load_state("networkidle")
    page.close()
    return asked


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_light(browser, site, name):
    for scroll, most in ((False, 600 * 1024), (True, 1.5e6)):
        urls = loaded(browser, site / f"{name}.html", scroll)
        files = {Path(unquote(urlsplit(url).path)) for url in urls if url.startswith("file:")}
        assert sum(weight(path) for path in files) <= most


def asked_of(name, size, dark):
    """Rules of axe: contrast takes seconds a page, and changes with the colours, not the width."""
    if dark:
        return {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    is_known = size == "phone" and name not in ("index", "04_first_cnn_on_mnist")
    return {"rules": {"color-contrast": {"enabled": False}}} if is_known else {}


@pytest.mark.parametrize(
    ("size", "dark"),
    [("desktop", False), ("desktop", True), ("phone", False)],
    ids=["desktop", "desktop-dark", "phone"],
)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_page_is_open_to_all_and_fits(browser, site, name, size, dark):
    watched = Watched(browser, *WIDTHS[size], dark=dark)
    page = watched.open(site / f"{name}.html")
    page.wait_for_load_state("networkidle")
    assert watched.faults == []
    assert watched.sideways() <= 0
    assert watched.axe(**asked_of(name, size, dark)) == []
    page.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_cell_of_a_chapter_scrolls_sideways(browser, site, name):
    watched = Watched(browser, *WIDTHS["phone"])
    page = watched.open(site / f"{name}.html")
    page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate(
            "[...document.querySelectorAll('article pre')]"
            ".filter((it) => it.scrollWidth > it.clientWidth + 1).map((it) => it.innerText)"
        )
        assert wide == []
        beyond = page.evaluate(
            "[...document.querySelectorAll('article :not(pre) > code')].filter((it) =>"
            " it.getBoundingClientRect().right > innerWidth).map((it) => it.innerText)"
        )
        assert beyond == []
        assert watched.sideways() <= 0
    assert watched.faults == []
    page.close()
