"""The command `cnnbook data prepare`: download a data set, or make one from an archive.

Part of the command line: it imports its siblings, inside the functions, so that `--help` is quick.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

DATA_SETS = {
    "mnist": ("cnnbook.datasets.mnist", "load_mnist"),
    "fashion_mnist": ("cnnbook.datasets.mnist", "load_fashion_mnist"),
    "cifar10": ("cnnbook.datasets.cifar", "load_cifar10"),
    "cifar100": ("cnnbook.datasets.cifar", "load_cifar100"),
    "cats_vs_dogs": ("cnnbook.datasets.cats_vs_dogs", "load_cats_vs_dogs"),
    "flowers": ("cnnbook.datasets.cats_vs_dogs", "load_flowers"),
}


def load(name: str):
    """Load a data set; prints where from, raises OSError where it is not to be had."""
    from importlib import import_module

    module, function = DATA_SETS[name]
    return getattr(import_module(module), function)()


def prepare_data(
    name: Annotated[str, typer.Argument(help=", ".join(DATA_SETS))],
    archive: Annotated[
        Path | None, typer.Argument(help="For cats_vs_dogs: the zip file, or its folder.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The folder to make; by default where it is looked for.")
    ] = None,
) -> None:
    """Download a data set, or make it from an archive, unless it is here."""
    from cnnbook.command import main as cli

    cli.choose(name, list(DATA_SETS), "data set")
    if (archive or to) and not (archive and name == "cats_vs_dogs"):
        raise cli.fail(
            "An archive is for cats_vs_dogs, and --to goes with one:"
            " cnnbook data prepare cats_vs_dogs train.zip --to FOLDER"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        if archive:
            make_cats_vs_dogs(archive, to or usual_place(name))
        splits = None if to else load(name)
    except (OSError, RuntimeError) as error:  # the latter where there is no home folder
        raise cli.fail(str(error)) from None
    if splits and "embedded" in splits.source:
        tried = "\n".join(f"  - {reason}" for reason in splits.passed_by)
        raise cli.fail(
            f"The whole of {name} could not be had: only the embedded copy is here. Tried before:\n"
            f"{tried}\nGo online, unset CNNBOOK_OFFLINE, and run this again."
        )


def usual_place(name: str) -> Path:
    """Return the folder that the loader looks in first."""
    cache = os.environ.get("CNNBOOK_CACHE") or "~/.cache/cnnbook"
    return Path(os.environ.get("CNNBOOK_DATA") or cache).expanduser() / name


def make_cats_vs_dogs(archive: Path, folder: Path) -> None:
    """Make the folders of photos, and say what is in them and what was left out."""
    from cnnbook.datasets.cats_vs_dogs_archive import prepare_cats_vs_dogs

    prepared = prepare_cats_vs_dogs(archive, folder)
    counts = ", ".join(f"{place} {count:,}" for place, count in prepared.counts.items())
    typer.echo(f"{prepared.folder}: {counts}; {len(prepared.left_out):,} left out")
    for name, reason in prepared.left_out.items():
        typer.echo(f"  left out: {name!r} ({reason})")
