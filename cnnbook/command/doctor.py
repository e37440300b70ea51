"""The command `cnnbook doctor`: what is installed, what this machine has and lacks."""

import locale
import os
import platform
import subprocess
import sys
from importlib import metadata

import typer

from cnnbook._checks import shown
from cnnbook.command._data_sets import report_data
from cnnbook.devices import CHOICES, keras_settings

PACKAGES = (
    *("cnnbook", "tensorflow", "keras", "numpy", "matplotlib", "tensorflow-datasets"),
    *("jupytext", "nbval", "myst-nb"),
)
VARIABLES = (
    "MPLBACKEND",
    "MPLCONFIGDIR",
    "CUDA_VISIBLE_DEVICES",
    "LC_ALL",
    "LANG",
    "TFDS_DATA_DIR",
)


def show_machine() -> None:
    """Say what is installed, what this machine has and lacks."""
    typer.secho("Versions", bold=True)
    typer.echo(f"  Python {platform.python_version()}")
    problems = []
    for package in PACKAGES:
        try:
            typer.echo(f"  {package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"  {package}: missing")
            problems.append(f"{package} is missing: run `make setup`, or pip install -e '.[dev]'")
    typer.secho("Settings", bold=True)
    problems += _show_settings()
    typer.secho("Devices (asking takes a few seconds)", bold=True)
    typer.echo("  " + _ask_devices().replace("\n", "\n  "))
    typer.secho("Data", bold=True)
    problems += report_data()
    typer.secho("What to do", bold=True)
    for line in problems or ["nothing: every chapter can run"]:
        typer.echo(f"  - {line}")


def _show_settings() -> list[str]:
    """Print what Keras, Matplotlib and Python are told; return what is to be done about it."""
    problems = []
    try:
        for name, (value, source) in keras_settings().items():
            typer.echo(f"  {name} of Keras: {value} ({source})")
            if source.endswith("no JSON") and name == "backend":
                problems.append(f"mend or delete keras.json: {source}")
            if name != "backend" and value != CHOICES[name][0]:
                usual = f"{name} {CHOICES[name][0]}"
                problems.append(f"the book is written for {usual}: say so in {source}")
    except ValueError as error:
        typer.echo(f"  Keras: {error}")
        problems.append(str(error))
    for name in sorted(os.environ):
        if name.startswith(("CNNBOOK_", "KERAS_")) or name in VARIABLES:
            typer.echo(f"  {name}={shown(os.environ[name])}")
    try:
        before = locale.setlocale(locale.LC_ALL)
        locale.setlocale(locale.LC_ALL, "")
        locale.setlocale(locale.LC_ALL, before)
    except locale.Error:
        problems.append("the locale that LC_ALL or LANG names is not installed: say C.UTF-8")
    home = os.path.expanduser("~")  # noqa: PTH111  there may be none
    if not os.access(home, os.W_OK):
        typer.echo(f"  the home folder {shown(home)} cannot be written")
        problems.append("set HOME to a folder that can be written: Keras and Matplotlib use it")
    return problems


def _ask_devices() -> str:
    """Ask in a process of its own: it may die where TensorFlow does not fit the processor."""
    code = "from cnnbook.devices import describe_devices; print(describe_devices())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last_words = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
    return run.stdout.strip() if run.returncode == 0 else f"unknown: {last_words}"
