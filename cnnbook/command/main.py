"""The command `cnnbook`: look at this machine, get data, make the book, check its figures.

It and the files cli_*.py alone import their siblings, inside each command, so that `--help` is
quick.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from cnnbook.command.data import verify_data
from cnnbook.command.models import list_models, show_summary
from cnnbook.command.prepare import DATA_SETS, load, prepare_data

app = typer.Typer(
    help="A book on convolutional neural networks that runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich would double the time of --help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="List, prepare and verify the data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def fail(message: str) -> typer.Exit:
    """Print one clear message to stderr; the caller raises the exit status 1."""
    typer.secho(message, fg="red", err=True)
    return typer.Exit(1)


def choose(word: str, choices: list[str], what: str) -> str:
    """Return the word, or fail and name the nearest choice."""
    import difflib

    if word in choices:
        return word
    near = difflib.get_close_matches(word, choices, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise fail(f"There is no {what} {word!r}.{hint} Choices: {', '.join(choices)}.")


def project_folder() -> Path:
    """Find the folder that has notebooks/source: the working folder or the package's parent."""
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (folder / "notebooks" / "source").is_dir():
            return folder
    raise fail(
        "The chapters are not here. They come with the repository, not with the installed package:"
        " clone it, and run this command in its folder."
    )


@app.command()
def doctor() -> None:
    """Say what is installed, what this machine has and lacks."""
    import platform
    from importlib import metadata

    typer.secho("Versions", bold=True)
    typer.echo(f"  Python {platform.python_version()}")
    problems = []
    packages = ("cnnbook", "tensorflow", "keras", "numpy", "matplotlib", "tensorflow-datasets")
    for package in (*packages, "jupytext", "nbval", "myst-nb"):
        try:
            typer.echo(f"  {package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"  {package}: missing")
            problems.append(f"{package} is missing: run `make setup`, or pip install -e '.[dev]'")

    typer.secho("Devices (asking takes a few seconds)", bold=True)
    typer.echo("  " + _ask_devices().replace("\n", "\n  "))

    typer.secho("Data", bold=True)
    problems += _report_data()
    typer.secho("What to do", bold=True)
    for line in problems or ["nothing: every chapter can run"]:
        typer.echo(f"  - {line}")


def _ask_devices() -> str:
    """Ask in a process of its own: it may die where TensorFlow does not fit the processor."""
    import subprocess
    import sys

    code = "from cnnbook.devices import describe_devices; print(describe_devices())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last_words = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
    return run.stdout.strip() if run.returncode == 0 else f"unknown: {last_words}"


def _report_data() -> list[str]:
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
            problems.append(
                f"to get {name}, or see how, go online and run: cnnbook data prepare {name}"
            )
        except OSError as error:
            typer.echo(f"broken: {error}")
            problems.append(f"replace the broken copy of {name}")
    return problems


@data_app.command("list")
def list_data() -> None:
    """List the data sets, and which copy of each this machine has."""
    _report_data()


def verify_sets() -> None:
    """Read every data set that is here, and check it against its checksums."""
    problems = [line for line in _report_data() if "replace" in line or "not exist" in line]
    if problems:
        raise fail("; ".join(problems))


data_app.command("prepare")(prepare_data)
data_app.command("verify")(verify_data)
app.command("models")(list_models)
app.command("summary")(show_summary)


@app.command()
def book(
    chapters: Annotated[list[str] | None, typer.Argument(help="Names; all by default.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Full profile; write notebooks/ and its record.")
    ] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Run nothing: pages of the notebooks as they are.")
    ] = False,
) -> None:
    """Run the chapters and make the web pages in build/book."""
    from cnnbook.book import build as cli_book

    folder = project_folder()
    names = cli_book.chapter_names(folder)
    chosen = [choose(name, names, "chapter") for name in chapters or names]
    try:
        if kept:
            cli_book.make_pages(folder, cli_book.read_kept(folder, chosen), typer.echo)
        elif update:
            cli_book.update_chapters(folder, chosen, typer.echo)
        else:
            cli_book.make_book(folder, chosen, typer.echo)
    except (cli_book.BookError, OSError) as error:
        raise fail(str(error)) from None


@app.command()
def claims(
    update: Annotated[
        bool, typer.Option("--update", help="Rewrite the figures of the prose from the record.")
    ] = False,
) -> None:
    """Show every claim, and compare the prose with the record."""
    from cnnbook.book import build as cli_book

    folder = project_folder()
    typer.echo(cli_book.show_claims(folder))
    changes = cli_book.refresh_prose(folder, write=update)
    for line in changes:
        typer.echo(f"prose: {line}")
    missing = [line for line in changes if "not in the record" in line]
    if missing or (changes and not update):
        raise fail(f"{len(changes)} figures differ from the record; run `make claims`.")


def main() -> None:
    """Run the command line."""
    app()
