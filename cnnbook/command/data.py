"""The commands `cnnbook data list` and `data verify`: which data is here, and is it sound?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnbook._checks import expanded, shown
from cnnbook.command._data_sets import report_data
from cnnbook.command._say import fail


def list_data() -> None:
    """List the data sets, and which copy of each this machine has."""
    for line in report_data():
        typer.echo(f"  - {line}")


def verify_data(
    path: Annotated[Path | None, typer.Argument(help="A folder or a mapping file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The whole report, for programs.")] = False,
    quarantine: Annotated[Path | None, typer.Option(help="Move unreadable pictures there.")] = None,
    allow_outside: Annotated[bool, typer.Option("--allow-outside", help="Follow links.")] = False,
) -> None:
    """Read all data at a path, or every set that is here; fail if it must not be trained on."""
    if path is None:
        return _verify_sets()
    from cnnbook.command._verify import as_json, as_table, move_unreadable, verify_path

    try:
        path = expanded(path)
        root, aside = path.resolve(), expanded(quarantine).resolve() if quarantine else None
        root = root if root.is_dir() else root.parent
        if aside and (aside.is_relative_to(root) or root.is_relative_to(aside)):
            words = f"the quarantine {shown(aside)} must lie outside of {shown(root)}"
            raise fail(f"{words}, and not hold it: name a folder beside it.")
        report = verify_path(path, allow_outside, progress=not json)
        typer.echo(as_json(report) if json else as_table(report))
        for line in move_unreadable(report, root, aside) if aside else []:
            typer.echo(line, err=json)
    except MemoryError as error:
        raise fail(f"{str(error) or 'There is not enough memory.'} Nothing was moved.") from None
    except OSError as error:
        raise fail(str(error)) from None
    if not report.may_be_trained_on:
        raise typer.Exit(1)


def _verify_sets() -> None:
    """Read every data set that is here, and check it against its checksums."""
    problems = [line for line in report_data() if not line.startswith("to get")]
    if problems:
        raise fail("; ".join(problems))
