"""Which parts and chapters has the book, and which of them are written?

The plan is `notebooks/contents.toml`; a chapter that is written is a file of `notebooks/source`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnbook._checks import shown
from cnnbook.book._chapters import source_of
from cnnbook.book._files import BookError, read_text
from cnnbook.book._toml import read_toml

CONTENTS = Path("notebooks", "contents.toml")
HEADING = re.compile(r"^# # (?:\d+\.\s+)?(?P<title>.*\S)", re.MULTILINE)
NUMBER = re.compile(r"0*(?P<number>\d+)_")
FIELDS: dict[str, tuple[tuple[str, type], ...]] = {
    "part": (("title", str), ("promise", str)),
    "chapter": (("number", int), ("question", str), ("afterwards", str)),
}


@dataclass(frozen=True)
class Chapter:
    """A chapter of the plan; one that is not written yet has its number for a name."""

    number: int
    name: str
    title: str
    question: str
    afterwards: str
    exists: bool


@dataclass(frozen=True)
class BookPart:
    """Chapters that belong together, and what they promise."""

    title: str
    promise: str
    chapters: tuple[Chapter, ...]


def read_contents(folder: Path, names: Sequence[str]) -> list[BookPart]:
    """Read the parts and chapters of a book.

    Args:
        folder: The project. Without a plan in it, all chapters are one part.
        names: The chapters that get a page, in reading order, as their files are called.

    Returns:
        The parts of the plan in its order, and at the end one of the chapters that it lacks.

    Raises:
        BookError: If the plan is broken; the message says where, and what to do.
    """
    found = _numbered(names)
    plan = _read_plan(folder / CONTENTS) if (folder / CONTENTS).is_file() else []
    parts, planned = [], set[int]()
    for part in plan:
        chapters = tuple(_planned(folder, entry, found) for entry in part["chapter"])
        planned |= {chapter.number for chapter in chapters}
        parts.append(BookPart(part["title"], part["promise"], chapters))
    others = tuple(
        Chapter(number, name, _title_of(folder, name), "", "", True)
        for number, name in found.items()
        if number not in planned
    )
    title = "More chapters" if parts else "Chapters"
    return [*parts, *([BookPart(title, "", others)] if others else [])]


def _numbered(names: Sequence[str]) -> dict[int, str]:
    """Give each chapter the number of its file; one without a number gets the next free one."""
    found: dict[int, str] = {}
    for name in names:
        match = NUMBER.match(name)
        number = int(match["number"]) if match else max(found, default=-1) + 1
        if number in found:
            raise BookError(
                f"Each chapter must have a number of its own; {found[number]} and {name} have"
                f" {number}. Rename one of the files in notebooks/source."
            )
        found[number] = name
    return found


def _title_of(folder: Path, name: str) -> str:
    """Read the title of a chapter, without its number, from its first heading."""
    path = source_of(folder, name)
    heading = HEADING.search(read_text(path)) if path.is_file() else None
    return heading["title"] if heading else name


def _planned(folder: Path, entry: dict[str, Any], found: dict[int, str]) -> Chapter:
    """Make a chapter of its entry, with the name and title of its file where there is one."""
    number = entry["number"]
    written = sorted(path.stem for path in source_of(folder, "_").parent.glob(f"{number:02}_*.py"))
    name = found.get(number, written[0] if written else None)
    title = _title_of(folder, name) if name else entry.get("title", "")
    if not title or not isinstance(title, str):
        raise BookError(
            f"{shown(folder / CONTENTS)}, chapter {number}: a chapter that is not written must have"
            f" a title; got {title or 'none'}. Add `title`, or write {number:02}_NAME.py of it."
        )
    words = entry["question"], entry["afterwards"]
    return Chapter(number, name or f"{number:02}", title, *words, number in found)


def _read_plan(path: Path) -> list[dict[str, Any]]:
    """Read the plan, and refuse one that lacks something."""
    plan = read_toml(path)
    if fault := next(_faults_of_plan(plan), ""):
        raise BookError(f"{shown(path)}, {fault}")
    return plan["part"]


def _faults_of_plan(plan: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with a plan: place, rule, what is there, what to do."""
    parts = plan.get("part")
    if not isinstance(parts, list) or not parts:
        yield "at its top: there must be parts; got none. Begin each with [[part]]."
        return
    seen = set[int]()
    for index, part in enumerate(parts, start=1):
        yield from _faults_of_fields(f"part {index}", part, "part")
        chapters = part.get("chapter")
        if not isinstance(chapters, list) or not chapters:
            yield f"part {index}: it must have chapters; got none. Add [[part.chapter]]."
            return
        for place, chapter in enumerate(chapters, start=1):
            yield from _faults_of_fields(f"part {index}, chapter {place}", chapter, "chapter")
            if chapter["number"] in seen:
                yield f"part {index}: chapter {chapter['number']} is there twice. Remove one."
            seen.add(chapter["number"])


def _faults_of_fields(where: str, entry: Any, kind: str) -> Iterator[str]:
    """Say which field of a part or chapter is missing, empty or of a wrong kind."""
    for field, wanted in FIELDS[kind]:
        value = entry.get(field) if isinstance(entry, dict) else None
        if type(value) is not wanted or value == "":
            what = "text" if wanted is str else "a whole number"
            got = "nothing" if value is None else repr(value)
            yield f"{where}: `{field}` must be {what}; got {got}. Add `{field} = ...` there."
