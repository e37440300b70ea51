"""`cnnbook book` and `cnnbook claims`: what a run makes, keeps, and leaves as it was."""

import json
import math
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from cnnbook.book.build import chapter_names, refresh_prose
from cnnbook.command.main import app

CHAPTER = """\
# %% [markdown]
# # 1. A chapter
#
# It is 4<!--claim:sum-->.

# %%
from cnnbook.book.claims import claim

claim("sum", 2 + 2, equals=4)
"""

BEGIN = "a chapter begins with `# %% [markdown]` and `# # Its title`"
MEASURED = {"value": 4, "rule": "equal to", "bound": 4, "profile": "full", "source": None}
ENTRY = {"notebook": "01_one", **MEASURED}


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / "source" / "01_one.py").write_text(CHAPTER)
    (tmp_path / "README.md").write_text("In all 4<!--claim:sum-->.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_chapters_are_listed_in_reading_order(project):
    for name in ("10_ten", "02_two"):
        (project / "notebooks" / "source" / f"{name}.py").write_text(CHAPTER)
    assert chapter_names(project) == ["01_one", "02_two", "10_ten"]


def test_the_prose_is_compared_with_the_record_and_changed_where_that_is_asked(project):
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("It is 4", "It is 3"))
    record = {"claims": {"sum": ENTRY}, "notebooks": {}}
    (project / "notebooks" / "claims.json").write_text(json.dumps(record))
    for write in (False, True):
        assert refresh_prose(project, write) == ["01_one.py: sum: 3 -> 4"]
    assert source.read_text() == CHAPTER


@pytest.mark.slow
def test_book_runs_a_chapter_and_makes_its_page(run, project):
    result = run("book")
    assert result.exit_code == 0, result.output
    assert "[1/1] 01_one" in result.output and "1 claims held" in result.output
    assert "A chapter" in (project / "build" / "book" / "01_one.html").read_text()
    assert "sum" in (project / "build" / "book" / "claims.html").read_text()
    assert not list((project / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
def test_a_broken_claim_fails_the_book_and_is_named(run, project):
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("equals=4", "equals=5"))
    result = run("book")
    assert result.exit_code == 1
    assert "cell-02: ClaimError: claim sum = 4, equal to 5: does not hold" in result.output


@pytest.mark.slow
def test_update_keeps_notebook_and_record_and_rewrites_the_prose(run, project):
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("It is 4", "It is 3"))
    result = run("book", "--update")
    assert result.exit_code == 0, result.output
    assert "prose: 01_one.py: sum: 3 -> 4" in result.output
    assert source.read_text() == CHAPTER
    kept = (project / "notebooks" / "01_one.ipynb").read_text()
    assert "It is 4<!--claim:sum-->" in kept and "holds" in kept
    assert run("claims").exit_code == 0


@pytest.mark.slow
def test_update_does_not_replace_figures_of_the_full_data_by_those_of_the_embedded(run, project):
    source = project / "notebooks" / "source" / "01_one.py"
    chapter = CHAPTER.replace("equals=4", 'at_least=4, embedded=2, source="the official set"')
    source.write_text(chapter)
    run("book", "--update")
    files = [project / "notebooks" / name for name in ("01_one.ipynb", "claims.json")]
    before = [file.read_text() for file in files]
    source.write_text(
        chapter.replace("the official set", "the embedded copy").replace("2 + 2", "3")
    )
    result = run("book", "--update")
    assert result.exit_code == 1
    assert "this run had the embedded copy" in result.output
    assert "kept come from the official set. Set CNNBOOK_DATA" in result.output
    assert [file.read_text() for file in files] == before
    assert (project / "build" / "failed" / "01_one.ipynb").exists()


@pytest.mark.slow
def test_claims_fails_where_the_prose_differs_and_update_mends_it(run, project):
    run("book", "--update")
    (project / "README.md").write_text("In all 7<!--claim:sum-->.\n")
    result = run("claims")
    assert result.exit_code == 1
    assert "README.md: sum: 7 -> 4" in result.output
    assert run("claims", "--update").exit_code == 0
    assert (project / "README.md").read_text() == "In all 4<!--claim:sum-->.\n"


@pytest.mark.slow
def test_update_leaves_a_notebook_whose_code_has_changed_and_says_so(run, project):
    run("book", "--update")
    kept = (project / "notebooks" / "01_one.ipynb").read_text()
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("2 + 2", "3 + 1"))
    assert "01_one.ipynb: the code has changed" in run("claims", "--update").output
    assert (project / "notebooks" / "01_one.ipynb").read_text() == kept


@pytest.mark.slow
def test_two_chapters_may_not_use_the_same_name(run, project):
    folder = project / "notebooks" / "source"
    shutil.copy(folder / "01_one.py", folder / "02_two.py")
    result = run("book", "--update")
    assert result.exit_code == 1
    assert "claim names that another chapter has: sum of 01_one; rename them" in result.output


@pytest.mark.slow
def test_hours_of_a_run_that_fails_at_its_end_are_not_lost(run, project):
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(f"{CHAPTER}\n# %%\nraise OSError('the disk is full')\n")
    result = run("book", "--update")
    assert result.exit_code == 1
    assert "OSError: the disk is full" in result.output
    assert "build/failed/01_one.ipynb" in result.output
    partial = nbformat.read(project / "build" / "failed" / "01_one.ipynb", as_version=4)
    assert "claim sum = 4" in partial.cells[1].outputs[0].text
    assert not (project / "notebooks" / "01_one.ipynb").exists()


@pytest.fixture
def runs(monkeypatch):
    """Let chapters run without a kernel: what each does is put in here by its name."""
    acts = {}

    def run_notebook(notebook, folder, environment):
        claims = Path(environment["CNNBOOK_CLAIMS_RECORD"])
        name = re.search(r"claim\(\"(\w+)\"", notebook.cells[1].source)[1]
        acts.get(name, lambda: None)()
        claims.write_text(json.dumps({"name": name, **MEASURED}) + "\n")
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text=f"ran {name}")]
        return 1.0

    monkeypatch.setattr("cnnbook.book._chapters.run_notebook", run_notebook)
    return acts


@pytest.fixture
def second(project):
    """A second chapter, whose claim has another name."""
    path = project / "notebooks" / "source" / "02_two.py"
    path.write_text(CHAPTER.replace("sum", "other"))
    return path


def tree(project):
    """Everything in a project but build/, as text."""
    return {
        path.relative_to(project).as_posix(): path.read_text()
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.relative_to(project).parts[0] != "build"
    }


def test_where_a_finished_chapter_cannot_be_written_it_is_kept_and_the_rest_goes_on(
    run, project, second, runs, monkeypatch
):
    run("book", "--update", "01_one")
    before = tree(project)
    write = Path.write_text

    def full(path, text, **options):
        if path.parent == project / "notebooks" and "01_one" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    result = run("book", "--update", "01_one", "02_two")
    assert result.exit_code == 1
    assert "01_one                     FAILED: [Errno 28] No space left on device" in result.output
    assert "with their outputs: build/failed/01_one.ipynb" in result.output
    assert result.stderr == "1 of 2 chapters failed: 01_one.\n"
    assert "ran sum" in (project / "build" / "failed" / "01_one.ipynb").read_text()
    after = tree(project)
    assert {name: after[name] for name in before if "claims" not in name} == {
        name: before[name] for name in before if "claims" not in name
    }
    record = json.loads(after["notebooks/claims.json"])
    assert set(record["claims"]) == {"sum", "other"} and "notebooks/02_two.ipynb" in after


def test_of_two_updates_at_once_neither_is_lost(run, project, second, runs):
    runs["sum"] = lambda: run("book", "--update", "02_two")  # while the first is at work
    assert run("book", "--update", "01_one").exit_code == 0
    record = json.loads((project / "notebooks" / "claims.json").read_text())
    assert set(record["claims"]) == {"sum", "other"}
    assert set(record["notebooks"]) == {"01_one", "02_two"}


def test_an_update_that_was_stopped_goes_on_and_runs_what_has_changed(run, project, second, runs):
    def stop():
        raise KeyboardInterrupt

    ran = []
    runs |= {"sum": lambda: ran.append("01_one"), "other": stop}
    assert run("book", "--update").exit_code != 0
    runs["other"] = lambda: ran.append("02_two")
    result = run("book", "--update")
    assert "Kept as they are, of the same code and packages: 01_one.\n" in result.output
    assert ran == ["01_one", "02_two"]
    prose, code = CHAPTER.replace("It is", "It is still"), CHAPTER.replace("2 + 2", "1 + 3")
    for text, more in ((prose, []), (code, ["01_one"])):
        ran.clear()
        (project / "notebooks" / "source" / "01_one.py").write_text(text)
        assert run("book", "--update").exit_code == 0 and ran == more
    run("book", "--update", "02_two")  # by name it runs in any case
    assert ran == ["01_one", "02_two"]


@pytest.mark.parametrize("change", ["versions", "code", "notebook"])
def test_a_chapter_of_other_packages_or_without_its_notebook_runs_again(run, project, runs, change):
    run("book", "--update")
    path = project / "notebooks" / "claims.json"
    record = json.loads(path.read_text())
    if change == "versions":
        record["notebooks"]["01_one"]["versions"]["keras"] = "2.0"
    elif change == "code":
        del record["notebooks"]["01_one"]["code"]
    else:
        (project / "notebooks" / "01_one.ipynb").unlink()
    path.write_text(json.dumps(record))
    assert "[1/1] 01_one" in run("book", "--update").output
    assert "Kept as they are" in run("book", "--update").output


def test_what_changes_while_a_chapter_runs_is_not_kept_as_measured(run, project, runs):
    source = project / "notebooks" / "source" / "01_one.py"
    runs["sum"] = lambda: source.write_text(CHAPTER.replace("2 + 2", "1 + 3"))
    result = run("book", "--update")
    assert "FAILED: its source, or what it imports, has changed meanwhile" in result.output
    assert not (project / "notebooks" / "01_one.ipynb").exists()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("book", "build/failed"),
        ("book --update", "build/failed"),
        ("book --update", "notebooks"),
        ("book --update", "notebooks/claims.json"),
        ("claims --update", "notebooks/source"),
        ("claims --update", "README.md"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_runs(
    run, project, runs, monkeypatch, words, place
):
    run("book", "--update")
    runs["sum"] = lambda: pytest.fail("it ran")
    before, opened, made = tree(project), Path.open, tempfile.TemporaryFile

    def refuse(path):
        if Path(path) == project / place:
            raise OSError(30, "Read-only file system", str(path))

    def open_file(path, mode="r", *rest, **options):
        if "+" in mode:
            refuse(path)
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: refuse(dir) or made(dir=dir))
    monkeypatch.setattr(Path, "open", open_file)
    result = run(*words.split())
    assert result.exit_code == 1
    told = f"{project / place} cannot be written (Read-only file system). Nothing was run: make it"
    assert told in result.stderr and result.stderr.count("\n") == 1
    assert tree(project) == before


def test_update_and_kept_are_two_things(run, project):
    result = run("book", "--update", "--kept")
    assert result.exit_code == 1
    assert (
        result.stderr == "--update runs the chapters and --kept runs none: take one of the two.\n"
    )


def test_a_project_without_chapters_says_so(run, project):
    (project / "notebooks" / "source" / "01_one.py").unlink()
    for words in (["book"], ["book", "--update"], ["book", "--kept"], ["claims", "--update"]):
        result = run(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"There are no chapters in {project / 'notebooks/source'}")


@pytest.mark.parametrize("name", ["index", "claims", "01 one", "01-one", "a$b"])
def test_a_name_that_no_page_can_have_is_told_before_anything_runs(run, project, runs, name):
    (project / "notebooks" / "source" / f"{name}.py").write_text(CHAPTER)
    runs["sum"] = lambda: pytest.fail("it ran")
    for words in (["book"], ["book", "--update"], ["claims"]):
        result = run(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith("The name of a chapter must be letters, digits and _, and")
        assert result.stderr.endswith(f"; rename {name}.\n")


def test_a_chapter_of_another_name_takes_its_claims_along(run, project, runs):
    run("book", "--update")
    source = project / "notebooks" / "source" / "01_one.py"
    source.rename(source.with_name("02_one.py"))
    result = run("claims")
    assert result.exit_code == 1
    assert "02_one.py: sum: not in the record" in result.output
    assert "have nothing behind them: correct them, or run their chapters" in result.stderr
    assert run("book", "--update").exit_code == 0
    record = json.loads((project / "notebooks" / "claims.json").read_text())
    assert record["claims"]["sum"]["notebook"] == "02_one"
    assert list(record["notebooks"]) == ["02_one"]
    assert run("claims").exit_code == 0


@pytest.mark.parametrize("below", ["notebooks", "notebooks/source"])
def test_in_a_folder_of_the_repository_it_is_this_repository(run, project, monkeypatch, below):
    """And not that which the package is of."""
    monkeypatch.chdir(project / below)
    (project / "notebooks" / "claims.json").write_text(
        json.dumps({"claims": {"sum": ENTRY}, "notebooks": {}})
    )
    assert "| `sum` | 4 | equal to 4 | full |  | 01_one |" in run("claims").output


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", ", line 1, column 1: Expecting value"),
        ('{"claims": {', ", line 1, column 13: Expecting property name"),
        ("{}", ": there is no table 'claims'"),
        ("[]", ": there is no table 'claims'"),
        (
            '{\n<<<<<<< HEAD\n"claims": {}\n}',
            ", line 2, column 1: a merge conflict is not resolved",
        ),
        ('{"claims": {"sum": {}, "sum": {}}, "notebooks": {}}', ": 'sum' is there twice;"),
        ({"claims": []}, ": there is no table 'claims'"),
        ({"notebooks": {"01_one": 3}}, ": notebooks, 01_one: its 'seconds' is missing or of"),
        ({"claims": {"sum": {}}}, ": claims, sum: its 'value' is missing or of a wrong kind"),
        ({"claims": {"sum": ENTRY | {"value": "4"}}}, ": claims, sum: its 'value' is"),
        ({"claims": {"sum": ENTRY | {"value": True}}}, ": claims, sum: its 'value' is"),
        ({"claims": {"sum": ENTRY | {"value": math.inf}}}, ": claims, sum: its 'value' is"),
    ],
)
@pytest.mark.parametrize("words", ["claims", "claims --update", "book --update", "book --kept"])
def test_a_broken_record_is_one_line_that_says_where_and_nothing_is_changed(
    run, project, runs, content, fault, words
):
    run("book", "--update")
    path = project / "notebooks" / "claims.json"
    if isinstance(content, dict):
        content = json.dumps({"claims": {}, "notebooks": {}} | content)
    path.write_text(content)
    before = tree(project)
    runs["sum"] = lambda: pytest.fail("it ran")
    result = run(*words.split())
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}{fault}")
    assert result.stderr.count("\n") == 1 and "git checkout" in result.stderr
    assert tree(project) == before


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"cells": [', ", line 1, column 12"),
        (b"[]", " is no notebook of format 4"),
        (b'{"nbformat": 3, "worksheets": []}', " is no notebook of format 4"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', ": "),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}', ": "),
        (b"<<<<<<< HEAD\n", ", line 1, column 1: a merge conflict is not resolved"),
        (b"\xff\xfe", ", line 1: the byte 0xff is not UTF-8"),
        (None, " is missing; `cnnbook book --update 01_one` makes a new one"),
    ],
)
@pytest.mark.parametrize("words", ["claims --update", "book --kept"])
def test_a_broken_notebook_is_one_line_that_says_where(run, project, runs, content, fault, words):
    run("book", "--update")
    (project / "README.md").write_text("In all 7<!--claim:sum-->.\n")
    path = project / "notebooks" / "01_one.ipynb"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    elif "claims" in words:
        return  # the next run makes it
    result = run(*words.split())
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}{fault}") and result.stderr.count("\n") == 1
    assert "In all 7" in (project / "README.md").read_text()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"# %%\nprint('\xe9')\n", ", line 2: the byte 0xe9 is not UTF-8"),
        (b"# %%\nprint(\n", ", line 2, column 6: '(' was never closed"),
        (b"# %%\n\x00\n", ", line 1, column 1: source code string cannot contain null bytes"),
        (b"", f" has no title: {BEGIN}"),
        (b"# %%\n\n", f" has no title: {BEGIN}"),
        (b"print(1)\n", f" has no title: {BEGIN}"),
        (b"# %% [markdown]\n# No title.\n", f" has no title: {BEGIN}"),
    ],
)
def test_a_source_that_is_no_chapter_is_named_with_the_line_and_the_rest_goes_on(
    run, project, second, runs, content, fault
):
    path = project / "notebooks" / "source" / "01_one.py"
    path.write_bytes(content)
    result = run("book", "--update")
    assert result.exit_code == 1
    assert f"FAILED: {path}{fault}" in result.output
    assert "Nothing of it was run" in result.output
    assert "[2/2] 02_two                         1.0 s     1 claims held" in result.output


def test_two_claims_of_one_name_in_a_chapter_are_refused(run, project, runs, monkeypatch):
    def twice(notebook, folder, environment):
        line = json.dumps({"name": "sum", **MEASURED})
        Path(environment["CNNBOOK_CLAIMS_RECORD"]).write_text(f"{line}\n{line}\n")
        return 1.0

    monkeypatch.setattr("cnnbook.book._chapters.run_notebook", twice)
    result = run("book", "--update")
    assert result.exit_code == 1
    assert "FAILED: claim names that it uses more than once: sum" in result.output


def test_a_disk_that_is_full_leaves_every_text_as_it_was(run, project, runs, monkeypatch):
    run("book", "--update")
    (project / "README.md").write_text("In all 7<!--claim:sum-->.\n")
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("It is 4", "It is 3"))
    before, write = tree(project), Path.write_text

    def full(path, text, **options):
        write(path, text[:10], **options)
        if "README" in path.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = run("claims", "--update")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert tree(project) == before


def test_line_ends_of_another_system_stay(run, project, runs):
    run("book", "--update")
    (project / "README.md").write_bytes(b"In all 7<!--claim:sum-->.\r\nMore.\r\n")
    assert run("claims", "--update").exit_code == 0
    assert (project / "README.md").read_bytes() == b"In all 4<!--claim:sum-->.\r\nMore.\r\n"


def test_what_killed_runs_left_is_gone_after_the_next(run, project, runs):
    for name in ("build/pages-old", "build/pages-source", "build/pages-k3x"):
        (project / name).mkdir(parents=True)
    (project / "build" / "pages-old" / "index.html").write_text("the old book")
    for name in (
        "01_one.partial",
        ".01_one.ipynb.partial",
        "source/.01_one.py.partial",
        "../.README.md.partial",
    ):
        (project / "notebooks" / name).write_text("half")
    run("book", "--update")
    source = project / "notebooks" / "source" / "01_one.py"
    source.write_text(CHAPTER.replace("It is 4", "It is 3"))
    assert run("claims", "--update").exit_code == 0
    assert not list(project.rglob("*.partial"))
    assert (project / "build" / "book" / "index.html").read_text() == "the old book"
    assert not list((project / "build").glob("pages-*"))
