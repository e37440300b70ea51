"""How does a chapter's notebook become a page that one likes to read?

Machinery is folded: imports, code of figures, claims, solutions. What lies together of one kind
becomes one fold. The document itself, figures with their captions and terms, is `_look.py`'s.
"""

import html
import re
from collections.abc import Callable, Mapping
from copy import deepcopy

from cnnbook.book._checked import claimed, claims_html, without_claims
from cnnbook.book._kernel import Node, nbformat
from cnnbook.book._pixels import pictures_apart
from cnnbook.book._prose import counted, html_cell, live_apart
from cnnbook.book.record import Record

WORDS_A_MINUTE = 180  # of a text that one thinks about
SECONDS_A_LINE = 3  # of code
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EXERCISES = re.compile(r"^## Exercises$", re.MULTILINE)
SOLUTIONS = re.compile(r"^##+ Solutions$", re.MULTILINE)
TITLE = re.compile(r"\A# (?:\d+\. )?(?P<title>.*)\n?")


def dress(
    notebook: Node, measured: Record, head: str, quiz: str, live: Callable[[str], str]
) -> Node:
    """Return the notebook as the pages show it.

    Args:
        notebook: An executed chapter; left as it is.
        measured: The record, for the tables of claims.
        head: HTML below the title.
        quiz: HTML that stands before the exercises; empty without questions.
        live: Returns the HTML of a live piece by its name.
    """
    dressed = deepcopy(notebook)
    cells, late = _without_machinery(_solutions_marked(dressed.cells))
    cells = _with_head(_in_folds(cells, measured), head)
    if quiz:
        _insert_quiz(cells, quiz)
    if late:
        cells += _claims_fold(late, measured, " in this chapter")
    dressed.cells, section = [], ""
    for number, cell in enumerate(cells, start=1):
        is_text = cell.cell_type == "markdown"
        below = cells[number].source if number < len(cells) else ""
        parts = live_apart(cell, live) if is_text else pictures_apart(cell, section, below)
        for place, part in enumerate(parts):
            part["id"] = f"cell-{number}-{place}"
        dressed.cells += parts
        headings = HEADING.findall(cell.source) if is_text else []
        section = headings[-1] if headings else section
    return dressed


def reading_minutes(notebook: Node) -> int:
    """Return how long a chapter takes to read, in whole steps of five minutes."""
    words, lines = 0, 0
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "markdown":
            words += len(re.sub(r"<!--.*?-->", "", cell.source).split())
        elif not tags & {"setup", "hide-input", "claims", "solution"}:
            lines += len(cell.source.splitlines())
    return max(5, 5 * round((words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60) / 5))


def _solutions_marked(cells: list[Node]) -> list[Node]:
    """Tag all that stands behind a heading "Solutions", which the fold says in its place."""
    marked: list[Node] = []
    found = None
    for cell in cells:
        if found:
            tags = [tag for tag in cell.metadata.get("tags", ()) if tag != "solution"]
            cell.metadata["tags"] = [*tags, "solution"]
        elif cell.cell_type == "markdown" and (found := SOLUTIONS.search(cell.source)):
            before = deepcopy(cell)
            before.source, cell.source = cell.source[: found.start()], cell.source[found.end() :]
            cell.metadata["tags"] = ["solution"]
            marked += [before] if before.source.strip() else []
        if cell.source.strip():
            marked.append(cell)
    return marked


def _without_machinery(cells: list[Node]) -> tuple[list[Node], list[Node]]:
    """Take the claims out of cells that a learner reads; they stand at the end of the page."""
    kept, late = [], []
    sources = {cell.id: cell.source for cell in cells if cell.cell_type == "code"}
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "claims" in tags or not claimed(cell):
            kept.append(cell)
            continue
        elsewhere = "\n".join(text for name, text in sources.items() if name != cell.id)
        read, checks = without_claims(cell, elsewhere)
        kept += [read] if read else []
        late += [checks] if checks else []
    return kept, late


def _in_folds(cells: list[Node], measured: Record) -> list[Node]:
    """Put machinery into folds; cells of one kind that follow each other share one."""
    out: list[Node] = []
    for kind, group in _groups(cells):
        if kind == "claims":
            out += _claims_fold(group, measured, "")
        elif kind == "setup":
            out += _fold("machinery setup", "Imports and settings", group)
        elif kind == "solution":
            out += _fold("solution", "Solutions", group)
        else:
            out += group
    return out


def _groups(cells: list[Node]) -> list[tuple[str, list[Node]]]:
    groups: list[tuple[str, list[Node]]] = []
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        kind = next((it for it in ("claims", "setup", "solution") if it in tags), "")
        if kind and groups and groups[-1][0] == kind:
            groups[-1][1].append(cell)
        else:
            groups.append((kind, [cell]))
    return groups


def _fold(classes: str, title: str, cells: list[Node]) -> list[Node]:
    start = f'<details class="fold {classes}"><summary>{html.escape(title)}</summary>'
    return [html_cell(start), *cells, html_cell("</details>")]


def _claims_fold(cells: list[Node], measured: Record, of: str) -> list[Node]:
    """Fold claims: a line with their number, the table, and below it the code that checks them."""
    names = [name for cell in cells for name in claimed(cell)]
    entries = {name: it for name in names if (it := measured["claims"].get(name))}
    title = f"{counted(len(names), 'number')} checked{of}"
    code = deepcopy(cells[0])
    code.source, code.outputs = "\n".join(cell.source for cell in cells), []
    table = []
    if entries:
        run = measured["notebooks"].get(next(iter(entries.values()))["notebook"], {})
        table = [html_cell(claims_html(entries, run.get("machine", "an unknown machine")))]
    return _fold("machinery claims", title, [*table, code])


def _with_head(cells: list[Node], head: str) -> list[Node]:
    """Put the question and the facts of a chapter between its title and its text."""
    first, rest = cells[0], deepcopy(cells[0])
    title = TITLE.match(first.source)
    if title is None:
        return cells
    rest.source = first.source[title.end() :].strip("\n")
    first.source = f"# {title['title']}"
    return [
        first,
        *([html_cell(head)] if head else []),
        *([rest] if rest.source else []),
        *cells[1:],
    ]


def _insert_quiz(cells: list[Node], quiz: str) -> None:
    """Put the questions before the exercises, or at the end."""
    section = nbformat.v4.new_markdown_cell("## Check yourself")
    for place, cell in enumerate(cells):
        if cell.cell_type == "markdown" and (found := EXERCISES.search(cell.source)):
            before, after = deepcopy(cell), deepcopy(cell)
            before.source, after.source = cell.source[: found.start()], cell.source[found.start() :]
            before.source = before.source.rstrip()
            parts = [before] if before.source else []
            cells[place : place + 1] = [*parts, section, html_cell(quiz), after]
            return
    cells += [section, html_cell(quiz)]


def facts_line(facts: Mapping[str, str]) -> str:
    """Return the line below a title: class of the entry -> its HTML, empty ones left out."""
    spans = (f'<span class="{kind}">{text}</span>' for kind, text in facts.items() if text)
    return f'<p class="dateline">{"".join(spans)}</p>'
