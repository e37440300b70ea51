"""Draw sentences of the whole book at random, to be checked anew: `python docs/checked/draw.py 1`.

The number is the seed. Every sentence of 6 words and more in the prose of the chapters, captions,
solutions and tables included, has the same chance. Which were drawn, and what became of them, is in
the files beside this one.
"""

import re
import sys
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).parents[2] / "notebooks" / "source"
COUNT, WORDS = 100, 6


def sentences_of(path: Path) -> list[str]:
    """Return the sentences of a chapter, in order, without the markers of claims."""
    found = []
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if not cell.startswith(" [markdown]"):
            continue
        lines = [line[2:] for line in cell.splitlines()[1:]]
        text = re.sub(r"```.*?```|<!--.*?-->", "", "\n".join(lines), flags=re.DOTALL)
        for block in re.split(r"\n\s*\n|\n(?=\||\d+\. |- )", text):
            joined = " ".join(block.split())
            if not joined.startswith("#"):
                found += re.split(r"(?<=[.!?])\s+(?=[A-Z*`(])", joined)
    return [each for each in found if len(each.split()) >= WORDS]


def main() -> None:
    """Print the drawn sentences, in the order of the book."""
    sources = sorted(SOURCES.glob("*.py"))
    every = [(path.stem, text) for path in sources for text in sentences_of(path)]
    chosen = np.random.default_rng(int(sys.argv[1])).choice(len(every), COUNT, replace=False)
    for number, place in enumerate(sorted(chosen), start=1):
        print(f"{number}. [{every[place][0]}] {every[place][1]}")


if __name__ == "__main__":
    main()
