"""`cnnbook pdf`: what a reader sees where something is missing. What it prints: tests/book."""

import pytest
from typer.testing import CliRunner

from cnnbook.book._files import BookError
from cnnbook.command import pdf
from cnnbook.command.main import app


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one chapter, and no pages of it yet."""
    source = tmp_path / "notebooks" / "source"
    source.mkdir(parents=True)
    (source / "01_first.py").write_text("# %% [markdown]\n# # First\n")
    (tmp_path / "build").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_pages_one_line_says_how_they_are_made(project):
    result = CliRunner().invoke(app, ["pdf"])
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert "build/book" in line and "`cnnbook book`" in line
    assert not list(project.glob("build/*.pdf"))


def test_a_fault_is_one_line_and_a_book_is_named_with_its_size(project, monkeypatch):
    def no_browser(folder, say):
        raise BookError("Chromium does not start")

    def print_something(folder, say):
        file = folder / "build" / "cnnbook.pdf"
        file.write_bytes(bytes(3_000_000))
        return file

    monkeypatch.setattr("cnnbook.book.pdf.make_pdf", no_browser)
    result = CliRunner().invoke(app, ["pdf"])
    assert (result.exit_code, result.output) == (1, "Chromium does not start\n")
    monkeypatch.setattr("cnnbook.book.pdf.make_pdf", print_something)
    result = CliRunner().invoke(app, ["pdf"])
    assert result.output == "Read it: build/cnnbook.pdf (3 MB)\n"


def test_without_pypdf_the_extra_that_has_it_is_named(project, monkeypatch):
    monkeypatch.setattr(
        "cnnbook.command._say.find_spec", lambda name: None if name == "pypdf" else 1
    )
    result = CliRunner().invoke(app, ["pdf"])
    assert result.exit_code == 1
    assert "pypdf" in result.output and "cnnbook[book]" in result.output
    assert pdf.print_book.__doc__
