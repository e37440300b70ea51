"""What all commands share: how one fails, which names there are, what must be installed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

import typer


def fail(message: str) -> typer.Exit:
    """Print one clear message to stderr; the caller raises the exit status 1."""
    with suppress(OSError):  # the terminal may be gone
        typer.secho(message, fg="red", err=True)
    return typer.Exit(1)


def choose(word: str, choices: Iterable[str], what: str) -> str:
    """Return the word, or fail and name the nearest choice."""
    choices = list(choices)
    if word in choices:
        return word
    near = get_close_matches(word, choices, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise fail(f"There is no {what} {word!r}.{hint} Choices: {', '.join(choices)}.")


def require_extra(extra: str, packages: Iterable[str]) -> None:
    """Fail, and say which extra has what is missing, before any work is done."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise fail(f"This needs {', '.join(missing)}: pip install 'cnnbook[{extra}]'")


def project_folder() -> Path:
    """Find the folder that has notebooks/source, from here upwards, or around the package."""
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        if (folder / "notebooks" / "source").is_dir():
            return folder
    advice = "They come with the repository: clone it, and run this command in its folder"
    raise fail(f"The chapters are not here. {advice}.")
