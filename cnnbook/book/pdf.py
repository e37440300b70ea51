"""How do the pages become one PDF? As one long page, printed by Chromium, with an outline.

All chapters are printed at once, because then the links between them, the page numbers and the tags
for those who listen come out right by themselves; docs/decisions/0031 has what was compared.
"""

from __future__ import annotations

import html
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from cnnbook._checks import shown
from cnnbook.book._chapters import source_of
from cnnbook.book._contents import BookPart, read_contents
from cnnbook.book._files import BookError, in_one_line, partial_of
from cnnbook.book._one_page import Places, article_of, compose, titles_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HEADING = re.compile(r'<h([23])[^>]*>(.*?)<a class="headerlink" href="#([^"]+)"', re.DOTALL)
AFTER = ("glossary",)  # what comes behind the chapters
TITLE = "Convolutional neural networks, in a book that runs"


def make_pdf(folder: Path, say: Callable[[str], None]) -> Path:
    """Print the built book into one file, which is written whole or not at all.

    Args:
        folder: The project, with the pages in build/book.
        say: Takes a line for whoever waits.

    Returns:
        The path of the PDF, build/cnnbook.pdf.

    Raises:
        BookError: If there are no pages, or nothing that prints them.
    """
    site, target = folder / "build" / "book", folder / "build" / "cnnbook.pdf"
    chapters = [path.stem for path in sorted(source_of(folder, "_").parent.glob("*.py"))]
    chapters = [name for name in chapters if (site / f"{name}.html").is_file()]
    if not chapters:
        raise BookError(f"There are no chapters in {shown(site)}: make them with `cnnbook book`.")
    plan = read_contents(folder, chapters)
    parts = [part for part in plan if {it.name for it in part.chapters} & {*chapters}]
    names = [it.name for part in parts for it in part.chapters if it.name in chapters]
    names += [name for name in AFTER if (site / f"{name}.html").is_file()]
    articles = {name: article_of(site, name, names) for name in names}
    say(f"Printing {len(chapters)} chapters ...")
    with tempfile.TemporaryDirectory(dir=folder / "build") as temporary, _printer() as printed:
        page, places = Path(temporary, "book.html"), dict[str, tuple[int, float]]()
        for _ in range(2):  # the second time, the contents know on which pages chapters begin
            page.write_text(compose(site, parts, articles, places), encoding="utf-8")
            pdf = printed(page)
            places = _places(pdf)
    part = partial_of(target)
    try:
        part.write_bytes(_with_outline(pdf, parts, articles, places))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


@contextmanager
def _printer() -> Iterator[Callable[[Path], bytes]]:
    """Start Chromium; what it is given it prints."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        raise BookError("To print the book takes playwright: pip install playwright.") from None
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program)
        except Error as error:
            way = (
                "install it (Debian: `apt-get install chromium`; or `playwright install chromium`)"
            )
            words = in_one_line(error.message.partition("\n")[0])
            raise BookError(f"Chromium, which prints, does not start: {way}. {words}") from None

        def print_page(page: Path) -> bytes:
            tab = browser.new_page()
            tab.goto(page.as_uri(), timeout=120_000)
            pdf = tab.pdf(prefer_css_page_size=True, outline=True, tagged=True)
            tab.close()
            return pdf

        try:
            yield print_page
        finally:
            browser.close()


def _places(pdf: bytes) -> dict[str, tuple[int, float]]:
    """Return where each place that a link leads to has come: its page, and how high on it."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # Chromium counts its objects otherwise
    reader = PdfReader(BytesIO(pdf))
    return {
        name.removeprefix("/"): (number, float(place.top or 0))
        for name, place in reader.named_destinations.items()
        if (number := reader.get_destination_page_number(place)) is not None
    }


def _with_outline(
    pdf: bytes, parts: Sequence[BookPart], articles: Mapping[str, str], places: Places
) -> bytes:
    """Exchange the outline for one of parts, chapters and sections, with all their words."""
    from pypdf import PdfWriter
    from pypdf.constants import PageLabelStyle
    from pypdf.generic import Fit, NameObject

    writer = PdfWriter(clone_from=BytesIO(pdf))
    writer.root_object.pop(NameObject("/Outlines"), None)

    def add(title: str, place: str, parent: Any = None) -> Any:
        if place not in places:
            return parent
        number, top = places[place]
        return writer.add_outline_item(
            title=title, page_number=number, parent=parent, fit=Fit.xyz(top=top + 12)
        )

    add("Contents", "contents")
    titles, left = titles_of(parts, articles), dict(articles)
    for number, part in enumerate(parts, start=1):
        above = add(f"{number}. {part.title}", f"part-{number}")
        for name in [it.name for it in part.chapters if it.name in left]:
            _add_sections(add, left.pop(name), add(titles[name], name, above))
    for name in left:
        add(titles[name], name)
    first = places.get("part-1", (0, 0))[0]
    if first:
        writer.set_page_label(0, first - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(first, len(writer.pages) - 1, style=PageLabelStyle.DECIMAL, start=1)
    writer.add_metadata({"/Title": TITLE, "/Author": "The cnnbook authors"})
    writer.page_mode = "/UseOutlines"
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _add_sections(add: Callable[..., Any], article: str, chapter: Any) -> None:
    """Put the headings of a chapter below it."""
    section = chapter
    for level, words, place in HEADING.findall(article):
        title = html.unescape(re.sub(r"<[^>]+>", "", words)).strip()
        if level == "2":
            section = add(title, place, chapter)
        else:
            add(title, place, section)
