"""`cnnbook book` and `cnnbook claims` where something that they need is missing."""

import sys

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


def test_without_the_repository_the_book_says_where_the_chapters_are(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "cnnbook.command._say.__file__", str(tmp_path / "site" / "cnnbook" / "command" / "_say.py")
    )
    result = run("book")
    assert result.exit_code == 1
    assert "clone it" in result.output


@pytest.mark.parametrize("command", ["book", "claims"])
def test_without_the_extra_book_one_line_names_it(run, monkeypatch, tmp_path, command):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for package in ("jupytext", "nbclient", "sphinx"):
        monkeypatch.setitem(sys.modules, package, None)
    result = run(command)
    assert result.exit_code == 1
    lacks = "jupytext, nbclient" + ", sphinx" * (command == "book")
    assert result.stderr == f"This needs {lacks}: pip install 'cnnbook[book]'\n"
