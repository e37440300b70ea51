"""The work behind `cnnbook book` and `cnnbook claims`: chapters in, notebooks and pages out."""

from contextlib import nullcontext
from pathlib import Path

from cnnbook._checks import shown
from cnnbook.book import notebooks, pages, record
from cnnbook.book._bind import bind
from cnnbook.book._chapters import (
    RECORD,
    Say,
    chapter_names,
    notebook_of,
    prepare,
    run_chapters,
    source_of,
)
from cnnbook.book._files import BookError, locked, read_text, write_whole
from cnnbook.book._kernel import Node, NotebookError, nbformat
from cnnbook.book.record import Record
from cnnbook.book.studies import hash_of_chapter

__all__ = ["BookError", "chapter_names"]  # the commands take them from here
QUICK_NOTE = "*Run in the quick profile: less data and fewer epochs than the prose tells of.*"


def _read_record(folder: Path) -> Record:
    """Read what was measured of the chapters that there are; those renamed are no more."""
    measured, names = record.read_record(folder / RECORD), chapter_names(folder)
    claims = {name: it for name, it in measured["claims"].items() if it["notebook"] in names}
    runs = {name: it for name, it in measured["notebooks"].items() if name in names}
    return {"claims": claims, "notebooks": runs}


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


def _add_run(
    measured: Record, name: str, seconds: float, claims: list[dict], code: str = ""
) -> None:
    if taken := record.add_run(measured, name, seconds, claims, code):
        places = [f"{claim} of {measured['claims'][claim]['notebook']}" for claim in taken]
        raise BookError(f"claim names that another chapter has: {', '.join(places)}; rename them")


def make_book(folder: Path, names: list[str], say: Say) -> None:
    """Run chapters in the quick profile and make the pages of what they gave."""
    executed: dict[str, Node] = {}
    measured: Record = {"claims": {}, "notebooks": {}}

    def keep(name: str, notebook: Node, seconds: float, claims: list[dict]) -> None:
        _add_run(measured, name, seconds, claims)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(QUICK_NOTE, id="quick-note"))
        executed[name] = notebook

    prepare(folder)
    pages.require_sphinx(folder / "build")
    if failed := run_chapters(folder, names, say, keep, full=False):
        raise BookError(failed)
    seconds = sum(entry["seconds"] for entry in measured["notebooks"].values())
    say(f"All {len(measured['claims'])} claims held, in {seconds:.0f} s. Making the pages ...")
    make_pages(folder, executed, say, measured)


def _code_hash(folder: Path, name: str) -> str:
    """Return the hash of what a chapter runs; "" where that cannot be told: then it runs anew."""
    try:
        return hash_of_chapter(folder, source_of(folder, name))
    except (BookError, OSError, SyntaxError, ValueError):
        return ""  # the run says what is wrong with it


def update_chapters(folder: Path, names: list[str], say: Say, again: bool = True) -> None:
    """Run chapters in the full profile; keep each notebook as soon as it is done.

    With `again=False` those are left out of which the record has a run of the same code with the
    same packages, so that hours of work can be stopped, and go on.
    """

    def keep(name: str, notebook: Node, seconds: float, claims: list[dict]) -> None:
        if _code_hash(folder, name) != codes[name]:
            raise BookError("its source, or what it imports, has changed meanwhile; run it again")
        with locked(folder / "build"):
            measured = _read_record(folder)  # to which another run may have added
            _refuse_less_data(measured, claims)
            _add_run(measured, name, seconds, claims, codes[name])
            texts = {notebook_of(folder, name): notebooks.notebook_as_text(notebook)}
            write_whole(texts | {folder / RECORD: record.record_as_text(measured)})

    prepare(folder, [folder / RECORD, *(notebook_of(folder, name) for name in names)])
    runs = _read_record(folder)["notebooks"]  # as a whole, before hours of work
    codes = {name: _code_hash(folder, name) for name in names}
    versions = record.versions_of_packages()

    def is_known(name: str) -> bool:
        run = runs.get(name, {"versions": {}})
        same = codes[name] and (run.get("code"), run["versions"]) == (codes[name], versions)
        return bool(same) and notebook_of(folder, name).exists()

    if not again and (known := [*filter(is_known, names)]):
        say(f"Kept as they are, of the same code and packages: {', '.join(known)}.")
        names = [name for name in names if name not in known]
    failed = run_chapters(folder, names, say, keep, full=True)
    for line in refresh_prose(folder, write=True):
        say(f"prose: {line}")
    if failed:
        raise BookError(failed)


def show_kept(folder: Path, names: list[str], say: Say) -> None:
    """Make the pages of the notebooks as they are kept in the repository."""
    prepare(folder)
    kept = {name: notebooks.read_notebook(notebook_of(folder, name)) for name in names}
    make_pages(folder, kept, say)


def make_pages(
    folder: Path, executed: dict[str, Node], say: Say, measured: Record | None = None
) -> None:
    """Make the web pages under build/book: the first page, the chapters, and all beside them."""
    is_quick = measured is not None
    measured = measured or _read_record(folder)
    if unknown := [name for name in executed if name not in measured["notebooks"]]:
        way = f"run `cnnbook book --update {' '.join(unknown)}`"
        raise BookError(f"{shown(folder / RECORD)} has no run of {', '.join(unknown)}: {way}.")
    site = bind(folder, executed, measured, is_quick)
    try:
        first = pages.build_pages(site.write_source, site.finish, folder / "build" / "book")
    except RuntimeError as error:
        raise BookError(str(error)) from None
    say(f"Read it: {first.relative_to(folder)}")


def show_claims(folder: Path) -> str:
    """Return the record as a table in Markdown."""
    return record.claims_table(_read_record(folder))


def refresh_prose(folder: Path, write: bool) -> list[str]:
    """Compare the marked figures of the chapters and of the README with the record.

    Returns a line for each that differs; with `write`, the sources and kept notebooks now have it.
    """
    sources = {name: source_of(folder, name) for name in chapter_names(folder)}
    if write:
        kept = (notebook_of(folder, name) for name in sources)
        prepare(folder, [*sources.values(), folder / "README.md", *kept])
    with locked(folder / "build") if write else nullcontext():
        measured, texts, changes = _read_record(folder), dict[Path, str](), list[str]()
        for path in (*sources.values(), folder / "README.md"):
            if path.exists():
                texts[path], lines = record.refresh_figures(read_text(path), measured)
                changes += [f"{path.name}: {line}" for line in lines]
        for name in sources if write else ():
            if (path := notebook_of(folder, name)).exists():
                fresh = notebooks.read_source(sources[name], texts[sources[name]])
                try:
                    notebooks.take_outputs(fresh, notebooks.read_notebook(path))
                except NotebookError as error:
                    changes.append(f"{path.name}: {error}")
                else:
                    texts[path] = notebooks.notebook_as_text(fresh)
        if write:
            write_whole({path: text for path, text in texts.items() if read_text(path) != text})
    return changes
