"""How are chapters run one by one, so that the fault of one does not cost what others gave?"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from cnnbook._checks import shown
from cnnbook.book._files import BookError, in_one_line, locked, partial_of
from cnnbook.book._kernel import Node, NotebookError
from cnnbook.book.environment import kernel_environment
from cnnbook.book.notebooks import read_source, run_notebook, write_notebook
from cnnbook.book.pages import restore_pages

Say = Callable[..., None]
Keep = Callable[[str, Node, float, list[dict]], None]
RECORD = Path("notebooks", "claims.json")
PAGES = ("index", "claims", "glossary", "search")  # beside those of the chapters


def chapter_names(folder: Path) -> list[str]:
    """List the chapters in reading order."""
    names = sorted(path.stem for path in (folder / "notebooks" / "source").glob("*.py"))
    if not names:
        raise BookError(f"There are no chapters in {shown(folder / 'notebooks' / 'source')}.")
    if wrong := [name for name in names if not f"_{name}".isidentifier() or name in PAGES]:
        rule = f"must be letters, digits and _, and none of {', '.join(PAGES)}"
        raise BookError(f"The name of a chapter {rule}; rename {', '.join(map(shown, wrong))}.")
    return names


def source_of(folder: Path, name: str) -> Path:
    """Return where the text of a chapter is."""
    return folder / "notebooks" / "source" / f"{name}.py"


def notebook_of(folder: Path, name: str) -> Path:
    """Return where the notebook of a chapter is kept."""
    return folder / "notebooks" / f"{name}.ipynb"


def prepare(folder: Path, files: Sequence[Path] = ()) -> None:
    """Look, before hours of work, whether these files and build/ can be written.

    What killed runs left behind is mended or removed.
    """
    build = folder / "build"
    try:
        for place in (
            build / "failed",
            build / "kernel" / "home",
            *(each.parent for each in files),
        ):
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(bytes(4096 if build in place.parents else 0))
        for place in filter(Path.exists, files):
            place.open("r+b").close()
    except OSError as error:
        what = f"{shown(place)} cannot be written ({error.strerror}). Nothing was run"
        way = "make it writable, make room, or copy the repository elsewhere"
        raise BookError(f"{what}: {way}.") from None
    with locked(build):
        restore_pages(build / "book")
        for path in (*map(partial_of, files), *(folder / "notebooks").glob("*.partial")):
            path.unlink(missing_ok=True)


def run_chapters(folder: Path, names: list[str], say: Say, keep: Keep, full: bool) -> str:
    """Run chapters one by one, a line each, and keep each that held all its claims.

    Returns a line that names those that failed, if any. Who is stopped says what is left.
    """
    done, failed = list[str](), list[str]()
    for number, name in enumerate(names, start=1):
        say(f"[{number}/{len(names)}] {name:<26}", nl=False)
        notebook = None
        try:
            notebook = read_source(source_of(folder, name))
            seconds, claims = _run_chapter(notebook, folder, full)
            keep(name, notebook, seconds, claims)
        except Exception as error:  # whatever it is, the other chapters go on
            ours = isinstance(error, (BookError, OSError))
            say(f" FAILED: {in_one_line(error if ours else repr(error))}")
            say(f"{' ' * 8}{_keep_partial(folder, name, notebook)}")
            failed.append(name)
        except BaseException:
            partial = _keep_partial(folder, name, notebook)
            say(f" STOPPED. {partial}. Chapters done: {', '.join(done) or 'none'}.")
            raise
        else:
            say(f" {seconds:7.1f} s   {len(claims):3} claims held")
            done.append(name)
    lines = f"{len(failed)} of {len(names)} chapters failed: {', '.join(failed)}."
    return lines if failed else ""


def _run_chapter(notebook: Node, folder: Path, full: bool) -> tuple[float, list[dict]]:
    """Run one notebook in the full or the quick profile; return its seconds and its claims."""
    environment = kernel_environment(full, folder / "build" / "kernel")
    with tempfile.TemporaryDirectory() as temporary:
        lines = Path(temporary, "claims.jsonl")
        environment["CNNBOOK_CLAIMS_RECORD"] = os.fspath(lines)
        seconds = run_notebook(notebook, folder / "notebooks", environment)
        text = lines.read_text(encoding="utf-8") if lines.exists() else ""
    claims = [json.loads(line) for line in text.splitlines()]
    names = [entry["name"] for entry in claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise NotebookError(f"claim names that it uses more than once: {', '.join(twice)}")
    return seconds, claims


def _keep_partial(folder: Path, name: str, notebook: Node | None) -> str:
    """Keep what a chapter gave before it failed, and say where."""
    partial = folder / "build" / "failed" / f"{name}.ipynb"
    if notebook is None:
        return "Nothing of it was run"
    try:
        write_notebook(notebook, partial)
    except Exception as error:
        return f"The cells that ran could not be kept: {in_one_line(error)}"
    return f"The cells that ran, with their outputs: {partial.relative_to(folder)}"
