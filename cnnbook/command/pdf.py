"""The command `cnnbook pdf`: print the built pages into one file."""

import typer

from cnnbook.command._say import fail, project_folder, require_extra


def print_book() -> None:
    """Print the pages of build/book into build/cnnbook.pdf, with contents, outline and links."""
    folder = project_folder()
    require_extra("book", ("pypdf", "nbformat", "jupytext", "nbclient"))
    from cnnbook.book.build import BookError
    from cnnbook.book.pdf import make_pdf

    try:
        pdf = make_pdf(folder, typer.echo)
    except (BookError, OSError) as error:
        raise fail(str(error)) from None
    size = pdf.stat().st_size / 1e6
    typer.echo(f"Read it: {pdf.relative_to(folder)} ({size:.0f} MB)")
