"""Which words does a chapter use before they are explained?

A word is explained where it stands alone in **bold**, in the chapter that the glossary names. Where
an earlier text cannot do without it, *italics* say that the sentence at hand explains enough of it
for now. After either, readers know the word.
"""

import re
from collections.abc import Iterator, Mapping

from cnnbook.book._glossary import Term, Use, find_terms

MARKED = re.compile(
    r"(?<![*\w])(?P<marks>\*{1,2}|_{1,2})(?![*_\s])(?P<words>[^*_]+?)(?P=marks)(?![*\w])"
)
CELL = re.compile(r"# %%.*")


def prose_of(source: str) -> str:
    """Return the prose of a chapter's source, each line in its place; code is empty lines."""
    lines, is_prose = list[str](), False
    for line in source.split("\n"):
        if CELL.match(line):
            is_prose = "[markdown]" in line
            lines.append("")
        else:
            lines.append(line.removeprefix("#").removeprefix(" ") if is_prose else "")
    return "\n".join(lines)


def words_too_early(texts: Mapping[int, str], terms: Mapping[str, Term]) -> list[str]:
    """Find words that are used before they are explained.

    Args:
        texts: The prose of each chapter to look at, by its number. A word of a chapter that is not
            among them is known in all later ones.
        terms: By name.

    Returns:
        One line for each word and chapter: where, what, and what to do.
    """
    faults, known = list[str](), set[str]()
    for number, text in sorted(texts.items()):
        for term, line in _unknown(text, terms, known, number):
            faults.append(
                f"chapter {number}, line {line}: {term.name!r} is used, and explained in chapter"
                f" {term.chapter}. Write it in **bold** there, before any other use; in an earlier"
                " chapter explain it in half a sentence, in *italics*."
            )
        for term in terms.values():
            if term.chapter == number and term.name not in _marked(text, terms, "**"):
                faults.append(
                    f"chapter {number}: {term.name!r} is nowhere in **bold**. Explain it there, or"
                    " change its chapter in the glossary."
                )
    return faults


def _unknown(
    text: str, terms: Mapping[str, Term], known: set[str], number: int
) -> Iterator[tuple[Term, int]]:
    """Yield the words that this chapter uses too early, with their lines; learn the marked ones."""
    marks = {found.start("words"): found for found in MARKED.finditer(text)}
    told = set[str]()
    for use in find_terms(text, terms):
        term = use.term
        if _is_alone(use, marks):
            known.add(term.name)
        elif term.chapter >= number and term.name not in known | told:
            told.add(term.name)
            yield term, text.count("\n", 0, use.start) + 1


def _marked(text: str, terms: Mapping[str, Term], sign: str) -> set[str]:
    """Return the names of the terms that stand alone between these marks."""
    marks = {
        found.start("words"): found for found in MARKED.finditer(text) if found["marks"] == sign
    }
    return {use.term.name for use in find_terms(text, terms) if _is_alone(use, marks)}


def _is_alone(use: Use, marks: Mapping[int, re.Match[str]]) -> bool:
    """Is this use all that stands between its marks?"""
    mark = marks.get(use.start)
    return mark is not None and mark.end("words") == use.end


def unused_terms(
    texts: Mapping[int, str], terms: Mapping[str, Term], written: set[int]
) -> list[str]:
    """Name the terms that no chapter uses, and that no chapter to come will explain.

    Args:
        texts: The prose of each chapter that exists, by its number.
        terms: By name.
        written: The numbers of the chapters that are finished.
    """
    used = {use.term.name for text in texts.values() for use in find_terms(text, terms)}
    return [
        term.name for term in terms.values() if term.name not in used and term.chapter in written
    ]
