"""How do executed notebooks become a book of web pages that needs no network?"""

import shutil
from collections.abc import Callable
from pathlib import Path

from cnnbook._checks import checked
from cnnbook.book._files import BookError, locked
from cnnbook.book._python import last_words, run_python


@checked
def build_pages(
    write: Callable[[Path], None], finish: Callable[[Path], None], folder: str | Path
) -> Path:
    """Build pages with Sphinx, and exchange them as a whole.

    Args:
        write: Writes what Sphinx reads, its `conf.py` too, into an empty folder.
        finish: Completes what Sphinx has built, in its folder.
        folder: Where the pages go. Replaced only by complete ones.

    Returns:
        The path of the first page.

    Raises:
        RuntimeError: If Sphinx has a complaint; the folder is then as it was.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent):
        restore_pages(folder)
        try:
            _sphinx(write, finish, folder)
        finally:
            restore_pages(folder)
    return folder / "index.html"


def _sphinx(write: Callable[[Path], None], finish: Callable[[Path], None], folder: Path) -> None:
    """Let Sphinx build the pages, and exchange them."""
    source, built = (folder.with_name("pages-new") / kind for kind in ("source", "built"))
    source.mkdir(parents=True)
    write(source)
    words = ["sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(built)]
    run = run_python(folder.parent, "-m", *words)
    if run.returncode:
        complaints = dict.fromkeys(run.stderr.strip().replace(str(source), "").splitlines())
        raise RuntimeError("Sphinx could not build the pages: " + " / ".join(complaints))
    finish(built)
    if folder.exists():
        folder.rename(folder.with_name("pages-old"))
    built.rename(folder)


def restore_pages(folder: Path) -> None:
    """Bring back the pages where a run was killed while it exchanged them; remove its others."""
    old = folder.with_name("pages-old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    for left in folder.parent.glob("pages-*"):
        shutil.rmtree(left, ignore_errors=True)


def require_sphinx(build: Path) -> None:
    """Try, before chapters run for hours, whether what makes the pages can start at all."""
    code = "import myst_nb, sphinx_book_theme, sphinx.cmd.build as it; it.main(['--version'])"
    run = run_python(build, "-c", code)
    if run.returncode:
        raise BookError(f"Sphinx does not start: {last_words(run)}; pip install 'cnnbook[book]'.")
