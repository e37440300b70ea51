"""From the bytes of a picture, alone or in a form, to the most probable classes."""

from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from cnnbook._decode import as_rgb, load_picture
from cnnbook._machine import not_the_file, reason_of
from cnnbook.center_crop import center_crop
from cnnbook.deploy._serve_networks import ServedNetwork

MOST_PIXELS = 25_000_000  # 100 MB in Pillow; a telephone's photo has 12 million


def read_picture(content: bytes, network: ServedNetwork) -> np.ndarray:
    """Return what a network gets of a picture, (1, height, width, channels) float32, 0 to 255."""
    try:
        picture = as_rgb(load_picture(content, max_pixels=MOST_PIXELS))
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        if told := not_the_file(error, "the picture"):
            raise told from error
        reason = reason_of(error)[:100]
        raise HTTPException(400, f"the body is no picture that can be read ({reason})") from None
    height, width, channels = network.image_shape
    grey = picture.convert("L") if channels == 1 else picture
    image = center_crop(grey, (height, width), network.share, resample=network.resample)
    return image.reshape(1, *network.image_shape).astype("float32")


def best_classes(logits: np.ndarray, network: ServedNetwork, top: int) -> list[dict[str, Any]]:
    """Return the most probable classes of one row, the most probable first."""
    shares = logits.astype("float64")
    if not (shares.min() >= 0 and abs(shares.sum() - 1) < 1e-3):  # else they are probabilities
        shares = np.exp(shares - shares.max())
        shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")[:top]
    names = network.class_names
    return [{"index": int(k), "class": names[k], "probability": float(shares[k])} for k in best]


def picture_in_form(content: bytes, content_type: str) -> bytes:
    """Return the first file of a form, as `curl -F` sends it; what it is called does not matter."""
    from python_multipart import FormParser
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import parse_options_header

    files: list[bytes] = []

    def keep(file: Any) -> None:
        file.file_object.seek(0)
        files.append(file.file_object.read())

    kind, options = parse_options_header(content_type)
    in_memory = {"MAX_MEMORY_FILE_SIZE": len(content) + 1}  # nothing goes to the disk
    try:
        form = FormParser(
            kind.decode("latin-1"),
            lambda field: None,
            keep,
            boundary=options.get(b"boundary"),
            config=in_memory,
        )
        form.write(content)
        form.finalize()
    except (FormParserError, ValueError):
        raise HTTPException(400, "the form is damaged, or has no boundary") from None
    if not files:
        raise HTTPException(400, "the form must have a file: curl -F picture=@cat.jpg")
    return files[0]
