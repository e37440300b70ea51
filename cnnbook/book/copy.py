"""How does one take a single file along? It is written so that it stands alone, with its tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from cnnbook._checks import checked
from cnnbook.book._copies import PACKAGE, copies_of


@checked
def list_modules() -> dict[str, dict[str, str]]:
    """Return what can be copied: rooms, names, and the question that each file answers."""
    rooms: dict[str, dict[str, str]] = {}
    for path in _offered().values():
        words = " ".join((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split())
        sentence = re.match(r".*?[.?!](?=\s|$)", words)
        rooms.setdefault(path.parent.name, {})[path.stem] = sentence[0] if sentence else words
    return rooms


@checked
def copy_modules(names: Sequence[str], folder: str | Path, force: bool = False) -> list[str]:
    """Write modules as files that stand alone, and the tests of each beside it: all or none.

    Args:
        names: As `list_modules` has them, alone or as "room/name".
        folder: Made if it is missing.
        force: Whether files of these names are overwritten.

    Returns:
        A line for each file: what it needs, and what was left out.

    Raises:
        ValueError: If there is no module of a name, or two would be one file.
        OSError: If a file is there already, or cannot be written.
    """
    files: dict[Path, str] = {}
    lines = []
    for path in dict.fromkeys(map(_path_of, names)):
        for file, (text, note) in copies_of(path).items():
            target = Path(folder) / file
            if target in files:
                raise ValueError(f"Two modules would be {target}: copy them into two folders.")
            files[target] = text
            lines.append(f"{target}: {note}")
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise FileExistsError(
            f"Nothing was written, for this is there already: {', '.join(there)}."
            " Take another folder with --to, or overwrite with --force."
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    beside = {path: path.with_name(f".{path.name}.partial") for path in files}
    try:
        for path, text in files.items():
            beside[path].write_text(text, encoding="utf-8")
        for path in files:
            beside[path].replace(path)
    finally:
        for partial in beside.values():
            partial.unlink(missing_ok=True)
    return lines


def _offered() -> dict[str, Path]:
    """Return every module that a reader may want by "room/name": of book/ `claims` alone."""
    offered = {
        f"{path.parent.name}/{path.stem}": path
        for path in (*sorted(PACKAGE.glob("*.py")), *sorted(PACKAGE.glob("*/*.py")))
        if path.name[0] != "_" and path.parent.name not in ("book", "command")
    }
    return offered | {"book/claims": PACKAGE / "book" / "claims.py"}


def _path_of(name: str) -> Path:
    offered = _offered()
    found = [path for whole, path in offered.items() if name in (whole, path.stem)]
    if len(found) == 1:
        return found[0]
    if found:
        rooms = " or ".join(f"{path.parent.name}/{path.stem}" for path in found)
        raise ValueError(f"There is more than one module {name!r}: name {rooms}.")
    near = get_close_matches(name, [*offered, *(path.stem for path in offered.values())], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no module {name!r}.{hint} `cnnbook copy` lists them.")
