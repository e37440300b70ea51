"""Four photographs that come with the book, for filters, augmentation and first predictions.

A cat (Stefan van der Walt, CC0), a cup of coffee (Rachel Michetti, CC0), a rocket (SpaceX, public
domain) and a man with a camera (Lav Varshney, CC0), as scikit-image ships them.
"""

import numpy as np
from PIL import Image

from cnnbook._checks import checked
from cnnbook._machine import embedded_file

PHOTOS = {"cat": "cat.png", "coffee": "coffee.png", "rocket": "rocket.jpg", "camera": "camera.png"}


@checked
def load_photo(name: str = "cat") -> np.ndarray:
    """Load one photograph.

    Args:
        name: "cat" (300x451), "coffee" (400x600), "rocket" (427x640) or "camera" (512x512, grey).

    Returns:
        (height, width, 3) uint8 RGB; (512, 512, 1) for "camera".

    Raises:
        ValueError: If `name` is none of the four.
        FileNotFoundError: If the file is not there.
    """
    if name not in PHOTOS:
        raise ValueError(f"`name` must be one of {', '.join(PHOTOS)}; got {name!r}.")
    with Image.open(embedded_file(f"photos/{PHOTOS[name]}")) as photo:
        pixels = np.array(photo)
    return pixels[..., None] if pixels.ndim == 2 else pixels
