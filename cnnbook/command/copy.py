"""The command `cnnbook copy`: take a file of the package along, alone, with its tests."""

from pathlib import Path
from typing import Annotated

import typer

from cnnbook.command._say import fail


def copy_files(
    names: Annotated[list[str] | None, typer.Argument(help="Modules; none: list them.")] = None,
    to: Annotated[Path, typer.Option(help="The folder; made if it is missing.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of these names.")] = False,
) -> None:
    """Write modules as files that stand alone, with their tests; without a name, list them."""
    from cnnbook.book.copy import copy_modules, list_modules

    if not names:
        for room, modules in list_modules().items():
            typer.secho(room, bold=True)
            for name, sentence in modules.items():
                typer.echo(f"  {name:22} {sentence}")
        return
    try:
        for line in copy_modules(names, to, force):
            typer.echo(line)
    except (ValueError, OSError) as error:
        raise fail(str(error)) from None
