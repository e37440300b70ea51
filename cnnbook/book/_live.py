"""Which live pieces has the book, and which files do they need?

A piece is a fragment of a page (NAME.html), its script and style, and a text with a page of its own
(NAME.md). `python -m cnnbook.book._live --preview FOLDER` writes bare pages to look at.
"""

import argparse
import json
import shutil
from pathlib import Path

from cnnbook.book import _live_data
from cnnbook.book._files import BookError, read_text
from cnnbook.book._live_cache import write_data

WEB = Path(__file__).with_name("web")
LIVE = {  # piece: the page of its own
    "digits": "draw_a_digit",
    "kernel": "a_kernel_of_your_own",
    "photo": "where_did_it_look",
    "train": "train_it_here",
    "latent": "a_plane_full_of_digits",
}
SHARED = ("engine.js", "fast.js", "worker.js", "live.js", "live.css")


def live_names() -> list[str]:
    """Name the pieces that are there."""
    return [name for name in LIVE if (WEB / "live" / f"{name}.html").is_file()]


def live_pages() -> dict[str, str]:
    """Return the Markdown of each page, by the page's name; the piece's marker stands in it."""
    paths = {LIVE[name]: WEB / "live" / f"{name}.md" for name in live_names()}
    return {page: read_text(path) for page, path in paths.items() if path.is_file()}


def marker(name: str) -> str:
    """Return what stands in a text where a piece goes."""
    return f"<!--live:{name}-->"


def fragment(name: str, static: str = "_static/") -> str:
    """Return a piece as HTML, with what it loads at once: no network, no picture.

    Args:
        name: Of the piece.
        static: How the page reaches the folder of static files.

    Raises:
        BookError: If there is no such piece.
    """
    if name not in (names := live_names()):
        rule = f"a live piece must be one of {', '.join(names)}"
        raise BookError(f"{marker(name)}: {rule}; got {name!r}; write another name, or remove it.")
    root = f"{static}live/"
    styles = [style for style in ("live", name) if (WEB / "live" / f"{style}.css").is_file()]
    scripts = ("engine.js", "live.js", *_scripts_of(name))
    lines = [f'<link rel="stylesheet" href="{root}{style}.css">' for style in styles]
    lines.append(read_text(WEB / "live" / f"{name}.html").replace("{{static}}", static).strip())
    lines += [f'<script defer src="{root}{script}"></script>' for script in scripts]
    return "\n".join(lines)


def _scripts_of(name: str) -> list[str]:
    """Name the scripts of a piece: its parts NAME_*.js first, then that which begins."""
    return [*sorted(path.name for path in (WEB / "live").glob(f"{name}_*.js")), f"{name}.js"]


def write_live_files(static: Path, cache: Path | None = None) -> None:
    """Write the folder `live` of a site: engine, pieces, networks, pictures.

    Args:
        static: The folder of static files, in which `live` is made.
        cache: Where networks that were exported are kept for the next time; None: nowhere.
    """
    folder = static / "live"
    folder.mkdir(parents=True, exist_ok=True)
    own = [file for name in live_names() for file in (*_scripts_of(name), f"{name}.css")]
    for file in [*SHARED, *own]:
        if (WEB / "live" / file).is_file():
            shutil.copyfile(WEB / "live" / file, folder / file)
    worker = "\n".join(read_text(WEB / "live" / file) for file in SHARED[:3])
    text = f"window.CNN_WORKER = {json.dumps(worker)};\n"
    (folder / "worker_text.js").write_text(text, encoding="utf-8", newline="\n")
    write_data(_live_data.GROUPS, folder, cache)


PREVIEW = """<!doctype html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="_static/look.css">
<script>if (location.search === "?dark") document.documentElement.dataset.theme = "dark";</script>
<style>
*, ::before, ::after {{ box-sizing: border-box; }} [hidden] {{ display: none !important; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); }}
main {{ width: min(45rem, 100% - 2.5rem); margin: 2rem auto 4rem; }}
main {{ font: 400 1.125rem/1.62 var(--serif); }} main > p {{ max-width: 39rem; }}
h1 {{ font-weight: 600; letter-spacing: -.02em; line-height: 1.15; }} a {{ color: var(--link); }}
</style></head><body><main>
{content}
</main></body></html>
"""


def preview(folder: Path, cache: Path | None = None) -> list[Path]:
    """Write a bare page for each piece, to look at without the rest of the book.

    Args:
        folder: Where the pages go.
        cache: Where networks that were exported are kept; None: in the same folder.
    """
    from markdown_it import MarkdownIt

    static = folder / "_static"
    shutil.copytree(WEB / "fonts", static / "fonts", dirs_exist_ok=True)
    shutil.copyfile(WEB / "look.css", static / "look.css")
    write_live_files(static, cache or folder / "cache")
    pages, texts = [], live_pages()
    for name in live_names():
        text = texts.get(LIVE[name], f"# {name}\n\n{marker(name)}\n")
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        page = folder / f"{LIVE[name]}.html"
        content = PREVIEW.format(title=name, content=html.replace(marker(name), fragment(name)))
        page.write_text(content, encoding="utf-8")
        pages.append(page)
    return pages


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preview", type=Path, required=True, metavar="FOLDER")
    for path in preview(parser.parse_args().preview):
        print(path)
