"""`cnnbook book` and `cnnbook claims`: what a run makes, keeps, and leaves as it was."""

import json
import shutil

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

ENTRY = {
    **{"notebook": "01_one", "value": 4, "rule": "equal to", "bound": 4},
    **{"profile": "full", "source": None},
}


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
    assert "claim names that another chapter has: sum" in result.output


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
