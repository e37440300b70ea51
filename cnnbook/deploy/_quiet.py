"""What files for other programs have in common, written or read: silence, and images that fit."""

import contextlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnbook._checks import as_array_of_any

ONE_AT_A_TIME = threading.RLock()  # two at once would put back each other's silence


class Silenced:
    """An output that says nothing for a while; a log handler may keep it, and speaks afterwards."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.is_silent = stream, True

    def write(self, text: str) -> int:
        """Write it, or do as if."""
        return len(text) if self.is_silent else self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence Python and the libraries below it, which write to the process' own outputs."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(ONE_AT_A_TIME)
        sink = stack.enter_context(Path(os.devnull).open("w"))
        for name in ("stdout", "stderr"):
            if stream := getattr(sys, name):  # a program without a console has none
                stream.flush()
                silenced = Silenced(stream)
                stack.callback(setattr, silenced, "is_silent", False)
                stack.callback(setattr, sys, name, stream)
                setattr(sys, name, silenced)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):  # the converters add to them
                stack.callback(setattr, logger, "handlers", logger.handlers[:])
                stack.callback(logger.setLevel, logger.level)
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.ERROR)
        for number in (1, 2):
            with contextlib.suppress(OSError):  # closed
                copy = os.dup(number)
                stack.callback(os.close, copy)
                stack.callback(os.dup2, copy, number)
                os.dup2(sink.fileno(), number)
        yield


def first_line(error: Exception) -> str:
    """Return what an error of another library says, as far as it fits into ours."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def check_given_images(
    images: np.ndarray, image_shape: tuple[int, ...], name: str = "images"
) -> np.ndarray:
    """Refuse what the network would take for something else."""
    images = as_array_of_any(images)
    wanted = tuple(int(side) for side in image_shape)
    if images.shape[1:] != wanted or images.dtype.kind not in "uif" or not len(images):
        raise ValueError(
            f"`{name}` must be at least one image {wanted} of numbers, in an array; got"
            f" {images.dtype} of shape {images.shape}. Resize; one image alone is `image[None]`."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise ValueError(f"`{name}` must be finite; got nan or inf. Look for what made them.")
    return images
