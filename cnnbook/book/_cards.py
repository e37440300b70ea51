"""How does the first page show parts, chapters and live pieces?"""

from collections.abc import Mapping
from html import escape

from cnnbook.book._contents import BookPart, Chapter
from cnnbook.book._vignettes import live_picture, vignette

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
PIECES: dict[str, tuple[str, str]] = {  # title, and what one does there
    "digits": ("Draw a digit", "See every layer answer, and each value being computed."),
    "kernel": ("A kernel of your own", "Nine numbers, a photograph, and what they make of it."),
    "photo": ("Where did it look?", "Five answers to a photo of yours, and a heat map for each."),
    "train": ("Train it here", "Find the learning rate at which a network learns."),
    "latent": ("A plane full of digits", "Drag a point, and see what two numbers draw."),
}
AFTERWARDS = "Afterwards you can "  # the page says it once, for all cards
TICK = (
    '<svg class="tick" viewBox="0 0 20 20" aria-hidden="true" focusable="false">'
    '<path d="M4 10.5l4 4 8-9"/></svg>'
)
Times = tuple[Mapping[str, int], Mapping[str, float]]  # minutes to read, seconds to run, by name


def part_cards(number: int, part: BookPart, times: Times) -> str:
    """Return a part with its promise, and a card for each of its chapters."""
    roman = ROMAN[number - 1] if number <= len(ROMAN) else str(number)
    cards = "".join(_card(chapter, times) for chapter in part.chapters)
    promise = f"<p>{escape(part.promise)}</p>" if part.promise else ""
    return (
        f'<section class="part" aria-labelledby="part-{number}">'
        f'<header><p class="roman">Part {roman}</p>'
        f'<h3 id="part-{number}">{escape(part.title)}</h3>{promise}</header>'
        f'<ul class="cards n{len(part.chapters)}">{cards}</ul></section>'
    )


def part_strip(part: BookPart) -> str:
    """Return a square for each chapter; those that can be read know their page."""
    squares = (
        f'<i data-page="{escape(it.name)}"></i>' if it.exists else '<i class="later"></i>'
        for it in part.chapters
    )
    return f"<span>{''.join(squares)}</span>"


def piece_card(name: str, page: str) -> str:
    """Return the card of a live piece that has a page."""
    title, text = map(escape, PIECES[name])
    return (
        f'<li class="card piece"><span class="picture">{live_picture(name)}</span>'
        f'<span class="words"><a class="question" href="{page}.html">{title}</a>'
        f'<span class="after">{text}</span></span></li>'
    )


def _card(chapter: Chapter, times: Times) -> str:
    """Return the card of a chapter; one without a page is quiet, and leads nowhere."""
    name, question = escape(chapter.name), escape(chapter.question or chapter.title)
    if chapter.exists:
        start = f'<li class="card" data-page="{name}" data-number="{chapter.number}">'
        asks = f'<a class="question" href="{name}.html">{question}</a>'
        facts = _facts(chapter.name, *times)
    else:
        start, asks = '<li class="card planned">', f'<span class="question">{question}</span>'
        facts = "being written" if chapter.name.isdigit() else "not among these pages"
    can = chapter.afterwards.removeprefix(AFTERWARDS)
    after = f'<span class="after">{escape(can[0].upper() + can[1:])}</span>' if can else ""
    return (
        f'{start}<span class="picture">{vignette(chapter.number)}</span><span class="words">'
        f'<span class="label"><b>{chapter.number}</b> {escape(chapter.title)}</span>{asks}{after}'
        f'<span class="facts"><span>{facts}</span>'
        f'<span class="read" hidden>{TICK}read</span></span></span></li>'
    )


def _facts(name: str, reading: Mapping[str, int], running: Mapping[str, float]) -> str:
    facts = []
    if name in reading:
        minutes = max(1, reading[name])
        facts.append(f'<span data-minutes="{minutes}">{minutes} min to read</span>')
    if name in running:
        facts.append(f"{max(1, round(running[name] / 60))} min to run")
    return ", ".join(facts)
