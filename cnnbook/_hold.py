"""Who else trains in this folder? One training at a time, until it ends or its process does."""

import sys
import weakref
from pathlib import Path
from types import FrameType

import filelock
import keras

from cnnbook._checks import shown
from cnnbook._machine import reason_of

Group = weakref.ref[keras.callbacks.CallbackList]
# The folders that trainings of this process hold, each by its lock and the callbacks of its `fit`.
HELD: dict[Path, tuple[filelock.BaseFileLock, Group]] = {}


def hold(folder: Path, group: Group) -> None:
    """Keep a folder, which is made if it is missing, for the training of one call of `fit`.

    The system frees it when the process dies. `fit` tells nobody that it was interrupted, as in a
    notebook, which then goes on living: so a training that runs no longer holds nothing.

    Raises:
        OSError: If a training that still runs holds it, here or elsewhere, or it cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() in HELD and not _is_running(HELD[folder.resolve()][1]):
            release(folder)
        lock = filelock.FileLock(folder / "training.lock", thread_local=False)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        words = f"{shown(folder)} is in use by another training, in this or another process"
        raise OSError(f"{words}. Wait for its end, or name another `folder`.") from None
    except OSError as error:
        words = f"{shown(folder)} cannot be used ({reason_of(error)})"
        raise OSError(f"{words}. `folder` must be one that can be written to.") from error
    HELD[folder.resolve()] = lock, group


def release(folder: Path) -> None:
    """Let others train in a folder."""
    lock, _ = HELD.pop(folder.resolve())
    lock.release()


def _is_running(group: Group) -> bool:
    """Tell whether some thread is within the call of `fit` that has these callbacks."""
    callbacks = group()
    for top in sys._current_frames().values():
        frame: FrameType | None = top
        while frame and callbacks:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("callbacks") is callbacks:
                return True
            frame = frame.f_back
    return False
