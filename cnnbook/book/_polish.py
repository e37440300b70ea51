"""What is done to the pages when Sphinx has made them.

Pictures become WebP that know their size and wait until one scrolls to them; lines of code break
below their own beginning where a page is narrow; what the theme says twice or leaves without a
name is put right; scripts that nothing here needs are left out.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

QUALITY = 88  # of photographs; charts keep every pixel
MARK = '<svg class="sobel" viewBox="0 0 28 28" aria-hidden="true" focusable="false">{}</svg>'
# From a server, a wide page asks for its letters at once, so that no line moves when they come; a
# page from a disk has them at once, and may not ask so.
LETTERS = (
    '<script>if(location.protocol.startsWith("http")&&innerWidth>=960)'
    'for(const it of["serif","sans"])document.head.append(Object.assign('
    'document.createElement("link"),{{rel:"preload",as:"font",type:"font/woff2",'
    'crossOrigin:"",href:"{root}_static/fonts/"+it+".woff2"}}))</script>'
)
PICTURE = re.compile(r"<img [^>]*>")
CODE = re.compile(r'(<div class="highlight"><pre>)(.*?)(</pre>)', re.DOTALL)
TAG = re.compile(r"</?span[^>]*>")
JUNK = (
    *("_static/scripts/fontawesome.js", "_static/*webpack-macros.html", "_static/**/*.map"),
    *("_static/locales", "_static/vendor"),
)
SWAPS = (
    (r"\s*<script[^>]*fontawesome\.js[^>]*></script>", ""),
    (r'\s*<link rel="preload"[^>]*fontawesome[^>]*>', ""),
    (r'(<button class="btn search-button-field[^>]*?) aria-label="Search"', r"\1"),
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (
        r'<summary><span class="toctree-toggle"',
        '<summary aria-label="Pages of this part"><span class="toctree-toggle"',
    ),
    (
        r'class="bd-sidebar-primary bd-sidebar',
        'role="complementary" aria-label="The book" class="bd-sidebar-primary bd-sidebar',
    ),
)


def mark() -> str:
    """Return the mark of the book: the nine weights of Sobel's kernel."""
    squares = (
        f'<rect x="{1 + 9 * x}" y="{1 + 9 * y}" width="8" height="8" rx="1.5"'
        f' class="{kind}"{faint if y != 1 and kind != "t" else ""}/>'
        for faint in [' opacity=".6"']
        for y in range(3)
        for x, kind in enumerate("bto")
    )
    return MARK.format("".join(squares))


def polish(site: Path) -> None:
    """Put the pages of a built site right, in place."""
    sizes = _pictures_as_webp(site)
    for page in sorted(site.glob("**/*.html")):
        if "_static" not in page.relative_to(site).parts:
            depth = len(page.relative_to(site).parts) - 1
            text = _polished(page.read_text(encoding="utf-8"), "../" * depth, sizes)
            page.write_text(text, encoding="utf-8")
    for pattern in JUNK:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _pictures_as_webp(site: Path) -> dict[str, tuple[str, int, int]]:
    """Convert the pictures; return the new name and the size of each by its old name."""
    old = [path for path in sorted(site.glob("_images/*")) if path.suffix in (".png", ".jpeg")]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip((path.name for path in old), pool.map(_as_webp, old), strict=True))


def _as_webp(path: Path) -> tuple[str, int, int]:
    with Image.open(path) as picture:
        picture.load()
    target = path.with_suffix(".webp")
    if path.suffix == ".png":
        picture.save(target, lossless=True, method=4)
        lossy = path.with_suffix(".lossy")
        picture.save(lossy, "WEBP", quality=QUALITY, method=4)
        many = picture.convert("RGB").getcolors(2**14) is None  # a photograph
        if many and lossy.stat().st_size < target.stat().st_size:
            lossy.replace(target)
        lossy.unlink(missing_ok=True)
    else:
        picture.save(target, quality=QUALITY, method=4)
    if target.stat().st_size >= path.stat().st_size:
        target.unlink()
        return path.name, picture.width, picture.height
    path.unlink()
    return target.name, picture.width, picture.height


def _polished(text: str, root: str, sizes: dict[str, tuple[str, int, int]]) -> str:
    for pattern, better in SWAPS:
        text = re.sub(pattern, better, text)

    def sized(match: re.Match) -> str:
        tag = match[0]
        source = re.search(r'src="([^"]*/)?_images/([^"]+)"', tag)
        if not source or source[2] not in sizes:
            return tag
        name, width, height = sizes[source[2]]
        tag = re.sub(r' (?:width|height|style|loading)="[^"]*"', "", tag)
        tag = tag.replace(f"_images/{source[2]}", f"_images/{name}")
        more = f'<img loading="lazy" decoding="async" width="{width}" height="{height}"'
        return tag.replace("<img", more, 1)

    text = PICTURE.sub(sized, text)
    text = CODE.sub(lambda found: found[1] + lines_apart(found[2]) + found[3], text)
    icon = f'<link rel="icon" type="image/svg+xml" href="{root}_static/icon.svg">'
    text = text.replace("<head>", f"<head>\n    {icon}{LETTERS.format(root=root)}", 1)
    first, viewport, rest = text.partition('<meta name="viewport"')
    text = first + viewport + re.sub(r'<meta name="viewport"[^>]*>', "", rest)
    brand = re.search(r'<a class="navbar-brand[^>]*>', text)
    return text.replace(brand[0], brand[0] + mark(), 1) if brand else text


def lines_apart(code: str) -> str:
    r"""Make a block of each line of highlighted code, so that a broken one hangs below its start.

    Example:
        >>> lines_apart("if x:\n    y\n").split("</span>")[1]
        '<span class="ln" style="--in:4">    y\n'
    """
    out, opened = [], list[str]()
    for line in code.rstrip("\n").split("\n"):
        before = "".join(opened)
        for tag in TAG.findall(line):
            if tag.startswith("</"):
                opened.pop()
            else:
                opened.append(tag)
        bare = TAG.sub("", line)
        indent = len(bare) - len(bare.lstrip(" "))
        closed = "</span>" * len(opened)
        out.append(f'<span class="ln" style="--in:{indent}">{before}{line}\n{closed}</span>')
    return "".join(out)
