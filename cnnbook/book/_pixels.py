"""Which pictures has a cell, and is each a chart on a ground or a photograph that fills it?"""

import base64
import io
from copy import deepcopy

import numpy as np
from PIL import Image

from cnnbook.book._kernel import Node
from cnnbook.book._pictures import picture_text

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


def pictures_apart(cell: Node, section: str, below: str = "") -> list[Node]:
    """Give each picture of a code cell a cell of its own, with a kind and a text for the blind.

    A chart is turned for the dark, a photograph is not. What is printed goes before the picture
    that follows it. `hide-input` becomes `drawing`, which the notebook's own folds do not know.
    """
    groups, pictures = [list[Node]()], list[bytes]()
    for output in cell.outputs:
        groups[-1].append(output)
        if picture := picture_of(output):
            pictures.append(picture)
            groups.append([])
    if not groups[-1] and pictures:
        groups.pop()
    parts = []
    for number, outputs in enumerate(groups):
        part = deepcopy(cell)
        part.outputs = outputs
        tags = ["drawing" if tag == "hide-input" else tag for tag in cell.metadata.get("tags", ())]
        tags += ["remove-input"] * bool(number)
        if number < len(pictures):
            if not {"photo", "chart"} & set(tags):
                tags.append("photo" if is_photo(pictures[number]) else "chart")
            text = picture_text(cell, section, number, below)
            part.metadata["mystnb"] = {"image": {"alt": text}}
        if tags:
            part.metadata["tags"] = tags
        parts.append(part)
    return parts
