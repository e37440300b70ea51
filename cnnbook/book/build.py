"""The work behind `cnnbook book` and `cnnbook claims`: chapters in, notebooks and pages out."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat

from cnnbook.book import notebooks, pages, record
from cnnbook.book.record import Record

TITLE = "cnnbook"
RECORD = Path("notebooks", "claims.json")
QUICK_NOTE = "*Run in the quick profile: less data and fewer epochs than the prose tells of.*"
Say = Callable[..., None]
Node = nbformat.NotebookNode
Keep = Callable[[str, Node], None]


class BookError(Exception):
    """The book could not be made; the message says why."""


def chapter_names(folder: Path) -> list[str]:
    """List the chapters in reading order."""
    return sorted(path.stem for path in (folder / "notebooks" / "source").glob("*.py"))


def _make_chapter(folder: Path, name: str) -> Node:
    """Make the notebook of a chapter, not yet run."""
    source = folder / "notebooks" / "source" / f"{name}.py"
    return notebooks.make_notebook(source.read_text(encoding="utf-8"))


def _run_chapters(
    folder: Path, names: list[str], measured: Record, say: Say, keep: Keep, full: bool
) -> None:
    """Run chapters one by one, a line each; note and keep each that held all its claims."""
    failed = []
    for number, name in enumerate(names, start=1):
        say(f"[{number}/{len(names)}] {name:<26}", nl=False)
        notebook = _make_chapter(folder, name)
        try:
            seconds, claims = _run_chapter(notebook, folder, full)
            _refuse_less_data(measured, claims)
            if taken := record.add_run(measured, name, seconds, claims):
                raise BookError(f"claim names that another chapter has: {', '.join(taken)}")
            keep(name, notebook)
        except (notebooks.NotebookError, BookError) as error:
            say(f" FAILED: {error}")
            partial = folder / "build" / "failed" / f"{name}.ipynb"
            partial.parent.mkdir(parents=True, exist_ok=True)
            notebooks.write_notebook(notebook, partial)
            say(f"{' ' * 8}The cells that ran, with their outputs: {partial.relative_to(folder)}")
            failed.append(name)
        else:
            say(f" {seconds:7.1f} s   {len(claims):3} claims held")
    if failed:
        raise BookError(f"{len(failed)} of {len(names)} chapters failed: {', '.join(failed)}.")


def _run_chapter(notebook: Node, folder: Path, full: bool) -> tuple[float, list[dict]]:
    """Run one notebook in the full or the quick profile; return its seconds and its claims."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("CNNBOOK_QUICK", None)
    if not full:  # the small data that everybody has
        environment.pop("CNNBOOK_DATA", None)
        environment |= {"CNNBOOK_QUICK": "1", "CNNBOOK_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as temporary:
        lines = Path(temporary, "claims.jsonl")
        environment["CNNBOOK_CLAIMS_RECORD"] = os.fspath(lines)
        seconds = notebooks.run_notebook(notebook, folder / "notebooks", environment)
        text = lines.read_text(encoding="utf-8") if lines.exists() else ""
    return seconds, [json.loads(line) for line in text.splitlines()]


def _refuse_less_data(measured: Record, claims: list[dict]) -> None:
    """Stop where figures of the official data would give way to those of the embedded copy."""
    for entry in claims:
        kept = measured["claims"].get(entry["name"], {"profile": None})
        if entry["profile"] == "embedded" and kept["profile"] == "full" and kept["source"]:
            raise BookError(
                f"all {len(claims)} claims held, but this run had {entry['source']}, and the"
                f" figures that are kept come from {kept['source']}. Set CNNBOOK_DATA to the folder"
                " of the full data, or go online, and run this again. Nothing was replaced."
            )


def make_book(folder: Path, names: list[str], say: Say) -> None:
    """Run chapters in the quick profile and make the pages of what they gave."""
    executed: dict[str, Node] = {}
    measured: Record = {"claims": {}, "notebooks": {}}

    def keep(name: str, notebook: Node) -> None:
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(QUICK_NOTE, id="quick-note"))
        executed[name] = notebook

    _run_chapters(folder, names, measured, say, keep, full=False)
    seconds = sum(entry["seconds"] for entry in measured["notebooks"].values())
    say(f"All {len(measured['claims'])} claims held, in {seconds:.0f} s. Making the pages ...")
    make_pages(folder, executed, say, measured)


def update_chapters(folder: Path, names: list[str], say: Say) -> None:
    """Run chapters in the full profile; keep each notebook as soon as it is done."""
    measured = record.read_record(folder / RECORD)

    def keep(name: str, notebook: Node) -> None:
        notebooks.write_notebook(notebook, folder / "notebooks" / f"{name}.ipynb")
        record.write_record(measured, folder / RECORD)

    _run_chapters(folder, names, measured, say, keep, full=True)
    for line in refresh_prose(folder, write=True):
        say(f"prose: {line}")


def read_kept(folder: Path, names: list[str]) -> dict[str, Node]:
    """Read the notebooks as they are kept in the repository."""
    paths = {name: folder / "notebooks" / f"{name}.ipynb" for name in names}
    return {name: nbformat.read(path, as_version=4) for name, path in paths.items()}


def make_pages(
    folder: Path, executed: dict[str, Node], say: Say, measured: Record | None = None
) -> None:
    """Make the web pages under build/book: an index, the chapters, the claims."""
    how = " in the quick profile: less data and fewer epochs than the text tells of"
    if measured is None:
        measured, how = record.read_record(folder / RECORD), ""
    rows = ["| chapter | seconds | claims held |", "|---|---|---|"]
    for name, notebook in executed.items():
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        held = sum(entry["notebook"] == name for entry in measured["claims"].values())
        rows.append(f"| [{title}]({name}) | {measured['notebooks'][name]['seconds']} | {held} |")
    machine = next(iter(measured["notebooks"].values()))["machine"]
    index = (
        "# Convolutional neural networks, in a book that runs\n\n"
        f"Every page is a notebook, run from top to bottom{how}. Figures in the prose are those of"
        " the recorded full runs; each is checked again, with a bound of its own, in every run.\n\n"
        + "\n".join(rows)
        + f"\n\nMeasured on: {machine}.\n\nThe figures that were checked: [claims](claims).\n"
    )
    claims = f"# The claims\n\nEvery figure that was checked.\n\n{record.claims_table(measured)}"
    texts = {"index": index, "claims": claims}
    try:
        first = pages.build_pages(executed, texts, folder / "build" / "book", TITLE)
    except RuntimeError as error:
        raise BookError(str(error)) from None
    say(f"Read it: {first.relative_to(folder)}")


def show_claims(folder: Path) -> str:
    """Return the record as a table in Markdown."""
    return record.claims_table(record.read_record(folder / RECORD))


def refresh_prose(folder: Path, write: bool) -> list[str]:
    """Compare the marked figures of the chapters and of the README with the record.

    Returns a line for each that differs; with `write`, the sources and kept notebooks now have it.
    """
    measured = record.read_record(folder / RECORD)
    changes = []
    for path in (*sorted((folder / "notebooks" / "source").glob("*.py")), folder / "README.md"):
        text, lines = record.refresh_figures(path.read_text(encoding="utf-8"), measured)
        changes += [f"{path.name}: {line}" for line in lines]
        if write and lines:
            path.write_text(text, encoding="utf-8")
    for name in chapter_names(folder) if write else []:
        kept = folder / "notebooks" / f"{name}.ipynb"
        if kept.exists():
            try:
                notebook = _make_chapter(folder, name)
                notebooks.take_outputs(notebook, nbformat.read(kept, as_version=4))
            except notebooks.NotebookError as error:
                changes.append(f"{kept.name}: {error}")
            else:
                notebooks.write_notebook(notebook, kept)
    return changes
