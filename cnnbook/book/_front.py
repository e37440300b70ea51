"""How does the first page of the book look? Most of its words are in `web/front*.html`."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from cnnbook.book._cards import PIECES, TICK, part_cards, part_strip, piece_card
from cnnbook.book._contents import BookPart, Chapter
from cnnbook.book._example import Example
from cnnbook.book._live import LIVE, live_pages
from cnnbook.book._polish import mark
from cnnbook.book._prose import counted
from cnnbook.book._still import Still, still_answer

WEB = Path(__file__).with_name("web")
WORDS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
LAYERS: dict[str, str] = {
    "conv1": "<b>First layer</b> {shown} of its {all} maps: strokes and their edges",
    "relu2": "<b>Second layer</b> {shown} of {all}: corners and bows",
    "relu3": "<b>Third layer</b> {shown} of {all}: parts of digits",
}
DESCRIPTION = (
    "{} chapters on convolutional neural networks, from nine numbers that find an edge to a"
    " network that others use. Every figure is computed, and checked."
)


def front_page(
    parts: Sequence[BookPart],
    *,
    reading: Mapping[str, int],
    running: Mapping[str, float],
    claims: int,
    example: Example | None = None,
    has_live: bool = True,
    pages: Mapping[str, str] | None = None,
) -> str:
    """Return the first page, index.html; what it loads lies in _static.

    Args:
        parts: What the book has, and is going to have.
        reading: Minutes that it takes to read a chapter, by its name.
        running: Seconds that it took to run.
        claims: How many figures are checked.
        example: One of them, to show how.
        has_live: Whether the site has the live pages, and what they load.
        pages: Titles of further pages by address, such as {"glossary.html": "Glossary"}.
    """
    chapters = [chapter for part in parts for chapter in part.chapters]
    written = [chapter for chapter in chapters if chapter.exists]
    has_page = live_pages() if has_live else {}
    live = {name: LIVE[name] for name in PIECES if LIVE[name] in has_page}
    further = {**(pages or {}), "claims.html": "Claims", "search.html": "Search"}
    cards = "".join(piece_card(*it) for it in live.items())
    times = (reading, running)
    fields = {
        "description": DESCRIPTION.format(_word(len(chapters)).capitalize()),
        "mark": mark(),
        "top_links": _top_links(further, bool(live)),
        "hero_kind": "" if "digits" in live else " alone",
        "begin": _begin(written),
        "strip": "".join(part_strip(part) for part in parts),
        "count_line": _count_line(len(chapters), len(parts)),
        "demo": demo(still_answer()) if "digits" in live else "",
        "pieces": _filled("front_pieces.html", {"cards": cards}) if live else "",
        "questions_title": _counted(len(chapters), "question").capitalize(),
        "being_written": _being_written(len(written), len(chapters) - len(written)),
        "parts": "\n".join(part_cards(i, part, times) for i, part in enumerate(parts, start=1)),
        "badge": _badge(claims),
        "claims": f"{claims:,} claims",
        "example": _example_chain(example) if example else "",
        "more_links": "".join(_anchor(address, title) for address, title in further.items()),
    }
    return _filled("front.html", fields)


def demo(still: Still) -> str:
    """Return the network at work, as it stands there before its scripts run."""
    best = max(range(10), key=still.probabilities.__getitem__)
    answers = [
        _answer(digit, share, digit == best) for digit, share in enumerate(still.probabilities)
    ]
    layers = []
    for name, layer in still.layers.items():
        numbers, shown = ",".join(map(str, layer.maps)), _word(len(layer.maps))
        layers.append(
            f'<div class="layer"><p>{LAYERS[name].format(shown=shown, all=layer.count)}</p>'
            f'<canvas data-layer="{name}" data-maps="{numbers}" width="{layer.width}"'
            f' height="{layer.side}" role="img"'
            f' style="--still:url({layer.picture});--map:{layer.side};--all:{layer.width}"'
            f' aria-label="{shown.capitalize()} maps of the layer {name}"></canvas></div>'
        )
    fields = {
        "digit": still.digit,
        "answers": "".join(answers),
        "layers": "\n".join(layers),
        "reads": f"A digit of MNIST, which it reads as a {best}.",
        "parameters": f"{still.parameters:,}",
        "page": LIVE["digits"],
    }
    return _filled("front_live.html", fields)


def percent(share: float) -> str:
    """Write a share as the page's script does: nothing of what is next to nothing."""
    if share < 0.0005:
        return ""
    return "> 99.9 %" if share >= 0.9995 else f"{100 * share:.1f} %"


def _answer(digit: int, share: float, is_best: bool) -> str:
    best = ' class="best"' if is_best else ""
    return (
        f'<button type="button" data-digit="{digit}"{best} disabled>'
        f'<b><span class="unseen">Write a </span>{digit}</b><span class="bar">'
        f'<i style="width:{100 * share:.1f}%"></i></span><em>{escape(percent(share))}</em></button>'
    )


def _filled(template: str, fields: Mapping[str, str]) -> str:
    return Template((WEB / template).read_text(encoding="utf-8")).substitute(fields)


def _word(count: int) -> str:
    return WORDS[count] if count < len(WORDS) else f"{count:,}"


def _counted(count: int, thing: str) -> str:
    return counted(count, thing, _word(count))


def _count_line(chapters: int, parts: int) -> str:
    return f"{_counted(chapters, 'chapter').capitalize()} in {_counted(parts, 'part')}"


def _anchor(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _top_links(further: Mapping[str, str], has_live: bool) -> str:
    live = {"#pieces": "Live"} if has_live else {}
    words = {it: title for it, title in further.items() if it in ("glossary.html", "search.html")}
    links = {"#chapters": "Chapters", **live, "#start": "Your machine", **words}
    return "".join(_anchor(address, text) for address, text in links.items())


def _begin(written: Sequence[Chapter]) -> str:
    if not written:
        return ""
    address, number = f"{escape(written[0].name)}.html", written[0].number
    return f'<a class="button" data-next href="{address}">Begin with chapter {number}</a>'


def _being_written(written: int, planned: int) -> str:
    if not planned:
        return ""
    are = "is" if planned == 1 else "are"
    can = f"{_word(written).capitalize()} can be read today"
    return f" {can}, and {_word(planned)} {are} being written."


def _badge(claims: int) -> str:
    words = f"{counted(claims, 'number', f'<b>{claims:,}</b>')} checked"
    return f'<p class="badge">{TICK}<span>{words}</span></p>'


def _example_chain(example: Example) -> str:
    """Return how a figure of the text, the code that computed it, and its claim belong together."""
    words = {name: escape(text) for name, text in vars(example).items()}
    return _filled("front_chain.html", {**words, "tick": TICK})
