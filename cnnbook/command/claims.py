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
    beyond = [line for line in changes if "not in the record" in line or "no figure" in line]
    if beyond:
        way = "correct them, or run their chapters: cnnbook book --update"
        raise fail(f"{len(beyond)} figures of the prose have nothing behind them: {way}.")
    if changes and not update:
        raise fail(f"{len(changes)} figures differ from the record; run `make claims`.")
