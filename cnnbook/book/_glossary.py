"""Which words of the field does the book explain, where, and where does a text use them?

The words are `notebooks/glossary.toml`.
"""

import functools
import html
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from cnnbook._checks import shown
from cnnbook.book._files import BookError
from cnnbook.book._toml import read_tables

NEEDED = {"name": str, "sentence": str, "chapter": int}
MORE = {"forms": list, "unless": list}
# What is no prose: code, formulas, headings, comments, tags, links, addresses, marks of footnotes.
NO_PROSE = re.compile(
    r"""
    ^(?P<fence>```+|~~~+|:::+).*?(?:^(?P=fence)[^\n]*$|\Z)
    | ^\#{1,6}[ ][^\n]*$
    | <!--.*?-->
    | (?:\{[\w:-]+\})?(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)
    | \$\$.+?\$\$
    | (?<![\\\w$])\$(?!\s)[^$\n]+?(?<!\s)\$(?![\w$])
    | !?\[(?:[^][]|\[[^][]*\])*\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^][]*\])
    | \[\^[^][]+\]
    | <?https?://[^\s<>]+>?
    | </?[A-Za-z][^<>]*>
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
WORD = re.compile(r"(?<![\w-])\w[\w-]*")
HIDDEN = "\0"  # stands for a character that is no prose
INTRODUCTION = (
    "Each word of the field that this book uses, in one plain sentence, with the chapter that"
    " explains it. In the chapters a dotted line below a word leads here."
)


@dataclass(frozen=True)
class Term:
    """A word of the field, and the number of the chapter that explains it.

    A form with a capital letter is found as it is written, any other in upper and lower case.
    `unless` are phrases in which it is an everyday word.
    """

    name: str
    sentence: str
    forms: tuple[str, ...]
    chapter: int
    unless: tuple[str, ...] = ()

    def __hash__(self) -> int:  # `find_terms` asks for it at each call
        return hash(self.name)

    @property
    def anchor(self) -> str:
        """Where it stands in the page."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


Form = tuple[re.Pattern[str], Term | None]  # what finds it, and no term for everyday phrases


class Use(NamedTuple):
    """Where a text has a term."""

    term: Term
    start: int
    end: int


def read_glossary(path: Path) -> dict[str, Term]:
    """Read the words of the book, by name.

    Args:
        path: The file. Without one there are no words.

    Raises:
        BookError: If the file is broken, or a form is there twice.
    """
    if not path.is_file():
        return {}
    terms, places = dict[str, Term](), dict[str, str]()
    for entry in read_tables(path, "term", NEEDED, MORE):
        name, lists = entry["name"], [tuple(entry.get(key, ())) for key in ("forms", "unless")]
        term = Term(name, entry["sentence"], lists[0], entry["chapter"], lists[1])
        for form in (name, *term.forms):
            if not WORD.match(form):
                raise BookError(
                    f"{shown(path)}, term {shown(name)}: a form must begin with a letter or a"
                    f" digit; got {shown(form)}. Change it."
                )
            if form.casefold() in places:
                raise BookError(
                    f"{shown(path)}, term {shown(name)}: each form must be there once; got"
                    f" {shown(form)}, which {shown(places[form.casefold()])} has. Remove one."
                )
            places[form.casefold()] = name
        terms[name] = term
    return terms


def find_terms(text: str, terms: Mapping[str, Term]) -> list[Use]:
    """Find the terms in a text, in its order; where one lies in another, the longer one.

    Args:
        text: Markdown. What is no prose in it is passed over: code, links, headings, formulas.
        terms: By name.

    Returns:
        Each term with the places in `text` where it begins and ends.
    """
    forms = _forms_by_first_word(tuple(terms.values()))
    prose = NO_PROSE.sub(lambda found: HIDDEN * len(found[0]), text)
    found, place = list[Use](), 0
    for word in WORD.finditer(prose):
        if word.start() < place:
            continue
        for pattern, term in forms.get(word[0].casefold(), ()):
            if match := pattern.match(prose, word.start()):
                place = match.end()
                found += [Use(term, match.start(), place)] if term else []
                break
    return found


@functools.lru_cache(maxsize=8)
def _forms_by_first_word(
    terms: tuple[Term, ...],
) -> dict[str, list[Form]]:
    """Return what finds each form, longest first, and its term; of an everyday phrase, none."""
    forms: list[tuple[str, Term | None]] = []
    for term in terms:
        forms += [(form, term) for form in (term.name, *term.forms)]
        forms += [(phrase.lower(), None) for phrase in term.unless]
    by_word = defaultdict[str, list[Form]](list)
    for form, term_of in sorted(forms, key=lambda pair: -len(pair[0])):
        rest = r"\s+".join(map(re.escape, form[1:].split(" ")))
        first = f"[{form[0]}{form[0].upper()}]" if form[0].isalpha() else re.escape(form[0])
        any_case = "(?i)" if form == form.lower() else ""
        pattern = re.compile(rf"{any_case}{first}{rest}(?![\w-])")
        by_word[WORD.findall(form)[0].casefold()].append((pattern, term_of))
    return dict(by_word)


def glossary_page(terms: Mapping[str, Term], chapters: Mapping[int, tuple[str, str]]) -> str:
    """Return the page of all words, as Markdown.

    Args:
        terms: By name.
        chapters: The name and the title of each chapter that has a page, by its number.
    """
    groups = {
        letter: list(group)
        for letter, group in groupby(sorted(terms.values(), key=_in_order), key=_letter_of)
    }
    jump = " · ".join(f"[{letter}](#letter-{letter.lower()})" for letter in groups)
    parts = ["# Glossary", INTRODUCTION, jump]
    for letter, group in groups.items():
        parts += [f"(letter-{letter.lower()})=\n## {letter}"]
        parts += [_definition(term, terms, chapters) for term in group]
    return "\n\n".join(parts) + "\n"


def _in_order(term: Term) -> tuple[str, str]:
    return _letter_of(term), term.name.casefold()


def _letter_of(term: Term) -> str:
    """Return the letter under which a term stands."""
    first = term.name[0].upper()
    return first if first.isascii() and first.isalpha() else "0"


def _definition(
    term: Term, terms: Mapping[str, Term], chapters: Mapping[int, tuple[str, str]]
) -> str:
    """Return one entry: the word, its sentence with links to others, and where more is said."""
    parts = [_with_links(term, terms)]
    if synonyms := list(_synonyms(term)):
        parts.append(f"(Also: {', '.join(synonyms)}.)")
    if term.chapter in chapters:
        name, title = chapters[term.chapter]
        parts.append(f'<span class="of-chapter">[Chapter {term.chapter}, {title}]({name})</span>')
    return f'<strong id="{term.anchor}">{html.escape(term.name)}</strong>\n: {" ".join(parts)}'


def _with_links(term: Term, terms: Mapping[str, Term]) -> str:
    """Return the sentence, in which each other word leads to its own, once."""
    out, place, seen = "", 0, {term.name}
    for other, start, end in find_terms(term.sentence, terms):
        if other.name in seen:
            continue
        seen.add(other.name)
        link = f'<a class="term" href="#{other.anchor}">{html.escape(term.sentence[start:end])}</a>'
        out += html.escape(term.sentence[place:start], quote=False) + link
        place = end
    return out + html.escape(term.sentence[place:], quote=False)


def _synonyms(term: Term) -> Iterable[str]:
    """Yield the forms that are other words, and no plural or other ending of one."""
    said = [term.name]
    for form in term.forms:
        like = [word for word in said if form[:4].casefold() == word[:4].casefold()]
        if not like:
            said.append(form)
            yield html.escape(form)
