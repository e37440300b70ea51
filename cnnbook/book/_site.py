"""What are the pages made of, and where does each piece lie?"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnnbook.book._kernel import Node
from cnnbook.book._polish import polish
from cnnbook.book.notebooks import notebook_as_text

WEB = Path(__file__).with_name("web")  # the look of the pages, and what Sphinx is told
STATIC = ("*.css", "*.js", "*.svg", "fonts/*")


@dataclass(frozen=True)
class Site:
    """All that becomes the pages.

    Attributes:
        title: Shown on every page.
        notebooks: By name, as the pages show them.
        pages: Further pages, Markdown by name.
        contents: Captions with their pages, (caption, [(title in the contents, name)]).
        files: Texts that lie beside the pages, by path.
        first: The first page, HTML; empty for the bare list that Sphinx makes.
        questions: What a chapter answers, by its name.
        descriptions: A sentence for those who find a page in a list.
        glossary: The file with the words that pages explain.
        more: Writes whatever else belongs to a built site.
    """

    title: str
    notebooks: Mapping[str, Node]
    pages: Mapping[str, str]
    contents: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    files: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    questions: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    glossary: Path | None = None
    more: Callable[[Path], None] = lambda _: None

    def write_source(self, folder: Path) -> None:
        """Write what Sphinx reads."""
        for pattern in STATIC:
            for path in WEB.glob(pattern):
                target = folder / "_static" / path.relative_to(WEB)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        told = {
            "title": self.title,
            "templates": str(WEB / "templates"),
            "questions": dict(self.questions),
            "descriptions": dict(self.descriptions),
            "glossary": str(self.glossary or ""),
        }
        files = {f"{name}.ipynb": notebook_as_text(it) for name, it in self.notebooks.items()}
        files |= {f"{name}.md": text for name, text in self.pages.items()}
        files["index.md"] = self._index()
        files["site.json"] = json.dumps(told)
        files["conf.py"] = (WEB / "conf.py.in").read_text(encoding="utf-8")
        _write(folder, files)

    def _index(self) -> str:
        lines = [self.pages.get("index") or f"# {self.title}\n"]
        for caption, entries in self.contents:
            rows = "\n".join(f"{title} <{name}>" for title, name in entries)
            lines.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{rows}\n```\n")
        return "\n".join(lines)

    def finish(self, folder: Path) -> None:
        """Complete what Sphinx has built."""
        shutil.rmtree(folder / ".doctrees", ignore_errors=True)
        for left in (folder / ".buildinfo", folder / "objects.inv"):
            left.unlink(missing_ok=True)
        polish(folder)
        self.more(folder)
        first = {"index.html": self.first} if self.first else {}
        _write(folder, {**self.files, **first})


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
