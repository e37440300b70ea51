"""How do the chapters become one long page, from which a printer makes a book?"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from cnnbook._checks import shown
from cnnbook.book._contents import BookPart
from cnnbook.book._files import BookError, read_text
from cnnbook.book._polish import mark

Places = Mapping[str, tuple[int, float]]  # page, from 0, and height on it, by the name of the place
ARTICLE = re.compile(r'<article class="bd-article.*?</article>', re.DOTALL)
REFERENCES = re.compile(r' (id|for|aria-labelledby|aria-describedby)="([^"]+)"')
LINK = re.compile(r' href="([^"#:]*)(?:#([^"]*))?"')
PART = """\
<section class="part-page" id="part-{number}">
<p class="roman">Part {number}</p><h1>{title}</h1><p>{promise}</p>
</section>
"""
WEB = Path(__file__).with_name("web")
PAGE = """\
<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8"><title>{title}</title>
{styles}
<style>
{pdf_css}
html {{ counter-reset: page {offset}; }}
{running}
</style>
</head>
<body>
<section class="cover">
<p class="cover-mark">{mark}</p><h1>{title}</h1><p>{lead}</p>
<p class="cover-link"><a href="#contents">Contents</a></p>
</section>
<nav class="cover-contents" aria-label="Contents" id="contents">
<h1>Contents</h1>{contents}
</nav>
<main class="bd-main bd-content"><div class="bd-article-container">
{body}
</div></main>
</body>
</html>
"""
RUNNING = """\
@page {name} {{
  @bottom-left {{ content: "{words}"; }} @bottom-right {{ content: counter(page); }}
}}
article.{name} {{ page: {name}; }}"""


def article_of(site: Path, name: str, names: Collection[str]) -> str:
    """Take a chapter out of its page: its places get names that no other chapter has."""
    found = ARTICLE.search(read_text(site / f"{name}.html"))
    if found is None:
        raise BookError(f"{shown(site / name)}.html has no article; make the pages again.")
    inside, known = found[0], {*names}

    def placed(match: re.Match[str]) -> str:
        return f' {match[1]}="' + " ".join(f"{name}--{it}" for it in match[2].split()) + '"'

    def linked(match: re.Match[str]) -> str:
        page, anchor = match[1].removesuffix(".html") or name, match[2]
        if page in known:
            return f' href="#{page}--{anchor}"' if anchor else f' href="#{page}"'
        return f' href="{site.as_uri()}/{match[1]}"' if "_static/" in match[1] else ""

    inside = LINK.sub(linked, REFERENCES.sub(placed, inside))
    inside = re.sub(r' src="(?!data:|\w+://)', f' src="{site.as_uri()}/', inside)
    inside = re.sub(r"url\(#", f"url(#{name}--", inside).replace(' loading="lazy"', "")
    inside = inside.replace('<details class="fold solution"', '<details open class="fold solution"')
    return inside.replace("<article", f'<article id="{name}"', 1).replace(
        'class="bd-article', f'class="c-{name} bd-article', 1
    )


def compose(
    site: Path, parts: Sequence[BookPart], articles: Mapping[str, str], places: Places
) -> str:
    """Write the whole book as one page.

    Args:
        site: The built pages.
        parts: The parts, of whose chapters those are taken that have an article.
        articles: The text of each chapter by its name; what no part has comes at the end.
        places: Where each chapter began when it was printed before; or nothing.
    """
    before = places["part-1"][0] if "part-1" in places else 0  # pages that are not numbered
    titles = titles_of(parts, articles)
    contents, body, left = "", "", dict(articles)
    for number, part in enumerate(parts, start=1):
        names = [chapter.name for chapter in part.chapters if chapter.name in left]
        body += PART.format(
            number=number, title=html.escape(part.title), promise=html.escape(part.promise)
        )
        body += "".join(left.pop(name) for name in names)
        contents += f'<h2><a href="#part-{number}">{html.escape(part.title)}</a></h2>'
        contents += _rows(names, titles, places, before)
    body += "".join(left.values())
    first = read_text(site / f"{next(iter(articles))}.html")
    styles = re.findall(r'<link [^>]*rel="stylesheet"[^>]*>', first)
    styles = [style.replace('href="', f'href="{site.as_uri()}/') for style in styles]
    title, lead = _promise(site)
    feet = {name: words.replace('"', r"\"") for name, words in titles.items()}
    return PAGE.format(
        title=title,
        lead=lead,
        styles="\n".join(styles),
        pdf_css=read_text(WEB / "pdf.css"),
        offset=-before,
        running="\n".join(RUNNING.format(name=f"c-{it}", words=feet[it]) for it in feet),
        mark=mark(),
        contents=contents + (_rows([*left], titles, places, before) if left else ""),
        body=body,
    )


def titles_of(parts: Sequence[BookPart], articles: Mapping[str, str]) -> dict[str, str]:
    """Return the title of each chapter, with its number, and of what comes after them."""
    chapters = [chapter for part in parts for chapter in part.chapters]
    named = {chapter.name: f"{chapter.number}. {chapter.title}" for chapter in chapters}
    return {name: named.get(name, name.capitalize()) for name in articles}


def _rows(names: Sequence[str], titles: Mapping[str, str], places: Places, before: int) -> str:
    rows = ""
    for name in names:
        number = places[name][0] + 1 - before if name in places else ""
        words = f"<span>{html.escape(titles[name])}</span> <span>{number}</span>"
        rows += f'<li><a href="#{name}">{words}</a></li>'
    return f"<ol>{rows}</ol>"


def _promise(site: Path) -> tuple[str, str]:
    """Take the title and the promise of the book from its first page."""
    page = read_text(site / "index.html")
    title = re.search(r"<h1[^>]*>(.*?)(?:<a class=.headerlink.*?)?</h1>", page, re.DOTALL)
    lead = re.search(r'<p class="lead">(.*?)</p>', page, re.DOTALL)
    return (title[1] if title else "cnnbook"), (lead[1] if lead else "")
