"""How is what the package offers written for Sphinx? In MyST, with Sphinx' words for Python."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence

from cnnbook.book._api import Item, entries_of, examples_of, sections_of

WORDS = {"Args": "Arguments", "Attributes": "Fields", "Returns": "Returns", "Yields": "Yields"}
SOURCE = r"(Source|Differs from the (?:paper|source)s?): *(\S)"
URL = re.compile(r"https?://[^\s<>]+[^\s<>.,:;)\]]")


class Writer:
    """Writes texts of one module; names of the package in backticks become links.

    Args:
        module: The name of the module.
        targets: What a name stands for, as text of MyST.
    """

    def __init__(self, module: str, targets: Mapping[str, str]) -> None:
        self.module, self.targets = module, targets

    def prose(self, text: str) -> str:
        """Make Markdown of what stands in a docstring: addresses and names become links."""
        text = re.sub(r"(https?://\S+-)\n\s*(\S+)", r"\1\2", text)  # an address over two lines
        parts = re.split(r"(`[^`]*`)", text)
        parts[::2] = [self._plain(part) for part in parts[::2]]
        parts[1::2] = [self.targets.get(part.strip("`"), part) for part in parts[1::2]]
        return "".join(parts)

    def _plain(self, text: str) -> str:
        text = re.sub(r"([$]|<(?=[A-Za-z/!]))", r"\\\1", text)
        return URL.sub(lambda found: f"<{found[0]}>", text)

    def source(self, text: str) -> str:
        """Write the prose of a module; where it comes from stands in small print."""
        out = []
        for paragraph in text.split("\n\n"):
            if re.match(SOURCE, paragraph):
                words = self.prose(re.sub(rf"(?:^|\n){SOURCE}", _labelled, paragraph))
                out.append(f":::{{container}} api-source\n{words}\n:::")
            else:
                out.append(self.prose(paragraph))
        return "\n\n".join(out)

    def item(self, item: Item, fence: str = "``````") -> str:
        """Write a function or a class with all that its docstring says."""
        text, sections = sections_of(item.docstring)
        own = {item.name, *item.types}  # these stand here; whatever has their names is elsewhere
        targets = {name: target for name, target in self.targets.items() if name not in own}
        return Writer(self.module, targets)._item(item, text, sections, fence)

    def _item(self, item: Item, text: str, sections: Mapping[str, str], fence: str) -> str:
        parts = [self.prose(text)]
        for name in ("Args", "Attributes"):
            if name in sections:
                parts += [_label(WORDS[name]), self._terms(sections[name], item.types)]
        for name in ("Returns", "Yields"):
            if name in sections:
                parts += [_label(WORDS[name]), self.prose(sections[name])]
        if "Raises" in sections:
            parts += [_label("Raises"), self._terms(sections["Raises"], {})]
        if "Example" in sections:
            parts += [_label("Example"), *map(cell, examples_of(sections["Example"]))]
        parts += [self.item(member, fence[1:]) for member in item.members]
        head = [f"{fence}{{py:{item.kind}}} {item.name}{item.signature}", f":module: {self.module}"]
        if item.kind == "property":
            head = [f"{fence}{{py:property}} {item.name}", item.signature]
        return "\n".join([*head, "", "\n\n".join(parts), fence])

    def _terms(self, section: str, types: Mapping[str, str]) -> str:
        """Write names and what they mean as a list of definitions."""
        entries = []
        for name, words in entries_of(section).items():
            kind = html.escape(types.get(name.strip("*"), ""))
            term = f"`{name}`" + (f' <span class="api-type">{kind}</span>' if kind else "")
            entries.append(f"{term}\n: {self.prose(words)}")
        return "\n\n".join(entries)


def _labelled(found: re.Match[str]) -> str:
    return f"\n\n**{found[1]}.** {found[2].upper()}"


def _label(words: str) -> str:
    return f"```{{rubric}} {words}\n```"


def cell(example: tuple[str, str]) -> str:
    """Write code and what it shows as a cell of a chapter."""
    code, output = example
    shown = f"```{{code-block}} none\n:class: output\n\n{output.rstrip()}\n```"
    parts = [("cell_input", f"```{{code-block}} python\n\n{code.rstrip()}\n```")]
    parts += [("cell_output", shown)] if output else []
    inside = "\n".join(f"````{{container}} {name}\n{text}\n````" for name, text in parts)
    return f"`````{{container}} cell\n{inside}\n`````"


def import_of(module: str, names: Sequence[str]) -> str:
    """Write the line that imports names, over several where it is long."""
    line = f"from {module} import {', '.join(names)}"
    inside = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= 84 else f"from {module} import (\n{inside})"


def table(rows: Mapping[str, str]) -> str:
    """Write names and what they are as a list of definitions."""
    inside = "\n\n".join(f"{name}\n: {words}" for name, words in rows.items())
    return f":::{{container}} api-list\n{inside}\n:::"


def described(page: str) -> str:
    """Give a page the sentence by which it stands in lists: its title, and its question."""
    title, asks = page.partition("\n")[0].removeprefix("# "), re.search(r'"asks">(.*?)</p>', page)
    words = f"{title} {html.unescape(asks[1])}" if asks else f"{title} In the reference of cnnbook."
    return f"---\nmyst:\n  html_meta:\n    description: {json.dumps(words)}\n---\n{page}"


def raw(text: str) -> str:
    """Write HTML as it is."""
    return f"```{{raw}} html\n{text}\n```"


def commented(text: str) -> str:
    """Write a script with its larger comments as prose: those that follow an empty line."""
    parts, lines = list[tuple[str, list[str]]](), text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        is_comment = re.match(r" {0,2}//", line) is not None
        kind = parts[-1][0] if parts else "code"
        if is_comment and (kind == "prose" or not before.strip()):
            kind = "prose"
        elif kind == "prose" or not parts:
            kind = "code"
        if not parts or parts[-1][0] != kind:
            parts.append((kind, []))
        parts[-1][1].append(re.sub(r"^ *// ?", "", line) if kind == "prose" else line)
    out = []
    for kind, inside in parts:
        words = "\n".join(inside).strip("\n")
        fenced = f"```{{code-block}} js\n\n{words}\n```"
        out.append(_in_code(words) if kind == "prose" else fenced if words.strip() else "")
    return "\n\n".join(filter(None, out))


def _in_code(text: str) -> str:
    """Set what a comment says in the signs of its language as code."""
    text = re.sub(r"(?<![`\w])(\w+(?:\.\w+)*(?:\(\)|\[[^\]]+\]))", r"`\1`", text)
    return re.sub(r"([$*_]|<(?=[A-Za-z/!]))(?![^`\n]*`)", r"\\\1", text)
