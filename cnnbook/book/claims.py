"""Does a figure of the book still hold?

A claim states a measured value and the bound that it must keep. It prints one line, raises when the
bound is broken, and, when the book is made, notes the value so that the prose can be compared.
"""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from cnnbook._checks import as_array_of_any, checked
from cnnbook.book._figures import shown_figure

RECORD_VARIABLE = "CNNBOOK_CLAIMS_RECORD"
QUICK_VARIABLE = "CNNBOOK_QUICK"


class ClaimError(AssertionError):
    """A figure of the book does not hold."""


@checked
def claim(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    equals: float | None = None,
    quick: float | None = None,
    embedded: float | None = None,
    source: str | None = None,
) -> None:
    """Check one figure of the book, print the result, and record it.

    `at_least`, `at_most` or `equals` is the bound of a full run. `embedded` replaces it where a
    full run had only the small data that comes with the book, `quick` in the quick profile.

    Args:
        name: Unique in the book: lower-case letters, digits and "_".
        value: What was measured; a share between 0 and 1 is printed as such.
        at_least: The smallest value that holds.
        at_most: The largest value that holds.
        equals: The one value that holds, for counts and exact arithmetic. A float may differ by a
            millionth of it: processors round differently.
        quick: The bound when the variable CNNBOOK_QUICK is set; None for that of the full run.
        embedded: The bound when `source` names embedded data; None for `quick`.
        source: Which data the value was measured on, as loaders report it.

    Raises:
        ClaimError: If the value breaks the bound, or is not a number.
        ValueError: If `name` or the bounds are unusable.

    Example:
        >>> claim("weights_of_a_5x5_filter", 5 * 5 * 3, equals=75)
        claim weights_of_a_5x5_filter = 75, equal to 75: holds
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"`name` must be lower-case letters, digits and '_'; got {name!r}.")
    bounds = {"at least": at_least, "at most": at_most, "equal to": equals}
    given = {words: bound for words, bound in bounds.items() if bound is not None}
    if len(given) != 1:
        needed = "exactly one of `at_least`, `at_most` and `equals`"
        raise ValueError(f"claim {name!r} needs {needed}; got {len(given)}.")
    [(words, full_bound)] = given.items()
    profile, bound = _profile_and_bound(full_bound, quick, embedded, source)
    measured = as_array_of_any(value)
    if measured.size != 1 or measured.dtype.kind not in "iuf":
        got = f"{measured.dtype} of shape {measured.shape}" if measured.size != 1 else repr(value)
        raise ValueError(f"`value` must be one number; got {got}.")
    figure: float = measured.astype(float).item() if measured.dtype.kind == "f" else measured.item()
    holds = (
        math.isfinite(figure)
        and {
            "at least": figure >= bound,
            "at most": figure <= bound,
            "equal to": math.isclose(figure, bound, rel_tol=0 if isinstance(figure, int) else 1e-6),
        }[words]
    )
    statement = f"claim {name} = {shown_figure(figure)}, {words} {shown_figure(bound)}"
    if not holds:
        data = source or "any"
        raise ClaimError(f"{statement}: does not hold ({profile} profile, data: {data}).")
    print(f"{statement}: holds")
    _record(name=name, value=figure, rule=words, bound=bound, profile=profile, source=source)


def _profile_and_bound(
    full: float, quick: float | None, embedded: float | None, source: str | None
) -> tuple[str, float]:
    quick = full if quick is None else quick
    embedded = quick if embedded is None else embedded
    if QUICK_VARIABLE in os.environ:
        return "quick", quick
    if source is not None and "embedded" in source:
        return "embedded", embedded
    return "full", full


def _record(**entry: object) -> None:
    """Append one line to the record, if a run asked for one."""
    if path := os.environ.get(RECORD_VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
