"""Which part of a picture does a network see? The middle, with nothing squeezed.

Networks for ImageNet are used to such windows: to the largest one, or to 0.875 of its side, which
is 224 of 256 pixels.
"""

from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from cnnbook._checks import checked

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
CHANNELS = ((), (1,), (3,))


@checked
def center_crop(
    image: Image.Image | np.ndarray,
    image_size: tuple[int, int],
    share: float = 1.0,
    *,
    resample: Literal["bilinear", "bicubic"] | None = "bilinear",
) -> np.ndarray:
    """Cut out the window in the middle that has the proportions of `image_size`, and resize it.

    Args:
        image: One picture of Pillow, or an array (height, width[, 1 or 3]) uint8.
        image_size: (height, width) in pixels of the result.
        share: Of the side of the largest such window; above 0, and 1 for all of it.
        resample: How Pillow resizes the window, averaging where it shrinks; None: not at all.

    Returns:
        (height, width) uint8, with the channels that `image` has.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> picture = np.zeros((60, 90, 3), "uint8")
        >>> center_crop(picture, (32, 32)).shape, center_crop(picture, (1, 1), resample=None).shape
        ((32, 32, 3), (60, 60, 3))
    """
    has_one_channel = False
    if not isinstance(image, Image.Image):
        pixels = np.asarray(image)
        is_picture = pixels.ndim > 1 and pixels.size and pixels.shape[2:] in CHANNELS
        if pixels.dtype != np.uint8 or not is_picture:
            raise ValueError(
                "`image` must be one picture, (height, width, 3 or 1) uint8; got"
                f" {pixels.dtype} of shape {pixels.shape}. Of a batch take images[0]; make values"
                " of 0 to 1 (255 * image).astype('uint8')."
            )
        has_one_channel = pixels.shape[2:] == (1,)  # which Pillow does not know
        image = Image.fromarray(pixels[..., 0] if has_one_channel else pixels)
    if min(image_size) < 1:
        raise ValueError(f"`image_size` must be (height, width), at least 1; got {image_size}.")
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be above 0 and at most 1; got {share}. 0.875 is usual.")
    if resample is not None and resample not in RESAMPLING:
        raise ValueError(f"`resample` must be 'bilinear', 'bicubic' or None; got {resample!r}.")
    height, width = image_size
    if resample:
        image = ImageOps.fit(image, (width, height), RESAMPLING[resample], (1 - share) / 2)
    else:
        scale = share * min(image.width / width, image.height / height)
        across, down = (max(1, round(scale * side)) for side in (width, height))
        left, upper = (image.width - across) // 2, (image.height - down) // 2
        image = image.crop((left, upper, left + across, upper + down))
    return np.asarray(image)[..., None] if has_one_channel else np.asarray(image)
