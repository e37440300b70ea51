"""The book as web pages: complete, offline, replaced as a whole."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from cnnbook.book._files import BookError
from cnnbook.book.pages import build_pages, require_sphinx

CONF = 'project = "A title"\nhtml_theme = "alabaster"\nextensions = ["myst_nb"]\n'


def build(folder, index="# The book\n", finish=lambda _: None):
    def write(source):
        (source / "conf.py").write_text(CONF)
        (source / "index.md").write_text(index)

    return build_pages(write, finish, folder)


@pytest.mark.slow
def test_pages_are_made_by_sphinx_and_completed(tmp_path):
    first = build(tmp_path / "book", finish=lambda site: (site / "more.txt").write_text("more"))
    assert first == tmp_path / "book" / "index.html"
    assert "The book" in first.read_text()
    assert (tmp_path / "book" / "more.txt").read_text() == "more"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


@pytest.mark.slow
def test_a_broken_page_leaves_the_old_book_as_it_was(tmp_path):
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the old book")
    with pytest.raises(RuntimeError, match="Sphinx could not build.*nowhere"):
        build(tmp_path / "book", "# The book\n\n```{image} nowhere.png\n```\n")
    assert old.read_text() == "the old book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_what_fails_after_sphinx_leaves_the_old_book_too(tmp_path, monkeypatch):
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the old book")
    fake_sphinx(monkeypatch)

    def finish(site):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        build(tmp_path / "book", finish=finish)
    assert old.read_text() == "the old book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def fake_sphinx(monkeypatch, during=lambda: None):
    """Let Sphinx make one page; do something else while it works."""

    def sphinx(command, **options):
        during()
        Path(command[-1]).mkdir()
        Path(command[-1], "index.html").write_text("the new book")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", sphinx)


def test_a_run_killed_while_it_exchanges_the_pages_leaves_them_to_the_next(tmp_path, monkeypatch):
    book = tmp_path / "book"
    (tmp_path / "pages-old").mkdir()
    (tmp_path / "pages-old" / "index.html").write_text("the old book")
    (tmp_path / "pages-new").mkdir()

    def there():
        assert (book / "index.html").read_text() == "the old book"

    fake_sphinx(monkeypatch, there)
    build(book)
    assert (book / "index.html").read_text() == "the new book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_who_is_stopped_while_it_exchanges_the_pages_leaves_the_old_ones(tmp_path, monkeypatch):
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
        build(book)
    assert (book / "index.html").read_text() == "the old book"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "book.lock"]


def test_two_books_at_once_both_succeed(tmp_path, monkeypatch):
    done = []

    def make():
        done.append(build(tmp_path / "book"))

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
