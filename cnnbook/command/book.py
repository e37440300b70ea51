"""The command `cnnbook book`: run the chapters, make the web pages."""

from typing import Annotated

import typer

from cnnbook.command._say import choose, fail, project_folder, require_extra

NEEDED = ("jupytext", "nbformat", "nbclient", "ipykernel", "sphinx", "myst_nb", "sphinx_book_theme")


def bind_book(
    chapters: Annotated[list[str] | None, typer.Argument(help="Names; all by default.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Full profile; write to notebooks/.")
    ] = False,
    kept: Annotated[bool, typer.Option("--kept", help="Run nothing: pages of notebooks/.")] = False,
) -> None:
    """Run the chapters and make the web pages in build/book.

    With --update and no names, chapters are left out whose code and packages are on record.
    """
    if update and kept:
        raise fail("--update runs the chapters and --kept runs none: take one of the two.")
    folder = project_folder()
    require_extra("book", NEEDED)
    from cnnbook.book import build

    try:
        names = build.chapter_names(folder)
        chosen = list(dict.fromkeys(choose(name, names, "chapter") for name in chapters or names))
        if update:
            build.update_chapters(folder, chosen, typer.echo, again=bool(chapters))
        else:
            (build.show_kept if kept else build.make_book)(folder, chosen, typer.echo)
    except (build.BookError, OSError) as error:
        raise fail(str(error)) from None
