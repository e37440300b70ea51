"""Which questions does a chapter ask its reader, and which answers are right?

The questions are `notebooks/quiz/NAME.toml`. The right answer is not written there: `check`
computes it.
"""

import ast
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnbook import arithmetic
from cnnbook._checks import shown
from cnnbook.book._files import BookError, in_one_line
from cnnbook.book._toml import read_tables

NEEDED = {"question": str, "answers": list, "check": str, "why": str}
FEWEST, MOST = 2, 5
SHAPES_A_TEXT = {"bool", "float", "format", "int", "list", "str", "tuple"}  # computes nothing
OPERATIONS = {
    name: each
    for name, each in vars(arithmetic).items()
    if callable(each) and each.__module__ == arithmetic.__name__ and not name.startswith("_")
}
CODE = re.compile(r"`([^`]+)`")
STRESS = re.compile(r"\*(\w[^*<>]*)\*")


@dataclass(frozen=True)
class Question:
    """A question, its possible answers, the place of the right one among them, and why it is."""

    question: str
    answers: tuple[str, ...]
    right: int
    why: str


def read_quiz(path: Path) -> list[Question]:
    """Read the questions of a chapter, and compute which answers are right.

    Args:
        path: The file.

    Raises:
        BookError: If the file is broken, or a `check` computes nothing, fails or gives what is not
            among the answers.
    """
    questions = []
    for number, entry in enumerate(read_tables(path, "question", NEEDED), start=1):
        answers = tuple(entry["answers"])
        try:
            if not FEWEST <= len(set(answers)) == len(answers) <= MOST:
                rule = f"`answers` must be {FEWEST} to {MOST} texts, each another"
                raise ValueError(f"{rule}; got {len(answers)}. Change them")
            right = answers.index(_computed(entry["check"], answers))
        except ValueError as error:
            place = f"{shown(path)}, question {number} ({shown(entry['question'])})"
            raise BookError(f"{place}: {error}.") from None
        questions.append(Question(entry["question"], answers, right, entry["why"]))
    return questions


def _computed(check: str, answers: tuple[str, ...]) -> str:
    """Return the answer that an expression computes; a ValueError says what is wrong with it."""
    try:
        tree = ast.parse(check.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"`check` must be one expression of Python; got {in_one_line(check)}, where"
            f" {in_one_line(error)}. Correct it"
        ) from None
    if not any(map(_computes, ast.walk(tree))):
        raise ValueError(
            f"`check` must compute the answer; got {in_one_line(check)}, which does not. Use"
            f" {', '.join(OPERATIONS)} or np"
        )
    names: dict[str, Any] = {**OPERATIONS, "np": np, "answers": answers}
    try:
        value = eval(compile(tree, "check", "eval"), names)
    except Exception as error:  # whatever the expression raises
        reason = in_one_line(f"{type(error).__name__}: {error}")
        raise ValueError(
            f"`check` must give an answer; got {reason}, from {in_one_line(check)}. Correct it"
        ) from None
    if not isinstance(value, str) or value not in answers:
        raise ValueError(
            f"`check` must give one of the answers, {' | '.join(answers)}; got {value!r}. Correct"
            " it or them"
        )
    return value


def _computes(node: ast.AST) -> bool:
    """Is this an operation on numbers, and not just a text in another shape?"""
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.BinOp):
        return not all(_is_text(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        return name not in SHAPES_A_TEXT
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def quiz_html(questions: Sequence[Question]) -> str:
    """Return fields that chapter.js judges; without scripts the answers still unfold."""
    fields = "".join(_field(number, each) for number, each in enumerate(questions))
    return f'<section class="quiz" aria-label="Questions">{fields}</section>'


def _field(number: int, question: Question) -> str:
    """Return one question."""
    choices = "".join(
        f'<label><input type="radio" name="q{number}" value="{place}">'
        f"<span>{_marked_up(answer)}</span></label>"
        for place, answer in enumerate(question.answers)
    )
    right = _marked_up(question.answers[question.right].removesuffix("."))
    return (
        f'<fieldset data-right="{question.right}"><legend>{_marked_up(question.question)}</legend>'
        f'{choices}<p class="verdict" aria-live="polite"></p>'
        '<details class="fold"><summary>Answer</summary>'
        f"<p><strong>{right}.</strong> {_marked_up(question.why)}</p></details></fieldset>"
    )


def _marked_up(text: str) -> str:
    """Return a text as HTML, with `code` as code and *letters* in italics."""
    parts = CODE.split(html.escape(text))
    parts[::2] = [STRESS.sub(r"<em>\1</em>", part) for part in parts[::2]]
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts)
