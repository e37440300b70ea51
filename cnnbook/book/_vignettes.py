"""Which small picture stands for which chapter, and for which network of the live pages?"""

import math
from collections.abc import Callable

from cnnbook.book import _vignettes_of_learning as learning
from cnnbook.book import _vignettes_of_networks as networks
from cnnbook.book._shapes import CAT, arrow, dot, line, path, picture, pixel, pixels, rect

CHAPTERS: tuple[Callable[[], str], ...] = (
    learning.goal,
    learning.convolution,
    learning.pooling,
    learning.learning,
    learning.few_links,
    learning.gradients,
    learning.fitting,
    learning.blocks,
    learning.colours,
    networks.residual,
    networks.newer,
    networks.augmentation,
    networks.transfer,
    networks.filters,
    networks.looking,
    networks.judging,
    networks.phone,
    networks.server,
    networks.machines,
    networks.boxes,
)
SOBEL = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))


def vignette(number: int) -> str:
    """Return the picture of a chapter, as SVG."""
    planned = 0 <= number < len(CHAPTERS)
    return picture(CHAPTERS[number]() if planned else networks.unknown())


def live_picture(name: str) -> str:
    """Return the picture of a live piece, as SVG."""
    return picture(PIECES[name]())


def _digits() -> str:
    """A stroke, and the maps of three layers, smaller and more, up to the answer."""
    out = rect(8, 21, 48, 48, "k", 4) + path("M22 33Q34 24 38 34T22 57H42", "lp")
    for x, count, columns, side in ((64, 2, 5, 4.4), (93, 3, 3, 5.2), (116, 5, 2, 5.2)):
        size, maps = columns * side, []
        top = 45 - (count * (size + 4) - 4) / 2
        for number in range(count):
            for i in range(columns**2):
                shade = 0.12 + 0.88 * ((number * 7 + i * i * 3 + i) % 8) / 7
                down = top + number * (size + 4) + side * (i // columns)
                maps.append(pixel(x + side * (i % columns), down, side - 0.7, "b", shade))
        out += pixels(maps)
    for i in range(10):
        out += rect(134, 13.5 + 6.4 * i, 19 if i == 2 else 4, 4, "o" if i == 2 else "g", 1)
    return out


def _kernel() -> str:
    """Sobel's nine numbers, and the edge that they find in a disc."""
    numbers, squares, found = "", [], []
    for y, row in enumerate(SOBEL):
        for x, weight in enumerate(row):
            kind = "o" if weight > 0 else "b" if weight else "t"
            squares.append(pixel(12 + 19 * x, 16.5 + 19 * y, 18, kind, 0.3 + 0.3 * abs(weight)))
            sign = f"{weight}".replace("-", "−")
            place = f'x="{21 + 19 * x}" y="{29.5 + 19 * y}"'
            numbers += f'<text {place} text-anchor="middle" class="num">{sign}</text>'
    for y in range(9):
        for x in range(9):
            slope = _slope(x - 4, y - 4)
            kind = "o" if slope > 0.05 else "b" if slope < -0.05 else "t"
            shade = min(1, 0.2 + abs(slope)) if kind != "t" else 1
            found.append(pixel(95 + 6.4 * x, 16.5 + 6.4 * y, 5.7, kind, shade))
    return pixels(squares) + numbers + arrow(76, 45, 12) + pixels(found)


def _slope(x: float, y: float) -> float:
    """Return how fast a disc turns brighter to the right."""
    distance = math.hypot(x, y)
    return -x / max(distance, 1) * math.exp(-((distance - 2.9) ** 2) / 0.9)


def _photo() -> str:
    """A heat map under the drawing of a cat, and five answers of which one leads."""
    out = rect(10, 11, 74, 68, "s", 4)
    for y in range(5):
        for x in range(6):
            heat = math.exp(-((x - 2.5) ** 2 + (y - 1.6) ** 2) / 2.4)
            if heat > 0.04:
                out += rect(12.5 + 11.6 * x, 14 + 12.6 * y, 11, 12, "o", 1.5, heat)
    eyes = dot(37.5, 50, 3, "k") + dot(56.5, 50, 3, "k")
    outline = f'<g transform="translate(47,46) scale(2.1)">{path(CAT, "lk half")}</g>'
    out += outline + eyes + path("M44 58l3 3 3-3", "lk")
    for i, width in enumerate((48, 26, 14, 8, 5)):
        out += rect(97, 17 + 12.6 * i, 52, 6, "t", 2)
        out += rect(97, 17 + 12.6 * i, width, 6, "b" if i else "o", 2)
    return out


def _train() -> str:
    """The loss at three learning rates, and the slider that sets the rate."""
    xs = range(14, 147, 6)
    rates = (("lg", 90.0, 0.0), ("lb", 24.0, 0.0))
    out = "".join(
        line([(x, 62 - 48 * math.exp(-(x - 14) / fall) + up) for x in xs], kind)
        for kind, fall, up in rates
    )
    zigzag = [(14 + 11 * i, 34 - (-1) ** i * (4 + 2.6 * i)) for i in range(9)]
    out += line(zigzag, "lo thin")
    return out + path("M14 78H146", "lg") + path("M14 78H62", "lb") + dot(62, 78, 5.5, "b")


def _latent() -> str:
    """A plane with three crowds, a ring in it, and the digit that is drawn there."""
    out = rect(8, 11, 68, 68, "s", 4)
    for x, y, kind in ((23, 26, "b"), (56, 32, "k"), (28, 61, "g")):
        for i in range(9):
            far, turn = 2.6 * math.sqrt(1 + 2 * i), 2.4 * i
            out += dot(x + far * math.cos(turn), y + far * math.sin(turn), 1.9, kind)
    out += f'<circle cx="42" cy="45" r="6.5" class="lo"/>{arrow(83, 45, 13)}'
    rows = ("234321", "520034", "000143", "024420", "000145", "100015", "420034", "345531")
    shades = [
        pixel(107 + 7 * x, 17 + 7 * y, 6.3, "k", int(shade) / 5)
        for y, row in enumerate(rows)
        for x, shade in enumerate(row)
        if shade != "0"
    ]
    return out + pixels(shades)


PIECES: dict[str, Callable[[], str]] = {
    "digits": _digits,
    "kernel": _kernel,
    "photo": _photo,
    "train": _train,
    "latent": _latent,
}
