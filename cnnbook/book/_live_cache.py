"""Which scripts of numbers were made before, and need not be made again?

Each group of scripts is kept by the hash of all that goes into it, and made in a process of its
own, in the environment that chapters have: Keras says much when it starts, and takes its room.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnnbook._machine import embedded_file
from cnnbook.book._files import BookError
from cnnbook.book._python import last_words, run_python

PACKAGE = Path(__file__).parents[1]


class Group(NamedTuple):
    """Scripts that are made together, and of what."""

    make: Callable[[], Mapping[str, str]]  # of a module's top level
    ingredients: tuple[str, ...] = ()  # files of the package, beside that of `make`
    data: tuple[str, ...] = ()  # files of the embedded data
    packages: tuple[str, ...] = ()


def write_data(groups: Mapping[str, Group], folder: Path, cache: Path | None) -> None:
    """Write all scripts into a folder; take from the cache what has not changed."""
    with TemporaryDirectory() as temporary:
        for name, group in groups.items():
            kept = (cache or Path(temporary)) / f"{name}-{_hash_of(group)}"
            if not kept.is_dir():
                _make_and_keep(name, group, kept)
            shutil.copytree(kept, folder, dirs_exist_ok=True)


def _make_and_keep(name: str, group: Group, kept: Path) -> None:
    """Make the scripts beside, then rename: another process may be making the same."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=kept.parent, prefix=".making-") as beside:
        part = Path(beside, "scripts")
        part.mkdir()
        _make(group, part, Path(beside))
        for old in set(kept.parent.glob(f"{name}-*")) - {kept}:
            shutil.rmtree(old, ignore_errors=True)
        try:
            part.rename(kept)
        except OSError:
            if not kept.is_dir():  # where it is, the other process was faster
                raise


def _make(group: Group, folder: Path, temporary: Path) -> None:
    """Let another process make the scripts of a group."""
    module, name = group.make.__module__, group.make.__name__
    code = f"from cnnbook.book._live_cache import write; from {module} import {name} as make"
    run = run_python(temporary, "-c", f"{code}; write(make(), {str(folder)!r})")
    if run.returncode:
        raise BookError(f"the live pages' {name} could not be made: {last_words(run)}")


def write(texts: Mapping[str, str], folder: str) -> None:
    """Write the scripts of a group."""
    for name, text in texts.items():
        Path(folder, name).write_text(text, encoding="utf-8", newline="\n")


def _hash_of(group: Group) -> str:
    content = hashlib.sha256()
    for file in ("book/_live_data.py", *group.ingredients):
        content.update((PACKAGE / file).read_bytes())
    for file in group.data:
        content.update(data_file(file).read_bytes())
    for package in group.packages:
        content.update(f"{package} {_installed(package)}".encode())
    return content.hexdigest()[:16]


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def data_file(name: str) -> Path:
    """Find a file of the embedded data, or say as the book's command does that it is missing."""
    try:
        return embedded_file(name)
    except FileNotFoundError as error:
        raise BookError(str(error)) from None
