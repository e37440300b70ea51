"""Where can one get pictures of which every box and every pixel is known? Paste them together.

Each scene is a piece of a photograph, grey, dimmed and turned by quarters, with digits on it, each
lighter than the photograph at its place. So boxes and masks are exact, and all can be read; but no
brightness tells what is a digit, because a dark place has darker ones.

Source: pasting what one knows onto photographs as in Dwibedi, Misra & Hebert (2017), "Cut, Paste
and Learn: Surprisingly Easy Synthesis for Instance Detection", https://arxiv.org/abs/1708.01642.

Differs from the paper: the edges are not blended further; digits are soft at their edges already.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnnbook._checks import checked
from cnnbook.boxes import intersection_over_union

DIM = 0.6  # what the photograph is multiplied by, so that it is nowhere above 153
CONTRAST = 90  # how much lighter a digit is than its place, at least
INK = 64  # what of a digit counts as ink, of 255: its box encloses these pixels
TRIES = 60  # places for one digit, and arrangements of one scene


class Scenes(NamedTuple):
    """Scenes, and what is on them.

    Attributes:
        images: (count, side, side, 1) uint8, grey.
        boxes: For each scene (digits, 4) float32: left, top, right, bottom in pixels. Edges lie
            between pixels: a digit in columns 3 and 4 goes from 3.0 to 5.0.
        classes: For each scene (digits,) integers: the label of each box.
        masks: (count, side, side) uint8: 0 is the photograph, and 1 + label is a digit.
    """

    images: np.ndarray
    boxes: list[np.ndarray]
    classes: list[np.ndarray]
    masks: np.ndarray


@checked
def make_scenes(
    digits: np.ndarray,
    labels: np.ndarray,
    photos: Sequence[np.ndarray],
    count: int,
    side: int = 96,
    *,
    num_digits: tuple[int, int] = (2, 6),
    sizes: tuple[int, int] = (14, 40),
    max_iou: float = 0.3,
    seed: int = 0,
) -> Scenes:
    """Paste digits onto pieces of photographs.

    Args:
        digits: (count, height, width[, 1]) uint8, light on black, none of them empty.
        labels: (count,) whole numbers, 0 to 254.
        photos: Arrays (height, width[, 1 or 3]) uint8, none smaller than a scene.
        count: How many scenes; 0 or more.
        side: Height and width of a scene in pixels.
        num_digits: The fewest and the most digits on one scene; 0 or more.
        sizes: The smallest and the largest longer side of a box in pixels, at most `side`.
        max_iou: How far two boxes may overlap, as intersection over union, 0 to 1.
        seed: The same seed gives the same scenes; 0 or more.

    Returns:
        Scenes. Small digits lie above large ones. With no scenes, lists and arrays are empty.

    Raises:
        ValueError: If an argument is outside what is said above, or the digits find no room.

    Example:
        >>> bar = np.zeros((1, 8, 8), "uint8")
        >>> bar[:, :, 3:5] = 255  # a bar of two columns, four times as high as wide
        >>> photo = np.zeros((50, 60), "uint8")
        >>> scenes = make_scenes(bar, [1], [photo], 3, 40, num_digits=(2, 2), sizes=(16, 16))
        >>> scenes.images.shape, scenes.boxes[0][:, 2:] - scenes.boxes[0][:, :2]
        ((3, 40, 40, 1), array([[ 4., 16.],
               [ 4., 16.]], dtype=float32))
    """
    digits, labels = _check_digits(np.asarray(digits), np.asarray(labels))
    greys = [_grey(np.asarray(photo), side) for photo in photos]
    if not greys:
        raise ValueError("`photos` is empty; scenes need at least one photograph.")
    _check_limits(count, side, num_digits, sizes, max_iou, seed)
    images = np.zeros((count, side, side, 1), "uint8")
    masks = np.zeros((count, side, side), "uint8")
    boxes, classes = [], []
    for place in range(count):
        random = np.random.default_rng((seed, place))
        image = DIM * _cut_out(greys[random.integers(len(greys))], side, random)
        number = random.integers(num_digits[0], num_digits[1] + 1)
        chosen = random.integers(len(digits), size=number)
        long = np.sort(random.integers(sizes[0], sizes[1] + 1, size=number))[
            ::-1
        ]  # large ones first
        inks = [_ink_of(digits[it], side) for it, side in zip(chosen, long, strict=True)]
        its_boxes = _arrange([ink.shape for ink in inks], side, max_iou, random)
        for ink, box, label in zip(inks, its_boxes.astype(int), labels[chosen], strict=True):
            there = np.s_[box[1] : box[3], box[0] : box[2]]
            ground = np.average(image[there], weights=ink)  # where its strokes will be
            shade = random.uniform(min(ground + CONTRAST, 255), 255)
            image[there] += ink / 255 * (shade - image[there])
            masks[place][there][ink > 127] = 1 + label
        images[place, ..., 0] = image.round()
        boxes.append(its_boxes)
        classes.append(labels[chosen])
    return Scenes(images, boxes, classes, masks)


def _grey(photo: np.ndarray, side: int) -> np.ndarray:
    """Return (height, width) float, the mean of the colours."""
    if (
        photo.dtype != np.uint8
        or photo.ndim not in (2, 3)
        or photo.shape[2:] not in ((), (1,), (3,))
    ):
        raise ValueError(
            "`photos` must be arrays (height, width, 3 or 1) uint8; one is"
            f" {photo.dtype} of shape {photo.shape}. Of a single photograph pass [photo]."
        )
    if min(photo.shape[:2]) < max(side, 1):
        words = f"`photos` must not be smaller than a scene, {side} pixels a side; one is"
        raise ValueError(f"{words} {photo.shape[0]}×{photo.shape[1]}. Make `side` smaller.")
    return photo.mean(axis=2) if photo.ndim == 3 else photo.astype(float)


def _cut_out(photo: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    """Return a random square of a photograph, resized to a scene, turned and mirrored."""
    length = random.integers(side, min(photo.shape) + 1)
    top, left = (random.integers(its - length + 1) for its in photo.shape)
    piece = Image.fromarray(photo[top : top + length, left : left + length].astype("uint8"))
    piece = piece.resize((side, side), Image.Resampling.BILINEAR)
    turned = np.rot90(np.asarray(piece, float), int(random.integers(4)))
    return turned[:, :: random.choice((-1, 1))].copy()


def _ink_of(digit: np.ndarray, long: int) -> np.ndarray:
    """Cut out what is ink, and make its longer side `long` pixels."""
    rows, columns = (np.flatnonzero((digit >= INK).any(axis=axis)) for axis in (1, 0))
    ink = Image.fromarray(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = long / max(ink.size)
    width, height = (max(1, round(scale * its)) for its in ink.size)
    return np.asarray(ink.resize((width, height), Image.Resampling.BILINEAR), float)


def _arrange(
    shapes: list[tuple[int, ...]], side: int, max_iou: float, random: np.random.Generator
) -> np.ndarray:
    """Find a place for each, so that no two overlap too far; begin again where one finds none."""
    for _ in range(TRIES):
        boxes = np.zeros((0, 4), "float32")
        for height, width in shapes:
            for _ in range(TRIES):
                left, top = random.integers(side - width + 1), random.integers(side - height + 1)
                box = np.array([[left, top, left + width, top + height]], "float32")
                if (intersection_over_union(box, boxes) <= max_iou).all():
                    boxes = np.concatenate([boxes, box])
                    break
        if len(boxes) == len(shapes):
            return boxes
    raise ValueError(
        f"`num_digits`, `sizes` and `side` leave no room: {len(shapes)} digits of up to"
        f" {max(map(max, shapes))} pixels on {side}×{side}, `max_iou` {max_iou}. Take fewer digits."
    )


def _check_digits(digits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (count, height, width) and labels, or refuse them."""
    pictures = digits[..., 0] if digits.shape[3:] == (1,) else digits
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or not len(pictures):
        raise ValueError(
            "`digits` must be (count, height, width[, 1]) uint8, at least one; got"
            f" {digits.dtype} of shape {digits.shape}. Make values of 0 to 1 (255 * digits)"
            ".astype('uint8')."
        )
    if not (pictures.max(axis=(1, 2), initial=0) >= INK).all():
        empty = int((pictures.max(axis=(1, 2), initial=0) < INK).argmax())
        raise ValueError(f"`digits` must be light on black; number {empty} has no pixel of {INK}.")
    if labels.shape != digits.shape[:1] or labels.dtype.kind not in "iu":
        words = f"`labels` must be {len(digits)} whole numbers, one a digit; got"
        raise ValueError(f"{words} {labels.dtype} of shape {labels.shape}.")
    if labels.min() < 0 or labels.max() > 254:
        words = "`labels` must be 0 to 254, because masks are uint8; got"
        raise ValueError(f"{words} {labels.min()} to {labels.max()}.")
    return pictures, labels


def _check_limits(
    count: int,
    side: int,
    num_digits: tuple[int, int],
    sizes: tuple[int, int],
    max_iou: float,
    seed: int,
) -> None:
    if count < 0 or seed < 0:
        raise ValueError(f"`count` and `seed` must be 0 or more; got {count} and {seed}.")
    if not 0 <= num_digits[0] <= num_digits[1]:
        words = "`num_digits` must be (fewest, most), 0 or more"
        raise ValueError(f"{words}; got {num_digits}. (2, 6) is usual.")
    if not 1 <= sizes[0] <= sizes[1] <= side:
        words = f"`sizes` must be (smallest, largest), 1 to `side`, {side}"
        raise ValueError(f"{words}; got {sizes}. (14, 40) is usual.")
    if not 0 <= max_iou <= 1:
        raise ValueError(f"`max_iou` must be 0 to 1; got {max_iou}. 0 lets no two boxes overlap.")
