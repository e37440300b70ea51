"""How are the files of the book read and written, so that each is whole at every moment?"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from cnnbook._checks import shown

MOST_OF_A_LINE = 400
RESTORE = "`git checkout` brings back the last one that was whole"


class BookError(Exception):
    """The book could not be made; the message says why, in one line."""


def in_one_line(text: object) -> str:
    """Return a text without line breaks, and not too long for a message."""
    words = " ".join(str(text).split())
    return words if len(words) <= MOST_OF_A_LINE else f"{words[: MOST_OF_A_LINE - 4]} ..."


def partial_of(path: Path) -> Path:
    """Return where a file is written first; one killed there is replaced by the next run."""
    return path.with_name(f".{path.name}.partial")


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write files beside, then rename them: whatever ends this, each is the old one or the new.

    They keep their modes, and links stay links.
    """
    targets = {path.resolve(): text for path, text in texts.items()}
    beside = {target: partial_of(target) for target in targets}
    try:
        for target, part in beside.items():
            part.write_text(targets[target], encoding="utf-8", newline="")
            if target.exists():
                shutil.copymode(target, part)
        for target, part in beside.items():
            part.replace(target)
    finally:
        for part in beside.values():
            part.unlink(missing_ok=True)


def locked(build: Path) -> FileLock:
    """Let one process at a time write the kept notebooks, their record, or the pages."""
    return FileLock(build / "book.lock", timeout=600)


def read_text(path: Path) -> str:
    """Read a text with its line ends as they are; a BookError says where it is not UTF-8."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = f"the byte {content[error.start]:#04x} is not UTF-8"
        raise BookError(f"{shown(path)}, line {line}: {fault}; save the file as UTF-8.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a table of names of which none comes twice, as a bad merge leaves them."""
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BookError(f"{twice!r} is there twice")
    return dict(pairs)


def read_json(path: Path) -> Any:
    """Read JSON; a BookError says where it is broken, and what to do."""
    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except BookError as error:
        raise BookError(f"{shown(path)}: {error}; {RESTORE}.") from None
    except json.JSONDecodeError as error:
        place, fault = f"line {error.lineno}, column {error.colno}", error.msg
        if conflict := re.search(r"^(<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE):
            place = f"line {text.count(chr(10), 0, conflict.start()) + 1}, column 1"
            fault = "a merge conflict is not resolved"
        raise BookError(f"{shown(path)}, {place}: {fault}; {RESTORE}.") from None
