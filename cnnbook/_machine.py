"""What is the machine to blame for, and not a file? What may it use, where do variables lead?"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from cnnbook._checks import shown

# Of TensorFlow, which keeps no number of the operating system's.
NO_MEMORY = ("ResourceExhaustedError",)
NOT_NOW = ("PermissionDeniedError", "UnavailableError", "DeadlineExceededError", "AbortedError")


def folder_of(variable: str, default: str = "") -> Path:
    """Return the folder that a variable of the environment names, the same for every program.

    A relative path is looked for in the working folder and in those above it: chapters run in
    notebooks/, commands in the folder above.
    """
    return found_above(Path(os.environ.get(variable) or default).expanduser())


def found_above(path: Path) -> Path:
    """Return a path, a relative one in the working folder or in the nearest above that has it."""
    here = Path.cwd()
    found = (above / path for above in (here, *here.parents) if (above / path).exists())
    return next(found, here / path)


def embedded_folders() -> list[Path]:
    """Return where the data that comes with the book may be: in the package, or beside it."""
    here = Path(__file__).resolve()
    return [here.parent / "_data", here.parents[min(1, len(here.parents) - 1)] / "data"]


def embedded_file(name: str) -> Path:
    """Return a file of the data that comes with the book, such as "photos/chelsea.png".

    Raises:
        FileNotFoundError: If it is not there; the message says where it was looked for.
    """
    places = [folder / name for folder in embedded_folders()]
    for place in places:
        if place.is_file():
            return place
    looked = " or ".join(shown(place) for place in places)
    advice = "take the folder data/ of the cnnbook repository along"
    raise FileNotFoundError(f"{looked} is not there; {advice}.")


def usable_cores(groups: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> int:
    """Return how many cores this process may use, which may be fewer than the machine has.

    A container is given time rather than cores, of 1.5 cores for example, which counts as 2. Linux
    writes that into a file of the process' control group (version 2), or of one above it.
    """
    has_set = hasattr(os, "sched_getaffinity")  # not on Windows, not on macOS
    cores = len(os.sched_getaffinity(0)) if has_set else os.cpu_count() or 1
    text = Path(own).read_text() if Path(own).is_file() else ""
    group = Path(groups, *re.findall(r"^0::/(.*)$", text, re.MULTILINE))
    for folder in (group, *group.parents):
        limit = folder / "cpu.max"
        quota, *period = limit.read_text().split() if limit.is_file() else ["max"]
        if quota != "max":
            cores = min(cores, math.ceil(int(quota) / int(period[0])))
    return cores


def sweep(left: Iterable[Path]) -> None:
    """Remove files and folders that processes which were killed more than a day ago have left."""
    for path in left:
        with contextlib.suppress(OSError):  # another process was faster, or owns it
            if time.time() - path.stat().st_mtime > 24 * 3600:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def reason_of(error: BaseException) -> str:
    """Say on one line what an error says."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(reason.split()).rstrip(".")


def kind_and_reason(error: BaseException) -> str:
    """Say the kind of an error, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def not_the_file(error: Exception, path: object) -> Exception | None:
    """Return the error to raise where memory, permissions, a disk or a network is to blame.

    What the operating system refuses has a number, which the result keeps. What a decoder says of
    damaged content has none (or EINVAL, where it looks for a place before the start): that is None.
    """
    number, kind = getattr(error, "errno", None), type(error).__name__
    if isinstance(error, MemoryError) or kind in NO_MEMORY:
        advice = "close other programs, or take a machine with more"
        return MemoryError(f"There is not enough memory to read {shown(path)}: {advice}.")
    if number in (None, errno.EINVAL) and kind not in NOT_NOW:
        return None
    reason = f"cannot be read now ({reason_of(error)})"
    advice = "That is no fault of its content: see to its name, permissions, disk or network."
    told = type(OSError(number or 0, ""))(f"{shown(path)} {reason}. {advice}")
    told.errno = number or 0
    return told
