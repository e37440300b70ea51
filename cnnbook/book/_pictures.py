"""What does a picture show, in words, for those who cannot see it?

A chapter says it already: in `alt` of the cell, in the caption, or in the title that is drawn.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cnnbook.book._kernel import Node

CAPTION = re.compile(
    r"\A\s*\*\*Figure [\w.]+?\. (?P<title>(?:[^*]|\*(?!\*))+)\*\*(?P<rest>(?:[^\n]|\n(?!\n))*)"
)
MARKS = re.compile(r"<!--.*?-->|[*_`]|\[\^\w+\]", re.DOTALL)
BETWEEN = " | "  # stands in `alt` between the texts of several pictures
UNKNOWN = "…"
BEGIN = re.compile(r"(plot_\w+|draw|subplots|subplot_mosaic|figure)\Z")
ALONE = re.compile(r"(plot_\w+|draw)\Z")  # has its title among its arguments


@dataclass
class _Drawing:
    """What the code of one picture says of it."""

    title: str = ""
    panels: list[str] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)


def picture_text(cell: Node, section: str, number: int, below: str = "") -> str:
    """Say what a picture shows.

    Args:
        cell: The code cell that drew it.
        section: The title of its section.
        number: Which picture of the cell, from 0.
        below: The text that follows the cell; its caption, where it begins with one.

    Returns:
        What `alt` of the cell says; else the caption; else what the code draws as a title, or above
        the panels; else the section.
    """
    written = cell.metadata.get("alt", "").split(BETWEEN)
    if any(written):
        return _sentence(written[min(number, len(written) - 1)].strip())
    if caption := CAPTION.match(below):
        first = re.split(r"(?<=[.!?])\s", _unmarked(caption["rest"]), maxsplit=1)[0]
        return f"{_unmarked(caption['title'])} {first}".strip()
    drawings = _drawings(cell.source)
    drawing = drawings[number] if number < len(drawings) else _Drawing()
    which = f", picture {number + 1}" if number else ""
    text = drawing.title or ". ".join(dict.fromkeys(drawing.panels))
    return _sentence(text or f"A picture for “{_unmarked(section)}”{which}") + _axes(drawing)


def _unmarked(text: str) -> str:
    return " ".join(MARKS.sub("", text).split())


def _sentence(text: str) -> str:
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


def _axes(drawing: _Drawing) -> str:
    """Say what a chart has along its axes."""
    if set(drawing.axes) != {"xlabel", "ylabel"}:
        return ""
    return f" Across: {drawing.axes['xlabel']}. Upwards: {drawing.axes['ylabel']}."


def _drawings(source: str) -> list[_Drawing]:
    """Return what the code says of each picture, in the order in which they are shown.

    That of a widget comes first: Jupyter shows plots when the cell has ended.
    """
    drawings, names = list[_Drawing](), dict[str, str]()
    for statement in ast.parse(re.sub(r"^[%!].*", "", source, flags=re.MULTILINE)).body:
        if isinstance(statement, (ast.FunctionDef, ast.Import, ast.ImportFrom)):
            continue
        for call in _calls(statement):
            called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            called = call.func.id if isinstance(call.func, ast.Name) else called
            if called.endswith("_widget"):
                what = called.removesuffix("_widget").replace("_", " ")
                drawings.insert(
                    0, _Drawing(f"The {what} widget, which can be turned in JupyterLab")
                )
                continue
            if BEGIN.match(called):
                drawings.append(_Drawing())
            if drawings:
                _hear(drawings[-1], called, call, names)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            names[statement.targets[0].id] = _words_of(statement.value, names)
    return drawings


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls in a statement, in the order of the text."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    yield from sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _hear(drawing: _Drawing, called: str, call: ast.Call, names: Mapping[str, str]) -> None:
    """Write down what one call says of a picture."""
    by_name = {it.arg: _words_of(it.value, names) for it in call.keywords if it.arg}
    by_place = [_words_of(it, names) for it in call.args]
    if called == "suptitle":
        drawing.title = by_place[0] or drawing.title
    elif ALONE.match(called):
        sentences = [text for text in by_place if " " in text]
        drawing.title = by_name.get("title") or (sentences[-1] if sentences else "")
        labels = next((it.value for it in call.keywords if it.arg == "labels"), None)
        if isinstance(labels, ast.Tuple):
            texts = [_words_of(it, names) for it in labels.elts]
            drawing.axes = dict(zip(("xlabel", "ylabel"), texts, strict=False))
    elif called in ("set_title", "set"):
        text = by_place[0] if called == "set_title" and by_place else by_name.get("title", "")
        drawing.panels += [text] if text else []
    for key in ("xlabel", "ylabel"):
        text = by_place[0] if called == f"set_{key}" and by_place else by_name.get(key, "")
        drawing.axes |= {key: text} if text else {}


def _words_of(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return the text that an expression is; where only a run can tell, nothing or dots."""
    if isinstance(node, ast.Constant):
        return _unmarked(str(node.value)) if isinstance(node.value, str) else ""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        parts = [str(it.value) if isinstance(it, ast.Constant) else UNKNOWN for it in node.values]
        words = " ".join("".join(parts).split())
        return words if len(words.replace(UNKNOWN, "")) > 2 * words.count(UNKNOWN) + 8 else ""
    return ""
