"""How is a folder of data made once, whatever happens meanwhile?

It is made under another name and renamed when it is complete: so a process that is killed, a disk
that is full or a second process never leave a half-made folder under the final name. A lock that
the operating system frees when its holder dies lets one process work while the others wait.

With `download` and `extract_archive` of the files beside, a data set is one line:
`prepare_folder("pets", lambda place: extract_archive(download(URL, SHA256, "downloads"), place))`.

This file stands alone: copy it, it needs only filelock.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

ONE_DAY = 24 * 3600


def prepare_folder(
    folder: str | Path,
    make: Callable[[Path], object],
    needed_bytes: int = 0,
    timeout: float = 3600,
    variable: str = "CNNBOOK_DATA",
) -> Path:
    """Make a folder of data, unless it is there.

    Args:
        folder: Its final place. If it exists it is complete, and nothing is done.
        make: Called with the path of a folder that does not exist yet, beside the final place
            (so on the same disk); makes that folder and fills it.
        needed_bytes: Free space without which `make` is not even called.
        timeout: Seconds to wait for another process that is making the same folder.
        variable: The environment variable that names another place, for the messages.

    Returns:
        The folder.

    Raises:
        OSError: If the place is read-only, the disk is (or would be) full, or another process
            does not finish in time. What `make` raises comes through. Nothing is left behind.
    """
    elsewhere = f"set {variable} to a folder on a disk with room where you may write"
    try:
        folder = Path(folder).expanduser().absolute()
    except RuntimeError:
        raise OSError(f"{folder} cannot be made (there is no home folder); {elsewhere}") from None
    try:
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock", timeout=timeout):
            if not folder.is_dir():
                sweep(folder)
                check_space(folder.parent, needed_bytes, elsewhere)
                make_and_rename(folder, make)
    except Timeout:
        raise TimeoutError(
            f"{folder} is being made by another process for more than {timeout:g} seconds; wait"
            " for it or end it, and try again."
        ) from None
    except OSError as error:
        if error.errno not in (13, 28, 30, 122):  # EACCES, ENOSPC, EROFS, EDQUOT
            raise
        raise OSError(
            error.errno, f"{folder} cannot be made ({error.strerror}); {elsewhere}, and try again"
        ) from error
    return folder


def make_and_rename(folder: Path, make: Callable[[Path], object]) -> None:
    """Let `make` work in a temporary folder, and rename the result."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.incomplete-", dir=folder.parent))
    try:
        make(temporary / "content")
        (temporary / "content").replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed more than a day ago left beside the folder."""
    for path in folder.parent.glob(f".{folder.name}.incomplete-*"):
        if time.time() - path.stat().st_mtime > ONE_DAY:
            shutil.rmtree(path, ignore_errors=True)


def check_space(place: Path, needed_bytes: int, elsewhere: str) -> None:
    """Raise before the work where the disk has no room for its result."""
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        raise OSError(
            f"Not enough disk space in {place}: {needed_bytes:,} bytes are needed, {free:,} are"
            f" free; {elsewhere}, or remove something."
        )
