"""How do chapters, words, questions, live pieces and the reference become one book?"""

import html
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from cnnbook.book import _live
from cnnbook.book._checked import claims_html
from cnnbook.book._contents import CONTENTS, BookPart, Chapter, read_contents
from cnnbook.book._dress import dress, facts_line, reading_minutes
from cnnbook.book._example import find_example
from cnnbook.book._front import front_page
from cnnbook.book._glossary import glossary_page, read_glossary
from cnnbook.book._kernel import Node
from cnnbook.book._prose import counted, with_live
from cnnbook.book._quiz import quiz_html, read_quiz
from cnnbook.book._reference import reference_files, reference_pages
from cnnbook.book._search import add_search_texts
from cnnbook.book._site import Site
from cnnbook.book.notebooks import notebook_as_text
from cnnbook.book.record import Record

TITLE = "cnnbook"
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
MORE = {"glossary": "Glossary", "claims": "Claims", "reference/index": "Reference"}
DESCRIPTIONS = {
    "claims": "Every figure of the book that a test compares, with its bound.",
    "glossary": "The words of convolutional neural networks, one plain sentence each.",
    "search": "Search the book.",
    "draw_a_digit": "Draw a digit, and follow each number of a network to its answer.",
    "a_kernel_of_your_own": "Change a kernel, and see what it makes of a photograph.",
    "where_did_it_look": "What a network sees in a photograph, and which part spoke for it.",
    "train_it_here": "Let a network learn in the page, with a learning rate of your choice.",
    "a_plane_full_of_digits": "Walk through a plane in which each place is a picture.",
}


def bind(folder: Path, executed: Mapping[str, Node], measured: Record, is_quick: bool) -> Site:
    """Put together all that the pages are made of.

    Args:
        folder: The project.
        executed: Chapters with their outputs, by name, in reading order.
        measured: What the runs of these outputs measured.
        is_quick: Whether they were quick runs.
    """
    parts = read_contents(folder, list(executed))
    chapters = {it.name: it for part in parts for it in part.chapters if it.exists}
    has_plan = (folder / CONTENTS).is_file()
    glossary = folder / "notebooks" / "glossary.toml"
    terms = read_glossary(glossary)
    reading = {name: reading_minutes(notebook) for name, notebook in executed.items()}
    dressed = {
        name: dress(
            notebook,
            measured,
            _head(chapters[name], reading[name], measured, is_quick),
            _quiz(folder, name),
            _live.fragment,
        )
        for name, notebook in executed.items()
    }
    known = {it.number: (it.name, it.title) for it in chapters.values()}
    pages = {"claims": _claims_page(list(chapters.values()), measured, is_quick)}
    pages |= {"glossary": glossary_page(terms, known)} if terms else {}
    sentences = {term.anchor: [name, term.sentence] for name, term in terms.items()}
    files = {"_static/glossary.js": f"window.GLOSSARY = {json.dumps(sentences)};\n"}
    files |= {f"notebooks/{name}.ipynb": notebook_as_text(it) for name, it in executed.items()}
    live: dict[str, str] = {}
    if has_plan:
        live = {it: with_live(text, _live.fragment) for it, text in _live.live_pages().items()}
    if (folder / "cnnbook").is_dir():
        pages |= reference_pages(folder, list(executed))
        files |= reference_files()
    pages |= live
    return Site(
        title=TITLE,
        notebooks=dressed,
        pages=pages,
        contents=[*_contents(parts), *_contents_beside(pages, live)],
        files=files,
        first=_first(folder, parts, reading, measured, pages),
        questions={it.name: it.question for it in chapters.values() if it.question},
        descriptions={it.name: it.question or it.title for it in chapters.values()} | DESCRIPTIONS,
        glossary=glossary,
        more=partial(_finish, cache=folder / "build" / "live" if has_plan else None),
    )


def _finish(site: Path, cache: Path | None) -> None:
    """Add what is not made by Sphinx: the live pieces, and the texts that search shows."""
    if cache:
        _live.write_live_files(site / "_static", cache)
    add_search_texts(site)


def _quiz(folder: Path, name: str) -> str:
    path = folder / "notebooks" / "quiz" / f"{name}.toml"
    return quiz_html(read_quiz(path)) if path.exists() else ""


def _contents(parts: Sequence[BookPart]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the contents beside each page: the chapters that are written, in their parts."""
    contents = []
    for numeral, part in zip(ROMAN, parts, strict=False):
        chapters = [(f"{it.number} · {it.title}", it.name) for it in part.chapters if it.exists]
        if chapters:
            contents.append((f"{numeral} · {part.title}", chapters))
    return contents


def _contents_beside(
    pages: Mapping[str, str], live: Mapping[str, str]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the contents of what stands beside the chapters."""
    titles = [(text.partition("\n")[0].removeprefix("# "), name) for name, text in live.items()]
    more = [(title, name) for name, title in MORE.items() if name in pages]
    return [*([("Networks in the page", titles)] if titles else []), ("More", more)]


def _head(chapter: Chapter, minutes: int, measured: Record, is_quick: bool) -> str:
    """Return what stands between a chapter's title and its text: its question and its facts."""
    run = measured["notebooks"][chapter.name]["seconds"]
    checked = sum(it["notebook"] == chapter.name for it in measured["claims"].values())
    numbers = counted(checked, "number")
    asks = f'<p class="asks">{html.escape(chapter.question)}</p>' if chapter.question else ""
    return asks + facts_line(
        {
            "where": f"Chapter {chapter.number}",
            "reading": f"{minutes} min to read",
            "running": f"{max(1, round(run / 60))} min to run{' (quick)' * is_quick}",
            "seals": f'<a class="seal" href="claims.html#of-{chapter.name}">{numbers} checked</a>',
            "download": f'<a href="notebooks/{chapter.name}.ipynb" download>notebook</a>',
        }
    )


def _claims_page(chapters: Sequence[Chapter], measured: Record, is_quick: bool) -> str:
    """Return the page of all claims, chapter by chapter."""
    run = "a quick run: less data and fewer epochs" if is_quick else "the last full run"
    lines = [
        "# The claims",
        f"A claim is a figure that a test compares: {len(measured['claims'])} of them stand in the"
        " chapters, each with a bound that it must keep. When a figure leaves its bound, the"
        f" chapter stops with an error. The values below come from {run}.",
    ]
    for chapter in chapters:
        entries = {
            name: it for name, it in measured["claims"].items() if it["notebook"] == chapter.name
        }
        if entries:
            machine = measured["notebooks"][chapter.name]["machine"]
            link = f"[{chapter.number} · {chapter.title}]({chapter.name})"
            table = claims_html(entries, machine)
            anchor = f'<span id="of-{chapter.name}"></span>'
            lines += [f"## {link}", f"```{{raw}} html\n{anchor}{table}\n```"]
    return "\n\n".join(lines) + "\n"


def _first(
    folder: Path,
    parts: Sequence[BookPart],
    reading: Mapping[str, int],
    measured: Record,
    pages: Mapping[str, str],
) -> str:
    """Return the first page, with links to the pages beside the chapters that there are."""
    there = {f"{name}.html": title for name, title in MORE.items() if name in pages}
    return front_page(
        parts,
        reading=reading,
        running={name: it["seconds"] for name, it in measured["notebooks"].items()},
        claims=len(measured["claims"]),
        example=find_example(folder),
        has_live=(folder / CONTENTS).is_file(),
        pages=there | {"search.html": "Search"},
    )
