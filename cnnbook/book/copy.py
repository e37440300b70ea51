"""How does one take a single file along? It is written so that it stands alone, with its tests."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from cnnbook._checks import checked
from cnnbook.book._copies import copied_module, copied_tests
from cnnbook.book._files import write_whole

PACKAGE = Path(__file__).resolve().parents[1]
MACHINERY = ("command", "book")  # no reader takes these along, but `claims`


def list_modules() -> dict[str, dict[str, str]]:
    """Return what can be copied: room, name, and the question that the file answers."""
    rooms: dict[str, dict[str, str]] = {}
    for name, path in _offered().items():
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        words = " ".join(docstring.split())
        sentence = re.match(r".*?[.?!](?=\s|$)", words)
        rooms.setdefault(path.parent.name, {})[name] = sentence[0] if sentence else words
    return rooms


@checked
def copy_modules(names: Sequence[str], folder: Path, force: bool = False) -> list[str]:
    """Write modules as files that stand alone, and the tests of each beside it: all or none.

    Returns:
        A line for each file: what it needs.

    Raises:
        ValueError: If there is no module of a name, or two would be one file.
        OSError: If a file is there already, unless `force` is set, or cannot be written.
    """
    files: dict[Path, str] = {}
    lines = []
    for name in names:
        for file, (text, line) in copy_of(name).items():
            if folder / file in files:
                raise ValueError(f"Two modules would be {file}: copy them into two folders.")
            files[folder / file] = text
            lines.append(f"{folder / file}: {line}")
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        words = f"Nothing was written, for this is there already: {', '.join(there)}"
        raise FileExistsError(f"{words}. Take another folder with --to, or overwrite with --force.")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(files)
    return lines


def copy_of(name: str) -> dict[str, tuple[str, str]]:
    """Return the files that a module becomes, each with its text and what it needs.

    A ValueError says that there is no module of this name.
    """
    path = _path_of(name)
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    flat, text, needed, reader = copied_module(module, path, PACKAGE)
    note = "; the data that comes with cnnbook, its folder data/, is not in it" if reader else ""
    tests = _tests_of(path)
    if tests is None:
        return {path.name: (text, f"{needed}{note}; no tests of it came with cnnbook")}
    beside = copied_tests(tests, flat, path.stem, reader)
    return {path.name: (text, needed + note), tests.name: beside}


def _offered() -> dict[str, Path]:
    """Return the modules that can be copied; of a name in two rooms, each with its room."""
    every = sorted(PACKAGE.glob("*.py")) + sorted(PACKAGE.glob("*/*.py"))
    paths = [path for path in every if path.name[0] != "_" and path.parent.name not in MACHINERY]
    paths.append(PACKAGE / "book" / "claims.py")
    often = Counter(path.stem for path in paths)
    return {
        path.stem if often[path.stem] == 1 else f"{path.parent.name}/{path.stem}": path
        for path in paths
    }


def _path_of(name: str) -> Path:
    offered = _offered()
    every = offered | {f"{path.parent.name}/{path.stem}": path for path in offered.values()}
    if name in every:
        return every[name]
    near = get_close_matches(name, every, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no module {name!r}.{hint} `cnnbook copy` lists them.")


def _tests_of(path: Path) -> Path | None:
    """Find the tests of a module: in the repository, or in an installed package."""
    for tests in (PACKAGE / "_tests", PACKAGE.parent / "tests"):
        file = tests / path.parent.relative_to(PACKAGE) / f"test_{path.stem}.py"
        if file.is_file():
            return file
    return None
