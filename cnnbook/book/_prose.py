"""What stands in a chapter's text for something else: live pieces, addresses, markers of claims."""

import re
from collections.abc import Callable
from copy import deepcopy

from cnnbook.book._kernel import Node, nbformat
from cnnbook.book.record import MARKER

LIVE = re.compile(r"[ \t]*<!--live:(\w+)-->[ \t]*")
FENCE = re.compile(r"^```.*?^```|`[^`\n]*`|<https?://[^>]*>", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"(?<![<\"'\w])(?<!\]\()https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")


def counted(count: int, thing: str, written: str = "") -> str:
    """Return "1 number", "2 numbers", "1,000 numbers"; the count as it is `written`, if it is."""
    return f"{written or f'{count:,}'} {thing}{'s' * (count != 1)}"


def html_cell(text: str) -> Node:
    """Return a cell of HTML that stands in the page as it is."""
    return nbformat.v4.new_markdown_cell(f"```{{raw}} html\n{text}\n```")


def live_apart(cell: Node, live: Callable[[str], str]) -> list[Node]:
    """Split a text where a live piece stands; make links of its bare addresses."""
    if cell.source.startswith("```{raw} html"):
        return [cell]
    parts = []
    for place, text in enumerate(LIVE.split(cell.source)):
        if place % 2:
            parts.append(html_cell(live(text)))
        elif text.strip():
            part = deepcopy(cell)
            part.source = link_addresses(MARKER.sub("", text))
            parts.append(part)
    return parts


def with_live(text: str, live: Callable[[str], str]) -> str:
    """Put live pieces into a page of Markdown, where their markers stand."""
    return LIVE.sub(lambda found: f"\n```{{raw}} html\n{live(found[1])}\n```\n", text)


def link_addresses(text: str) -> str:
    """Make a link of each bare address; those in code and in links are left alone."""
    out, place = "", 0
    for kept in [*FENCE.finditer(text), None]:
        end = kept.start() if kept else len(text)
        out += ADDRESS.sub(lambda found: f"<{found[0]}>", text[place:end])
        out, place = (out + kept[0], kept.end()) if kept else (out, end)
    return out
