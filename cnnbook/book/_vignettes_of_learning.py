"""What do chapters 0 to 8 look like, each in one small picture?"""

import math
import random

from cnnbook.book._shapes import arrow, dot, line, path, pixel, pixels, rect

SEVEN = "M32 32H56C48 42 44 50 42 60"
TWO = (".......", "..###..", ".#...#.", "....#..", "...#...", "..#....", ".#####.")


def goal() -> str:
    """Chapter 0: a digit goes in, and one answer of ten stands out."""
    bars = "".join(
        rect(104, 17.5 + 5.6 * i, width, 3.8, "o" if i == 7 else "g", 1)
        for i, width in enumerate((6, 4, 9, 5, 3, 6, 4, 36, 5, 7))
    )
    return rect(16, 17, 56, 56, "k", 5) + path(SEVEN, "lp") + arrow(80, 45) + bars


def convolution() -> str:
    """Chapter 1: a window slides over a digit; each stop gives a value, the sum of its pixels."""
    ink = [[mark == "#" for mark in row] for row in TWO]
    sums = [
        [sum(ink[y + i][x + j] for i in range(3) for j in range(3)) for x in range(5)]
        for y in range(5)
    ]
    digit = (
        pixel(14 + 9 * x, 13.5 + 9 * y, 8, "b" if dark else "t")
        for y, row in enumerate(ink)
        for x, dark in enumerate(row)
    )
    answers = (
        pixel(108 + 8 * x, 25.5 + 8 * y, 7, "o", 0.08 + 0.92 * value / 5)
        for y, row in enumerate(sums)
        for x, value in enumerate(row)
    )
    window = rect(13, 12.5, 28, 28, "lo slide", 2)
    return pixels(digit) + window + arrow(85, 45) + pixels(answers)


def pooling() -> str:
    """Chapter 2: of four values the largest stays."""
    values = ((2, 7, 1, 3), (4, 1, 5, 9), (8, 3, 2, 6), (1, 2, 4, 3))
    out = []
    for top in (0, 2):
        for left in (0, 2):
            block = [(values[y][x], y, x) for y in (top, top + 1) for x in (left, left + 1)]
            for value, y, x in block:
                stays = value == max(block)[0]
                at = (22 + 15 * x + 1.5 * left, 13.5 + 15 * y + 1.5 * top)
                out.append(pixel(*at, 14, *(("o", 1) if stays else ("b", 0.12 + value / 14))))
            out.append(pixel(115 + 7.5 * left, 31 + 7.5 * top, 14, "o", 0.4 + max(block)[0] / 15))
    return arrow(93, 45) + pixels(out)


def learning() -> str:
    """Chapter 3: steps downhill, each shorter than the one before."""

    def height(w: float) -> float:
        return 76 - 62 * ((w - 92) / 78) ** 2

    w, walk = 20.0, []
    for _ in range(7):
        walk.append((w, height(w)))
        w += 0.34 * (92 - w)
    dots = "".join(dot(x, y, 3.6 if i else 4.6, "o", i) for i, (x, y) in enumerate(walk))
    valley = line([(x, height(x)) for x in range(16, 155, 3)], "lb")
    return valley + line(walk, "lo thin") + dots


def few_links() -> str:
    """Chapter 4: all pixels to all outputs, or neighbours to one, with the same three weights."""

    def net(left: float, links: list[tuple[int, int, str]]) -> str:
        looks: dict[str, str] = {}
        for i, o, kind in links:
            link = f"M{left + 7.4 * i:.4g} 71L{left + 7.4 * (o + 1):.4g} 21"
            looks[kind] = looks.get(kind, "") + link
        lines = "".join(path(d, kind) for kind, d in looks.items())
        pixels = "".join(rect(left - 2.6 + 7.4 * i, 70, 5.2, 5.2, "k", 1) for i in range(8))
        outputs = "".join(dot(left + 7.4 * (o + 1), 19, 3.2, "k") for o in range(6))
        return lines + pixels + outputs

    kinds = ("lb", "lo", "lg")
    dense = net(15, [(i, o, "lg hair") for i in range(8) for o in range(6)])
    shared = net(93, [(o + k, o, f"{kinds[k]} thin") for o in range(6) for k in range(3)])
    return dense + shared


def gradients() -> str:
    """Chapter 5: layer by layer a gradient vanishes, or keeps its size."""
    out = path("M14 45H146", "lg")
    for i in range(16):
        fading, steady = 30 * 0.8**i, 23 + 4 * math.sin(i * 1.9)
        out += rect(17 + 8 * i, 44 - fading, 5, fading, "o", 1)
        out += rect(17 + 8 * i, 46.5, 5, steady, "b", 1)
    return out


def fitting() -> str:
    """Chapter 6: what is seen goes on falling, what is not seen rises again."""
    xs = range(16, 149, 4)
    seen = [(x, 78 - 62 * math.exp(-(x - 16) / 34)) for x in xs]
    unseen = [(x, 64 - 50 * math.exp(-(x - 16) / 20) - 0.0042 * max(x - 58, 0) ** 2) for x in xs]
    best = max(unseen, key=lambda point: point[1])
    stop = path(f"M{best[0]:g} 12V80", "lg dash")
    return stop + line(seen, "lb") + line(unseen, "lo") + dot(*best, 4.6, "o")


def blocks() -> str:
    """Chapter 7: maps become smaller and more."""
    out, x = "", 16.0
    for count, size in ((2, 56), (3, 40), (4, 26), (6, 14)):
        for i in range(count):
            last = i == count - 1
            shade = 1 if last else 0.45 + 0.5 * i / count
            out += rect(x, 45 - size / 2, 7, size, "o" if last else "b", 1.5, shade)
            x += 8.4
        x += 3
    return out


def colours() -> str:
    """Chapter 8: a colour picture is three of one colour."""
    values, out = random.Random(7), ""
    for plane, kind in enumerate(("gr", "o", "b")):
        left, top = 26 + 26 * plane, 10 + 7 * plane
        out += rect(left - 2, top - 2, 59, 59, "s", 3)
        out += pixels(
            pixel(left + 11 * x, top + 11 * y, 10.2, kind, 0.18 + 0.8 * values.random())
            for y in range(5)
            for x in range(5)
        )
    return out
