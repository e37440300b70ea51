"""What files for other programs have in common, written or read: silence, and images that fit."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnbook._checks import as_array_of_any


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence Python and the libraries below it, which write to the process' own outputs."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Path(os.devnull).open("w"))
        stack.enter_context(contextlib.redirect_stdout(sink))
        stack.enter_context(contextlib.redirect_stderr(sink))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.ERROR)
        for number in (1, 2):
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
    return images
