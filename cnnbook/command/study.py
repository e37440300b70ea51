"""The command `cnnbook study`: do the runs that take longer than a chapter may."""

from typing import Annotated

import typer

from cnnbook.command._say import choose, fail, project_folder, require_extra


def do_study(
    names: Annotated[list[str] | None, typer.Argument(help="Of studies; none lists them.")] = None,
) -> None:
    """Do the runs of a study that are not on record, one by one; stopped, it goes on later."""
    folder = project_folder()
    require_extra("book", ("jupytext", "nbformat", "nbclient"))
    from cnnbook.book import studies

    known = studies.study_names(folder)
    try:
        if not names:
            typer.echo("\n".join(known) or "There are no studies yet.")
        for name in [choose(each, known, "study") for each in names or ()]:
            studies.run_study(folder, name, typer.echo)
    except (studies.BookError, OSError) as error:
        raise fail(str(error)) from None
