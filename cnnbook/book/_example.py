"""Which figure of the prose can show a reader what "checked" means?"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cnnbook.book._chapters import RECORD, source_of
from cnnbook.book._figures import shown_figure
from cnnbook.book._files import read_text
from cnnbook.book.record import FIGURE, MARKER, Record, read_record, refresh_figures

PREFERRED = "inside_shortcut_flawed_accuracy"  # it says what it is about; else the first that fits
SHORTEST, LONGEST, LONGEST_CODE = 50, 150, 44
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
UNFIT = re.compile(r"[|*`\[\]$:]|!--.*!--", re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A sentence with a figure, the code that computed it, and the claim that guards it."""

    before: str
    figure: str
    after: str
    code: str
    value: str
    bound: str
    chapter: str


def find_example(folder: Path) -> Example | None:
    """Find a sentence with one measured figure that can be understood without its neighbours.

    Figures of the prose are those of the record that is kept, whatever run the pages are made of.
    """
    measured = read_record(folder / RECORD)
    found = dict(_examples(folder, measured))
    return found.get(PREFERRED) or next(iter(found.values()), None)


def _examples(folder: Path, measured: Record) -> Iterator[tuple[str, Example]]:
    for chapter in measured["notebooks"]:
        path = source_of(folder, chapter)
        source = read_text(path) if path.is_file() else ""
        for sentence in _sentences(source):
            marker = MARKER.search(sentence)
            entry = measured["claims"].get(marker["name"]) if marker else None
            fits = SHORTEST < len(MARKER.sub("", sentence)) < LONGEST
            if not marker or not entry or not fits or UNFIT.search(MARKER.sub("", sentence)):
                continue
            code = _code_of(source, marker["name"])
            if entry["rule"] == "equal to" or not 0 < len(code) <= LONGEST_CODE:
                continue
            fresh, _ = refresh_figures(sentence, measured)
            if figure := FIGURE.search(fresh):
                shown = f"{figure['figure']}{figure['unit'] or ''}"
                before, after = fresh[: figure.start()], fresh[figure.end() :]
                bound = f"{entry['rule']} {shown_figure(entry['bound'])}"
                value = shown_figure(entry["value"])
                yield (
                    marker["name"],
                    Example(before, shown, after, code, value, bound, entry["notebook"]),
                )


def _sentences(source: str) -> Iterator[str]:
    """Yield the sentences of the prose that carry one marker."""
    for paragraph in re.split(r"\n(?:#?\n|# %%.*\n)", source):
        lines = [line.removeprefix("# ") for line in paragraph.splitlines()]
        if all(line.startswith("#") for line in paragraph.splitlines()):
            for sentence in SENTENCE.split(" ".join(" ".join(lines).split())):
                if len(MARKER.findall(sentence)) == 1:
                    yield sentence


def _code_of(source: str, name: str) -> str:
    """Return what a claim of this name measures, as its cell has it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "claim" and len(node.args) > 1:
            first, value = node.args[:2]
            if isinstance(first, ast.Constant) and first.value == name:
                return ast.unparse(value)
    return ""
