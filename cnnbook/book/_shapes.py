"""What are the small pictures of the first page made of? Shapes of SVG, coloured by classes.

They stand on a field of 160 by 90. The style sheet of the first page gives the classes their
colours, in the light and in the dark: b, o, g, k, t, s and gr fill with blue, orange, grey, ink,
tint, the colour of the card and green; lb, lo, lg, lk and ls draw lines.
"""

from collections.abc import Iterable

Pixel = tuple[float, float, float, str, float]
LINE = 0.8  # width of the line around a pixel
CAT = "M-11-12L-8-3Q0-6 8-3L11-12Q14 0 11 6Q6 13 0 13Q-6 13-11 6Q-14 0-11-12Z"
EYES = ((-4.5, 2.0), (4.5, 2.0))


def rect(
    x: float, y: float, w: float, h: float, kind: str, r: float = 0, opacity: float = 1
) -> str:
    """Draw a rectangle with round corners."""
    corners = f' rx="{r:g}"' if r else ""
    place = f'x="{x:.4g}" y="{y:.4g}" width="{w:.4g}" height="{h:.4g}"'
    return f'<rect {place}{corners} class="{kind}"{faint(opacity)}/>'


def pixel(x: float, y: float, side: float, kind: str, opacity: float = 1) -> Pixel:
    """Return a pixel, for `pixels` to draw."""
    return x, y, side, kind, max(0.1, round(opacity, 1))


def pixels(several: Iterable[Pixel]) -> str:
    """Draw pixels, those of one look as one path; their corners are made round by their lines."""
    looks: dict[tuple[str, float], str] = {}
    for x, y, side, kind, opacity in several:
        inner = f"{side - LINE:.4g}"
        square = f"M{x + LINE / 2:.4g} {y + LINE / 2:.4g}h{inner}v{inner}h-{inner}z"
        looks[kind, opacity] = looks.get((kind, opacity), "") + square
    return "".join(path(d, f"{kind} px", opacity) for (kind, opacity), d in looks.items())


def dot(x: float, y: float, r: float, kind: str, turn: int | None = None) -> str:
    """Draw a dot; with a turn it appears after those before it when a card is looked at."""
    delay = "" if turn is None else f' style="--i:{turn}"'
    return f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{r:g}" class="{kind}"{delay}/>'


def path(d: str, kind: str, opacity: float = 1) -> str:
    """Draw along a path in the words of SVG."""
    return f'<path d="{d}" class="{kind}"{faint(opacity)}/>'


def line(points: Iterable[tuple[float, float]], kind: str) -> str:
    """Draw a line through points."""
    return path(f"M{'L'.join(f'{x:.4g} {y:.4g}' for x, y in points)}", kind)


def area(points: Iterable[tuple[float, float]], ground: float, kind: str, opacity: float) -> str:
    """Fill what is between points and the ground."""
    places = [*points]
    top = "L".join(f"{x:.4g} {y:.4g}" for x, y in places)
    start, end = places[0][0], places[-1][0]
    return path(f"M{start:.4g} {ground:g}L{top}L{end:.4g} {ground:g}Z", kind, opacity)


def arrow(x: float, y: float, length: float = 14, kind: str = "lk") -> str:
    """Draw an arrow to the right."""
    return path(f"M{x:g} {y:g}h{length:g}m-5-4l5 4-5 4", kind)


def faint(opacity: float) -> str:
    """Return the attribute for a share of opacity."""
    return "" if opacity >= 1 else f' opacity="{opacity:.2g}"'


def cat(x: float, y: float, kind: str, change: str = "", opacity: float = 1) -> str:
    """Draw the face of a cat around a point, changed in the words of SVG."""
    eyes = "".join(dot(*eye, 1.6, "s") for eye in EYES)
    how = f"translate({x:g},{y:g}) {change}".strip()
    return f'<g transform="{how}"{faint(opacity)}>{path(CAT, kind)}{eyes}</g>'


def tile(x: float, y: float, side: float, inside: str) -> str:
    """Draw a small picture with a ground, of which nothing hangs over: -16 to 16 in both axes."""
    ground = rect(-16, -16, 32, 32, "t", 3)
    place = f'x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}"'
    return f'<svg {place} viewBox="-16 -16 32 32">{ground}{inside}</svg>'


def picture(inside: str) -> str:
    """Frame what is drawn; a reader who cannot see it misses nothing that the text lacks."""
    return f'<svg viewBox="0 0 160 90" aria-hidden="true" focusable="false">{inside}</svg>'
