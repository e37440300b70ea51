"""The data sets of the package by name, and which copy of each this machine has."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import typer

from cnnbook._checks import shown
from cnnbook._machine import folder_of

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
    problems = []
    variable = os.environ.get("CNNBOOK_DATA")
    typer.echo(f"  CNNBOOK_DATA: {shown(folder_of('CNNBOOK_DATA')) if variable else 'not set'}")
    if variable and not folder_of("CNNBOOK_DATA").is_dir():
        return [f"CNNBOOK_DATA names a folder that does not exist: {shown(variable)}"]
    os.environ["CNNBOOK_OFFLINE"] = "1"
    for name in DATA_SETS:
        try:
            typer.echo(f"  {name}: ", nl=False)
            load(name)
        except OSError as error:
            if "nowhere to be found" in str(error):
                typer.echo("not on this machine")
                advice = f"go online and run: cnnbook data prepare {name}"
                problems.append(f"to get {name}, or see how, {advice}")
            elif error.errno:
                typer.echo(f"cannot be read now: {error}")
                problems.append(f"make the files of {name} readable")
            else:
                typer.echo(f"broken: {error}")
                problems.append(f"replace the broken copy of {name}")
    return problems
