"""Is a picture of a notebook a chart on a ground, or a photograph that fills it?"""

import base64
import io

import numpy as np
from PIL import Image

from cnnbook.book._kernel import Node

GROUND = 0.6  # a chart leaves more of its ground free
COLORS = 10_000  # more than letters and lines have with their soft rims


def picture_of(output: Node) -> bytes | None:
    """Return the picture that an output of a cell has, PNG or JPEG."""
    data = output.get("data", {})
    text = data.get("image/png") or data.get("image/jpeg")
    return base64.b64decode(text) if text else None


def is_photo(content: bytes) -> bool:
    """Tell photographs and maps from charts: little free ground, or many colours."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    pixels = np.asarray(picture).reshape(-1, 4)
    free = (pixels[:, 3] < 8) | (pixels[:, :3].min(axis=1) > 248)
    codes = pixels[:, :3].astype("uint32") @ np.array([65536, 256, 1], "uint32")
    return bool(free.mean() < GROUND or len(np.unique(codes)) > COLORS)
