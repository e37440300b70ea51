"""How does a reader find a word, also where the book is opened from a disk?

Sphinx' index says on which pages a word is. From a disk a page may not fetch those pages to show
where (https://github.com/sphinx-doc/sphinx/issues/10407), so their prose comes along in a script
that the page of the search alone loads, section by section.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

from cnnbook.book._files import BookError, read_text

TEXTS = "_static/searchtext.js"
SCRIPT = "_static/offline_search.js"
MOST_CHARACTERS = 100_000  # of one page: three times a long chapter
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
SKIPPED = ("script", "style", "pre", "svg", "button", "annotation", "form", "nav")
SKIPPED_CLASSES = {
    *(
        "headerlink",
        "machinery",
        "take",
        "dateline",
        "live",
        "prev-next-footer",
        "api-type",
        "rubric",
    ),
}
BLOCKS = ("p", "div", "li", "td", "th", "dt", "dd", "tr", "section", "figcaption", "summary")
# The theme loads these into every page, for a search as one types that we do not have.
NAMES = "searchtools|language_data|searchindex"
QUESTIONS = re.compile(r'<section class="quiz".*?</section>', re.DOTALL)  # with their answers
TOOLS = re.compile(rf'\s*<script src="[./]*(?:_static/)?(?:{NAMES})\.js"></script>')
INDEX = '<script src="searchindex.js"></script>'
BODY = re.compile(r'(<div class="bd-search-container">).*?</div>\s*<script>.*?</script>', re.DOTALL)
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
FORM = """\
<h1>Search</h1>
<p class="asks" id="search-scope">Find a word in the chapters, the glossary and the reference.</p>
<form class="search-form" role="search" action="search.html" method="get">
  <label class="visually-hidden" for="search-words">Words to look for</label>
  <input id="search-words" type="search" name="q" autocomplete="off" autocapitalize="off"
    spellcheck="false" enterkeyhint="search" placeholder="convolution">
  <button type="submit">Search</button>
</form>
<noscript><p>The search needs scripts, which are off here. The contents on the left do without.</p>
</noscript>
<p id="search-status" role="status"></p>
<div id="search-advice"></div>
<ol id="search-found"></ol>
<div hidden><div id="search-results"></div><span id="search-progress"></span></div>
"""


class _Prose(HTMLParser):
    """Takes the prose of a page apart: [where, title, text] of each section."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[list[str]] = []
        self.open: list[str] = []
        self.article, self.skipped, self.title = 0, 0, 0  # depths at which these began; 0: not yet

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_data(" ")
            return
        self.open.append(tag)
        depth, given = len(self.open), {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if tag == "article" and "bd-article" in classes:
            self.article = self.article or depth
        if not self.article or self.skipped:
            return
        if tag in SKIPPED or classes & SKIPPED_CLASSES:
            self.skipped = depth
        elif tag in ("section", "dt") and "id" in given:
            is_signature = "sig" in classes
            name = given["id"].rpartition(".")[2] if is_signature else ""
            self.sections.append([given["id"], name, ""])
            self.skipped = depth if is_signature else 0
            self.title = depth if tag == "dt" and not is_signature else 0
        elif tag in HEADINGS:
            self.title = depth
        elif tag in BLOCKS:
            self._add(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.open:
            return
        while self.open.pop() != tag:
            pass
        depth = len(self.open)
        self.article = self.article if depth >= self.article else 0
        self.skipped = self.skipped if depth >= self.skipped else 0
        self.title = self.title if depth >= self.title else 0
        if tag in BLOCKS:
            self._add(": " if tag == "dt" and not self.title else " ")

    def handle_data(self, data: str) -> None:
        if self.article and not self.skipped:
            self._add(data)

    def _add(self, text: str) -> None:
        if self.sections:
            self.sections[-1][1 if self.title else 2] += text


def prose_by_section(page: str) -> list[list[str]]:
    """Return where each section of a page begins, its title, and its prose without code.

    Example:
        >>> page = '<article class="bd-article"><section id="a"><h1>A</h1><p>One <b>t</b>wo.</p>'
        >>> prose_by_section(page + "<pre>x = 1</pre></section></article>")
        [['a', 'A', 'One two.']]
    """
    prose = _Prose()
    prose.feed(QUESTIONS.sub("", page))
    left, out = MOST_CHARACTERS, []
    for where, title, text in prose.sections:
        words = " ".join(text.split()).replace(" : ", ": ").lstrip(": ")[:left]
        left -= len(words)
        out.append([where, " ".join(title.split()), words])
    return [section for section in out if section[1] or section[2]]


def add_search_texts(out: Path) -> None:
    """Give the page of the search what it needs to show where a word stands, and it alone.

    Args:
        out: The built site, with Sphinx' search.html in it, and offline_search.js in _static.

    Raises:
        BookError: If the page of the search is not as this file knows it.
    """
    texts = {}
    for path in sorted(out.glob("**/*.html")):
        name = path.relative_to(out).with_suffix("").as_posix()
        if name in ("search", "genindex") or name.startswith("_static/"):
            continue
        page = read_text(path)
        if sections := prose_by_section(page):
            texts[name] = sections
        if TOOLS.search(page):
            path.write_text(TOOLS.sub("", page), encoding="utf-8")
    script = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (out / TEXTS).write_text(f"window.SEARCH_TEXTS = {script};\n", encoding="utf-8")
    page = read_text(out / "search.html")
    if INDEX not in page or not BODY.search(page):
        way = "look at its template in the theme, and at add_search_texts"
        raise BookError(f"search.html is not as cnnbook/book/_search.py knows it; {way}.")
    ours = "".join(f'\n  <script src="{it}"></script>' for it in (TEXTS, SCRIPT))
    page = BODY.sub(rf"\1{FORM}</div>", page.replace(INDEX, INDEX + ours))
    # Not searchtools.js: once the page is read, it would search before ours has taken its place.
    later = rf'<script (?=src="(?:{TEXTS}|{SCRIPT}|searchindex|_static/language_data))'
    page = re.sub(later, "<script defer ", page)
    (out / "search.html").write_text(page, encoding="utf-8")
