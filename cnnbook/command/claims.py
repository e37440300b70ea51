"""The command `cnnbook claims`: every figure that was checked, and whether the prose has it."""

from typing import Annotated

import typer

from cnnbook.command._say import fail, project_folder, require_extra


def print_claims(
    update: Annotated[
        bool, typer.Option("--update", help="Rewrite the figures of the prose.")
    ] = False,
) -> None:
    """Show every claim, and compare the prose with the record."""
    folder = project_folder()
    require_extra("book", ("jupytext", "nbformat", "nbclient"))
    from cnnbook.book import build

    try:
        typer.echo(build.show_claims(folder))
        changes = build.refresh_prose(folder, write=update)
    except (build.BookError, OSError) as error:
        raise fail(str(error)) from None
    for line in changes:
        typer.echo(f"prose: {line}")
    missing = [line for line in changes if "not in the record" in line]
    if missing or (changes and not update):
        raise fail(f"{len(changes)} figures differ from the record; run `make claims`.")
