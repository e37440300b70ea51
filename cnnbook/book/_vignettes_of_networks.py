"""What do chapters 9 to 19 look like, each in one small picture?"""

import math

from cnnbook.book._shapes import area, arrow, cat, dot, line, path, pixel, pixels, rect, tile

CUP = "M52 30H98V52Q98 70 82 70H68Q52 70 52 52Z"
HANDLE = "M98 35H104Q116 35 116 45.5T104 56H98"
STEAM = "M66 22q-4-4 0-8M76 22q-4-4 0-8M86 22q-4-4 0-8"
CURVE, STAIRS = "M12 72Q40 70 50 40T86 15", "M12 70H28V60H40V44H50V30H62V20H74V15H86"
CHANGES = (  # of the cat of chapter 11: place, kind, how, opacity
    (0, 0, "b", "scale(-1,1)", 1),
    (1, 0, "b", "rotate(24)", 1),
    (2, 0, "o", "translate(3,5) scale(1.8)", 1),
    (0, 1, "b", "translate(6,-4)", 1),
    (1, 1, "o", "rotate(-40) scale(.8)", 1),
    (2, 1, "b", "", 0.5),
)


def residual() -> str:
    """Chapter 9: what a block is given goes around it, too, and is added."""
    out = path("M9 62H151", "lg")
    for i in range(3):
        x = 31 + 43 * i
        out += path(f"M{x - 13} 62C{x - 13} 12 {x + 26} 12 {x + 26} 56", "lo")
        out += rect(x - 4, 47, 8, 30, "b", 2) + rect(x + 8, 47, 8, 30, "b", 2)
        out += dot(x + 26, 62, 5.4, "o") + path(f"M{x + 23} 62h6m-3-3v6", "ls thin")
    return out


def newer() -> str:
    """Chapter 10: a block may widen, split into groups, or weigh its channels."""
    heights = (16, 52, 52, 52, 16)
    out = "".join(
        rect(15 + 6.4 * i, 45 - h / 2, 4.8, h, "o" if h == 16 else "b", 1)
        for i, h in enumerate(heights)
    )
    for y in (20, 36.5, 53.5, 70):
        out += path(f"M63 45L71 {y}M81 {y}L89 45", "lg") + rect(69, y - 5, 14, 10, "b", 2)
    out += dot(62, 45, 3, "o") + dot(90, 45, 3, "o")
    for i, share in enumerate((0.35, 1, 0.6, 0.85, 0.25)):
        top = 17 + 11.6 * i
        out += pixels([pixel(106, top, 9.6, "b", share)]) + rect(
            119, top + 3, 26 * share, 3.6, "o", 1
        )
    return out


def augmentation() -> str:
    """Chapter 11: one cat becomes many."""
    out = tile(12, 22, 46, cat(0, 0, "b")) + arrow(64, 45, 12)
    for x, y, kind, change, opacity in CHANGES:
        out += tile(83 + 24 * x, 22.5 + 24 * y, 21.5, cat(0, 0, kind, change, opacity))
    return out


def transfer() -> str:
    """Chapter 12: old layers are locked, and a new head learns."""
    out = "".join(rect(16 + 15 * i, 17 + 4 * i, 11, 56 - 8 * i, "g", 2) for i in range(5))
    out += path("M48.5 44v-4.500a5 5 0 0 1 10 0v4.500".replace(".500", ".5"), "lk")
    out += rect(45, 43.5, 17, 13, "k", 2.5) + dot(53.5, 50, 1.8, "s")
    out += arrow(95, 45) + rect(116, 23, 11, 44, "o", 2)
    return out + "".join(dot(139, 31 + 14 * i, 4.2, "o") for i in range(3))


def filters() -> str:
    """Chapter 13: what first filters look for: edges and stripes of all directions."""
    out = ""
    for y in range(3):
        for x in range(6):
            turn, wide = (x + 6 * y) * 27 % 180, (6.4, 4.6, 8.4)[y]
            sides = (-1.5 * wide - 0.8, 0.5 * wide + 0.8)
            bands = "".join(rect(-24, side, 48, wide, "b", 0, 0.7) for side in sides)
            bands += rect(-24, -wide / 2, 48, wide, "o")
            turned = f'<g transform="rotate({turn})">{bands}</g>'
            out += tile(18.5 + 21 * x, 14.5 + 21 * y, 18, turned)
    return out


def looking() -> str:
    """Chapter 14: a heat map lies on the handle of a cup."""
    out = path("M44 74H112", "lg") + path(CUP, "w") + path(HANDLE, "lk") + path(STEAM, "lg")
    for y in range(4):
        for x in range(5):
            heat = math.exp(-((x - 2.9) ** 2 + ((y - 1.5) * 1.05) ** 2) / 2.4)
            if heat > 0.06:
                out += rect(58 + 14 * x, 18 + 14 * y, 13, 13, "o", 1.5, 0.8 * heat)
    return out


def judging() -> str:
    """Chapter 15: two classes overlap, and a threshold decides."""

    def bell(middle: float, width: float, height: float) -> list[tuple[float, float]]:
        exponents = ((x, -((x - middle) ** 2) / (2 * width**2)) for x in range(14, 147, 4))
        return [(x, 72 - height * math.exp(exponent)) for x, exponent in exponents]

    out = area(bell(60, 17, 52), 72, "b", 0.55) + area(bell(101, 15, 45), 72, "o", 0.65)
    return out + path("M14 72H146", "lg") + path("M83 12V79", "lk")


def phone() -> str:
    """Chapter 16: a curve becomes stairs, and fits into a phone."""
    out = path(CURVE, "lg") + path(STAIRS, "lb")
    out += rect(102, 10, 40, 70, "k", 7) + rect(106, 17, 32, 54, "s", 2)
    out += rect(117, 74, 10, 2, "g", 1)
    shown = []
    for y in range(5):
        for x in range(3):
            look = ("o", 1) if (x, y) == (1, 2) else ("b", 0.25 + 0.25 * ((x + 2 * y) % 3))
            shown.append(pixel(111 + 8 * x, 23 + 8 * y, 7, *look))
    return out + pixels(shown)


def server() -> str:
    """Chapter 17: a picture goes to a server, and an answer comes back."""
    out = tile(14, 27, 36, cat(0, 0, "b"))
    for i in range(3):
        y = 22.5 + 22 * i
        out += rect(94, y - 9.5, 50, 19, "o" if i == 1 else "b", 3)
        out += dot(102, y, 2.2, "s") + path(f"M110 {y}h26", "ls")
    return out + arrow(57, 38, 29) + path("M86 53h-29m5-4l-5 4 5 4", "lo")


def machines() -> str:
    """Chapter 18: two machines tell each other what they have learned."""
    out = ""
    for x in (18, 98):
        out += rect(x, 24, 44, 32, "k", 4) + rect(x + 3, 27, 38, 26, "s", 2)
        out += rect(x + 15, 59, 14, 5, "g") + rect(x + 7, 64, 30, 3, "g", 1)
        for i, height in enumerate((8, 16, 11, 14)):
            out += rect(x + 7 + 8 * i, 48 - height, 6, height, "b", 1)
    out += path("M66 30Q80 16 94 30m-7-1l7 1-1-7", "lo")
    return out + path("M94 52Q80 66 66 52m7 1l-7-1 1 7", "lo")


def boxes() -> str:
    """Chapter 19: a box around each thing, with its name."""
    out = path("M8 74Q40 60 78 68T152 62V82H8Z", "t") + cat(48, 50, "b", "scale(1.5)")
    out += path("M104 66V44q0-5 5-5h20q5 0 5 5v22Z", "g") + dot(119, 30, 8, "g")
    out += rect(26, 27, 44, 46, "lo", 2) + rect(26, 19, 22, 8, "o", 1.5)
    return out + rect(99, 18, 40, 53, "lk", 2) + rect(99, 10, 16, 8, "k", 1.5)


def unknown() -> str:
    """A chapter that is not in the plan: pages."""
    rows = ((66, 31, "lb"), (66, 42, "lg"), (66, 53, "lg"), (66, 64, "lo"))
    lines = "".join(line([(x, y), (x + 28, y)], kind) for x, y, kind in rows)
    return rect(54, 14, 52, 62, "s", 4) + lines
