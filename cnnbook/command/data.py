"""The commands `cnnbook data list` and `data verify`: which data is here, and is it sound?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnbook._checks import expanded
from cnnbook.command._data_sets import report_data
from cnnbook.command._say import fail


def list_data() -> None:
    """List the data sets, and which copy of each this machine has."""
    report_data()


def verify_data(
    path: Annotated[Path | None, typer.Argument(help="A folder or a mapping file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The whole report, for programs.")] = False,
    quarantine: Annotated[Path | None, typer.Option(help="Move unreadable pictures there.")] = None,
    allow_outside: Annotated[bool, typer.Option("--allow-outside", help="Follow links.")] = False,
) -> None:
    """Read all data at a path, or every set that is here; fail if it must not be trained on."""
    if path is None:
        return _verify_sets()
    from cnnbook.command import _verify

    try:
        path = expanded(path)
        if quarantine:
            quarantine = expanded(quarantine)
            _verify.check_quarantine(path, quarantine)
        report = _verify.verify_path(path, allow_outside, progress=not json)
        typer.echo(_verify.as_json(report) if json else _verify.as_table(report))
        for line in _verify.move_unreadable(report, path, quarantine) if quarantine else []:
            typer.echo(line, err=json)
    except MemoryError as error:
        raise fail(f"{error or 'There is not enough memory.'} Nothing was moved.") from None
    except OSError as error:
        raise fail(str(error)) from None
    if not report.may_be_trained_on:
        raise typer.Exit(1)


def _verify_sets() -> None:
    """Read every data set that is here, and check it against its checksums."""
    problems = [line for line in report_data() if not line.startswith("to get")]
    if problems:
        raise fail("; ".join(problems))
