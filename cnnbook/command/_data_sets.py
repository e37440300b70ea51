"""The data sets of the package by name, and which copy of each this machine has."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

DATA_SETS = {
    "mnist": ("cnnbook.datasets.mnist", "load_mnist"),
    "fashion_mnist": ("cnnbook.datasets.mnist", "load_fashion_mnist"),
    "cifar10": ("cnnbook.datasets.cifar", "load_cifar10"),
    "cifar100": ("cnnbook.datasets.cifar", "load_cifar100"),
    "cats_vs_dogs": ("cnnbook.datasets.cats_vs_dogs", "load_cats_vs_dogs"),
    "flowers": ("cnnbook.datasets.cats_vs_dogs", "load_flowers"),
}


def load(name: str) -> Any:
    """Load a data set; prints where from, raises OSError where it is not to be had."""
    module, function = DATA_SETS[name]
    return getattr(import_module(module), function)()


def report_data() -> list[str]:
    """Print where each set would come from without a download; return what is to be done."""
    variable = os.environ.get("CNNBOOK_DATA")
    problems = []
    if variable and not Path(variable).is_dir():
        problems.append(f"CNNBOOK_DATA names a folder that does not exist: {variable}")
    typer.echo(f"  CNNBOOK_DATA: {variable or 'not set'}")
    os.environ["CNNBOOK_OFFLINE"] = "1"
    for name in DATA_SETS:
        try:
            typer.echo(f"  {name}: ", nl=False)
            load(name)
        except FileNotFoundError:
            typer.echo("not on this machine")
            advice = f"go online and run: cnnbook data prepare {name}"
            problems.append(f"to get {name}, or see how, {advice}")
        except OSError as error:
            typer.echo(f"broken: {error}")
            problems.append(f"replace the broken copy of {name}")
    return problems
