"""What does each helper of the package do? Pages of the reference, out of its docstrings."""

from __future__ import annotations

import ast
import html
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cnnbook.book._api import first_names, first_words, imports_in, items_of, tree_of
from cnnbook.book._api_pages import Writer, commented, described, import_of, raw, table
from cnnbook.book._chapters import source_of
from cnnbook.book._contents import Chapter, read_contents
from cnnbook.book._files import read_text
from cnnbook.book._prose import counted
from cnnbook.book.copy import copy_of, list_modules

ENGINE = Path(__file__).with_name("web") / "live" / "engine.js"
PAGES = {
    "index": """\
# Reference

{asks}

A chapter writes out what it teaches, and imports the rest. The rest is here, in rooms: each room
answers one question, and each file in it a smaller one. A page shows what a file offers, says which
chapters use it, and has the file itself to take along: it stands alone, because what it needs of
the book is written into it.

## The names that one wants first

These can be imported from `cnnbook` itself, as in `from cnnbook import {first}`.

{names}

{rooms}

## What computes in the pages?

The networks of these pages answer in your browser. {{doc}}`The engine <engine>` that makes them do
so is short enough to be read.

```{{toctree}}
:hidden:

{toctree}
The engine <engine>
```
""",
    "room": """\
# {question}

{answer}

{table}

```{{toctree}}
:hidden:

{toctree}
```
""",
    "module": """\
# {question}

{head}

{words}

```{{code-block}} python

{imported}
```

```{{py:currentmodule}} {module}
```

{items}

## Take it along

{copy}

{users}
""",
    "engine": """\
# {question}

{head}

This is the whole file, with its larger comments set as prose. A page loads it as it stands: there
is no library behind it, and nothing is built.

{text}
""",
}
TOP = "What do all rooms share? The sums of a network, this machine, pictures on a disk."


def reference_pages(folder: Path, chapters: Sequence[str] | None = None) -> dict[str, str]:
    """Write the pages of the reference.

    Args:
        folder: The project, whose chapters are looked through for what they import.
        chapters: The names of the chapters that get a page; by default of all that there are.

    Returns:
        MyST by the name of the page, such as "reference/explain/grad_cam".
    """
    if chapters is None:
        chapters = sorted(path.stem for path in source_of(folder, "_").parent.glob("*.py"))
    users, pages, sections = _users(folder, chapters), {}, []
    for room, modules in _rooms().items():
        question, answer = _room_in_words(room)
        rows = {f"{{doc}}`{_stem(m)} </{_page(m)}>`": _line_of(m) for m in modules}
        sections.append(f"## {question}\n\n{answer}\n\n{table(rows)}")
        toctree = "\n".join(f"{_stem(module)} <{_stem(module)}>" for module in modules)
        pages[f"reference/{room}/index"] = PAGES["room"].format(
            question=question, answer=answer, table=table(rows), toctree=toctree
        )
        pages |= {_page(m): _module_page(m, users.get(m, [])) for m in modules}
    first = first_names()
    pages["reference/index"] = PAGES["index"].format(
        asks=raw('<p class="asks">What is there to import, and what does it do?</p>'),
        first=next(iter(first)),
        names=table({_targets()[name]: _summary(module, name) for name, module in first.items()}),
        rooms="\n\n".join(sections),
        toctree="\n".join(f"{room}/index" for room in _rooms()),
    )
    pages["reference/engine"] = _engine_page()
    return {name: described(text) for name, text in pages.items()}


def reference_files() -> dict[str, str]:
    """Return the downloads, exactly as `cnnbook copy` writes them: text by path under the site."""
    return {
        f"{_page(module).rpartition('/')[0]}/{file}": text
        for module, files in _copies().items()
        for file, (text, _) in files.items()
    }


@cache
def _rooms() -> dict[str, list[str]]:
    """Return the modules that can be copied, by their whole names, room by room."""
    rooms = {}
    for room, names in list_modules().items():
        package = "cnnbook" if room == "cnnbook" else f"cnnbook.{room}"
        rooms[room] = [f"{package}.{name.split('/')[-1]}" for name in names]
    return rooms


def all_modules() -> list[str]:
    """List the modules that have a page."""
    return [module for modules in _rooms().values() for module in modules]


def _stem(module: str) -> str:
    return module.rpartition(".")[2]


def _page(module: str) -> str:
    """Name the page of a module: its room, which is "cnnbook" at the top, and its file."""
    room, name = module.split(".")[-2:]
    return f"reference/{room}/{name}"


def _question(module: str) -> tuple[str, str]:
    return first_words(ast.get_docstring(tree_of(module)) or "")


def _room_in_words(room: str) -> tuple[str, str]:
    """Part what a room says of itself: a title, and the rest."""
    docstring = ast.get_docstring(tree_of(f"cnnbook.{room}")) if room != "cnnbook" else TOP
    found = re.match(r"([^?.:]+\??)[.:]?\s*(.*)", docstring or "", re.S)
    title, rest = (found[1], found[2]) if found else (room, "")
    return title, Writer("", _targets()).prose(rest[:1].upper() + rest[1:])


def _line_of(module: str) -> str:
    question, answer = _question(module)
    return Writer(module, {}).prose(f"{question} {answer}".strip())


def _summary(module: str, name: str) -> str:
    """Return what a function does, in the first line of its docstring."""
    docstring = next(item.docstring for item in items_of(module) if item.name == name)
    return Writer(module, {}).prose(docstring.partition("\n")[0])


@cache
def _targets() -> dict[str, str]:
    """Say what the names in backticks lead to, where it is one thing only."""
    names = [(item.name, module) for module in all_modules() for item in items_of(module)]
    often = Counter(name for name, _ in names)
    targets = {
        name: f"{{py:obj}}`{name} <{module}.{name}>`" for name, module in names if often[name] == 1
    }
    for module in all_modules():
        for name in {_stem(module), module} - {*targets}:
            targets[name] = f"{{doc}}`{name} </{_page(module)}>`"
    for room in {*_rooms()} - {"cnnbook"}:
        targets[f"cnnbook.{room}"] = f"{{doc}}`cnnbook.{room} </reference/{room}/index>`"
    return targets


def _users(folder: Path, chapters: Sequence[str]) -> dict[str, list[Chapter]]:
    """Find the chapters that import from a module, by its name."""
    users: dict[str, list[Chapter]] = {}
    for part in read_contents(folder, chapters):
        for chapter in part.chapters:
            if chapter.name not in chapters:
                continue
            tree = ast.parse(read_text(source_of(folder, chapter.name)))
            for module, name in dict.fromkeys(imports_in(tree).values()):
                used = users.setdefault(first_names().get(name, module), [])
                used += [chapter] if chapter not in used else []
    return users


@cache
def _copies() -> dict[str, dict[str, tuple[str, str]]]:
    """Write every module as a file that stands alone.

    One after the other: the parser of Python 3.11 is not safe in threads, and fails now and then.
    """
    return {module: copy_of(_copied_as(module)) for module in all_modules()}


def _copied_as(module: str) -> str:
    """Return the name by which `cnnbook copy` knows a module: of two alike, with the room."""
    often = Counter(map(_stem, all_modules()))
    return _stem(module) if often[_stem(module)] == 1 else "/".join(module.split(".")[-2:])


def _dateline(*parts: str) -> str:
    return f'<p class="dateline">{"".join(f"<span>{part}</span>" for part in parts if part)}</p>'


def _module_page(module: str, users: list[Chapter]) -> str:
    """Write the page of one module."""
    question, answer = _question(module)
    docstring = ast.get_docstring(tree_of(module)) or ""
    items, writer = items_of(module), Writer(module, _targets())
    where = f"<code>{module}</code>"
    offers = f"{counted(len(items), 'name')} to import"
    used = f"used in {counted(len(users), 'chapter')}" if users else ""
    asks = f'<p class="asks">{html.escape(answer)}</p>' if answer else ""
    chapters = [f"- {{doc}}`{c.number}. {c.title} </{c.name}>`" for c in users]
    return PAGES["module"].format(
        question=question,
        head=raw(asks + _dateline(where, offers, used)),
        words=writer.source(docstring.partition("\n\n")[2]),
        module=module,
        imported=import_of(module, [item.name for item in items]),
        items="\n\n".join(map(writer.item, items)),
        copy=raw(_copy_card(module)),
        users="## Used in these chapters\n\n" + "\n".join(chapters) if chapters else "",
    )


def _copy_card(module: str) -> str:
    """Offer the files that `cnnbook copy` writes, and say what they need."""
    name, links = _copied_as(module), []
    files = _copies()[module]
    for file, (text, _) in files.items():
        size = f"{len(text.encode()) / 1000:.0f} kB"
        links.append(f'<a class="take-file" href="{file}" download>{file} <span>{size}</span></a>')
    needed = html.escape(next(iter(files.values()))[1])
    return (
        '<div class="take"><p><strong>Copy this file.</strong> It stands alone, and its tests come'
        f' with it.</p><p class="take-files">{"".join(links)}</p><p class="take-how">The same by'
        f" command: <code>cnnbook copy {name}</code>. To use it: {needed}.</p></div>"
    )


def _engine_page() -> str:
    """Show the engine of the live pages as a text."""
    source = read_text(ENGINE)
    first, rest = source.split("\n", 1)
    lines = len(source.splitlines())
    asks = f'<p class="asks">{html.escape(first.strip("/ "))}</p>'
    link = '<a href="../_static/live/engine.js" download>engine.js</a>'
    return PAGES["engine"].format(
        question="The engine",
        head=raw(asks + _dateline(f"{lines} lines", link)),
        text=commented(rest),
    )
