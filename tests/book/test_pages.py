"""The book as web pages: complete, offline, replaced as a whole."""

import re
import subprocess
import threading
import time
from pathlib import Path

import nbformat.v4 as nbf
import pytest

from cnnbook.book._files import BookError
from cnnbook.book.pages import build_pages, require_sphinx

REMOTE = re.compile(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|woff2?)""")


@pytest.fixture
def notebook():
    output = nbf.new_output("stream", text="forty-two\n")
    table = "| net | errors |\n|:--|--:|\n| small | 7 |"
    shown = nbf.new_output("display_data", {"text/markdown": table, "text/plain": "a table"})
    code = nbf.new_code_cell("print('forty-two')", execution_count=1, outputs=[output, shown])
    notebook = nbf.new_notebook(cells=[nbf.new_markdown_cell("# A chapter"), code])
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def build(notebook, folder, **more):
    index = "# The book\n\n[first](01_first)\n"
    return build_pages({"01_first": notebook}, {"index": index, **more}, folder, "A title")


@pytest.mark.slow
def test_pages_show_prose_code_and_outputs_and_load_nothing_from_the_network(notebook, tmp_path):
    first = build(notebook, tmp_path / "book", claims="# Claims\n")
    assert first == tmp_path / "book" / "index.html"
    chapter = (tmp_path / "book" / "01_first.html").read_text()
    assert "A chapter" in chapter and "forty-two" in chapter
    assert "<table" in chapter and "| small |" not in chapter
    assert (tmp_path / "book" / "claims.html").exists()
    for page in (tmp_path / "book").glob("*.html"):
        assert not REMOTE.search(page.read_text()), page.name


@pytest.mark.slow
def test_a_broken_page_leaves_the_old_book_as_it_was(notebook, tmp_path):
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the old book")
    with pytest.raises(RuntimeError, match="Sphinx could not build.*nowhere"):
        build(notebook, tmp_path / "book", claims="# Claims\n\n```{image} nowhere.png\n```\n")
    assert old.read_text() == "the old book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_what_is_no_notebook_is_refused_before_anything_is_built(tmp_path):
    with pytest.raises(ValueError, match="`notebooks` must be a dictionary"):
        build_pages([], {"index": "# The book\n"}, tmp_path / "book", "A title")
    assert not list(tmp_path.iterdir())


def fake_sphinx(monkeypatch, during=lambda: None):
    """Let Sphinx make one page; do something else while it works."""

    def sphinx(command, **options):
        during()
        Path(command[-1]).mkdir()
        Path(command[-1], "index.html").write_text("the new book")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", sphinx)


def test_a_run_killed_while_it_exchanges_the_pages_leaves_them_to_the_next(
    notebook, tmp_path, monkeypatch
):
    book = tmp_path / "book"
    (tmp_path / "pages-old").mkdir()
    (tmp_path / "pages-old" / "index.html").write_text("the old book")
    (tmp_path / "pages-new").mkdir()

    def there():
        assert (book / "index.html").read_text() == "the old book"

    fake_sphinx(monkeypatch, there)
    build(notebook, book)
    assert (book / "index.html").read_text() == "the new book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_who_is_stopped_while_it_exchanges_the_pages_leaves_the_old_ones(
    notebook, tmp_path, monkeypatch
):
    book, rename = tmp_path / "book", Path.rename
    book.mkdir()
    (book / "index.html").write_text("the old book")
    fake_sphinx(monkeypatch)

    def stopped(path, target):
        if path.name == "built":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        build(notebook, book)
    assert (book / "index.html").read_text() == "the old book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_two_books_at_once_both_succeed(notebook, tmp_path, monkeypatch):
    done = []

    def make():
        done.append(build(notebook, tmp_path / "book"))

    second = threading.Thread(target=make)

    def meanwhile():
        if not done and not second.is_alive():
            second.start()
            time.sleep(0.3)
            assert not done

    fake_sphinx(monkeypatch, meanwhile)
    make()
    second.join(timeout=20)
    assert done == [tmp_path / "book" / "index.html"] * 2
    assert (tmp_path / "book" / "index.html").read_text() == "the new book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_a_sphinx_that_does_not_start_is_told_before_anything_runs(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: no theme\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: failed)
    with pytest.raises(BookError, match=r"^Sphinx does not start: ImportError: no theme; pip inst"):
        require_sphinx(tmp_path)


@pytest.mark.slow
def test_sphinx_starts_whatever_locale_and_warnings_the_user_asks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    require_sphinx(tmp_path)
