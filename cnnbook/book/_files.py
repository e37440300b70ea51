"""How are the files of the book read and written, so that each is whole at every moment?"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from cnnbook._checks import shown

SECONDS_OF_A_LEFT_OVER = 3_600  # what is younger may be at work, if its process is not gone
MOST_OF_A_LINE = 400
PARTS = ".*.[0-9]*.partial"
RESTORE = "`git checkout` brings back the last one that was whole"


class BookError(Exception):
    """The book could not be made; the message says why, in one line."""


def in_one_line(text: object) -> str:
    """Return a text without line breaks, and not too long for a message."""
    words = " ".join(str(text).split())
    return words if len(words) <= MOST_OF_A_LINE else f"{words[: MOST_OF_A_LINE - 4]} ..."


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write files beside, then rename them: whatever ends this, each is the old one or the new.

    They keep their modes, and links stay links. What killed runs left beside them is removed.
    """
    beside: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            target = path.resolve()
            sweep(target.parent, PARTS)
            part = beside[target] = target.with_name(f".{target.name}.{os.getpid()}.partial")
            part.write_text(text, encoding="utf-8", newline="")
            if target.exists():
                shutil.copymode(target, part)
        for target, part in beside.items():
            part.replace(target)
    finally:
        for part in beside.values():
            part.unlink(missing_ok=True)


def sweep(folder: Path, *patterns: str) -> None:
    """Remove what runs that were killed left behind: `pages-PID-...`, `.NAME.PID.partial`."""
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        try:
            young = time.time() - path.stat().st_mtime < SECONDS_OF_A_LEFT_OVER
            process = re.search(r"[-.](\d+)(?:-|\.partial$)", path.name)
            if young and not (process and os.name == "posix" and _is_gone(int(process[1]))):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:  # another run was quicker, or it is not ours to remove
            continue


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


@contextmanager
def locked(build: Path) -> Iterator[None]:
    """Let one process at a time write the kept notebooks, their record, or the pages."""
    with FileLock(build / "book.lock", timeout=120):
        yield


def read_text(path: Path) -> str:
    """Read a text with its line ends as they are; a BookError says where it is not UTF-8."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = f"the byte {content[error.start]:#04x} is not UTF-8"
        raise BookError(f"{shown(path)}, line {line}: {fault}; save the file as UTF-8.") from None


def read_json(path: Path) -> Any:
    """Read JSON; a BookError says where it is broken, and what to do."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        conflict = re.search(r"^(<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE)
        place, fault = f"line {error.lineno}, column {error.colno}", error.msg
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            place, fault = f"line {line}, column 1", "a merge conflict is not resolved"
    raise BookError(f"{shown(path)}, {place}: {fault}; {RESTORE}.")
