"""The command `cnnbook doctor`: what is installed, what this machine has and lacks."""

import platform
import subprocess
import sys
from importlib import metadata

import typer

from cnnbook.command._data_sets import report_data

PACKAGES = (
    *("cnnbook", "tensorflow", "keras", "numpy", "matplotlib", "tensorflow-datasets"),
    *("jupytext", "nbval", "myst-nb"),
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
    typer.secho("Devices (asking takes a few seconds)", bold=True)
    typer.echo("  " + _ask_devices().replace("\n", "\n  "))
    typer.secho("Data", bold=True)
    problems += report_data()
    typer.secho("What to do", bold=True)
    for line in problems or ["nothing: every chapter can run"]:
        typer.echo(f"  - {line}")


def _ask_devices() -> str:
    """Ask in a process of its own: it may die where TensorFlow does not fit the processor."""
    code = "from cnnbook.devices import describe_devices; print(describe_devices())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last_words = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
    return run.stdout.strip() if run.returncode == 0 else f"unknown: {last_words}"
