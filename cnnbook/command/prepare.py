"""The command `cnnbook data prepare`: download a data set, or make one from an archive."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cnnbook.command._data_sets import DATA_SETS, load
from cnnbook.command._say import choose, fail


def prepare_data(
    name: Annotated[str, typer.Argument(help=", ".join(DATA_SETS))],
    archive: Annotated[Path | None, typer.Argument(help="Of cats_vs_dogs: zip or folder.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to make; else the usual one.")] = None,
) -> None:
    """Download a data set, or make it from an archive, unless it is here."""
    choose(name, DATA_SETS, "data set")
    if (archive or to) and not (archive and name == "cats_vs_dogs"):
        words = "An archive is for cats_vs_dogs, and --to goes with one"
        raise fail(f"{words}: cnnbook data prepare cats_vs_dogs train.zip --to FOLDER")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        if archive:
            _make_cats_vs_dogs(archive, to)
        splits = None if to else load(name)
    except (OSError, RuntimeError) as error:  # the latter where there is no home folder
        raise fail(str(error)) from None
    if splits and "embedded" in splits.source:
        tried = "\n".join(f"  - {reason}" for reason in splits.passed_by)
        lost = f"The whole of {name} could not be had: only the embedded copy is here. Tried before"
        raise fail(f"{lost}:\n{tried}\nGo online, unset CNNBOOK_OFFLINE, and run this again.")


def _make_cats_vs_dogs(archive: Path, folder: Path | None) -> None:
    """Make the folders of photos, and say what is in them and what was left out."""
    from cnnbook.datasets.cats_vs_dogs_archive import prepare_cats_vs_dogs

    prepared = prepare_cats_vs_dogs(archive, folder)
    counts = ", ".join(f"{place} {count:,}" for place, count in prepared.counts.items())
    typer.echo(f"{prepared.folder}: {counts}; {len(prepared.left_out):,} left out")
    for name, reason in prepared.left_out.items():
        typer.echo(f"  left out: {name!r} ({reason})")
