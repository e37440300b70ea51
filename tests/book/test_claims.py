"""A claim that holds prints and is recorded; one that does not stops the notebook."""

import json
import math

import numpy as np
import pytest

from cnnbook.book.claims import ClaimError, claim


@pytest.fixture(autouse=True)
def full_profile(monkeypatch):
    monkeypatch.delenv("CNNBOOK_QUICK", raising=False)


@pytest.mark.parametrize(
    ("rule", "bound", "holds", "fails"),
    [("at_least", 0.9, 0.9, 0.8999), ("at_most", 0.2, 0.2, 0.2001), ("equals", 75, 75, 76)],
)
def test_the_bound_itself_holds_and_a_step_beyond_does_not(rule, bound, holds, fails, capsys):
    claim("figure", holds, **{rule: bound})
    assert capsys.readouterr().out.endswith(": holds\n")
    with pytest.raises(ClaimError, match=f"figure = {fails}.*does not hold"):
        claim("figure", fails, **{rule: bound})


def test_a_float_may_be_rounded_as_another_processor_does_and_a_count_may_not():
    claim("softmax_of_one_unit", np.nextafter(np.float32(1), np.float32(0)), equals=1)
    with pytest.raises(ClaimError, match="does not hold"):
        claim("softmax_of_one_unit", 0.99999, equals=1)
    with pytest.raises(ClaimError, match="does not hold"):
        claim("weights", 100_000_001, equals=100_000_000)


def test_not_a_number_never_holds():
    for rule in ("at_least", "at_most", "equals"):
        with pytest.raises(ClaimError, match="nan"):
            claim("figure", math.nan, **{rule: 0.5})


@pytest.mark.parametrize("value", [math.inf, -math.inf, np.float32("inf")])
def test_what_is_infinite_never_holds(value):
    for rule in ("at_least", "at_most", "equals"):
        with pytest.raises(ClaimError, match="inf.*does not hold"):
            claim("figure", value, **{rule: 0.5})


@pytest.mark.parametrize(
    "value", [True, np.True_, "0.5", None, 1j, [1.0, 2.0], np.ones((2, 2)), 10**400]
)
def test_what_is_not_one_number_is_refused_in_one_line(value):
    with pytest.raises(ValueError, match="^`value` must be .*; got [^\n]*$"):
        claim("figure", value, at_least=0)


@pytest.mark.parametrize("bound", ["at_least", "at_most", "equals", "quick", "embedded"])
@pytest.mark.parametrize("limit", [math.nan, math.inf])
def test_a_bound_that_nothing_can_break_is_refused(bound, limit):
    bounds = (
        {bound: limit}
        if bound in ("at_least", "at_most", "equals")
        else {bound: limit} | {"at_least": 0}
    )
    with pytest.raises(ValueError, match=f"`{bound}` must be a finite number.*got {limit}"):
        claim("figure", 1, **bounds)


def test_quick_bound_counts_only_in_the_quick_profile(monkeypatch):
    with pytest.raises(ClaimError, match="full profile"):
        claim("figure", 0.8, at_least=0.9, quick=0.7)
    monkeypatch.setenv("CNNBOOK_QUICK", "1")
    claim("figure", 0.8, at_least=0.9, quick=0.7)
    with pytest.raises(ClaimError, match="quick profile"):
        claim("figure", 0.6, at_least=0.9, quick=0.7)


def test_embedded_bound_counts_only_for_embedded_data_in_the_full_profile(monkeypatch):
    bounds = {"at_least": 0.99, "embedded": 0.97, "quick": 0.9}
    claim("figure", 0.975, **bounds, source="the embedded copy")
    with pytest.raises(ClaimError, match=r"0\.99.*CNNBOOK_DATA/mnist"):
        claim("figure", 0.975, **bounds, source="CNNBOOK_DATA/mnist")
    with pytest.raises(ClaimError, match="embedded profile"):
        claim("figure", 0.95, **bounds, source="the embedded copy")
    monkeypatch.setenv("CNNBOOK_QUICK", "1")
    claim("figure", 0.95, **bounds, source="the embedded copy")


def test_without_smaller_bounds_every_run_must_keep_the_full_one(monkeypatch):
    monkeypatch.setenv("CNNBOOK_QUICK", "1")
    with pytest.raises(ClaimError):
        claim("figure", 0.89, at_least=0.9, source="the embedded copy")


@pytest.mark.parametrize("rules", [{}, {"at_least": 1, "at_most": 2}])
def test_a_claim_needs_exactly_one_rule(rules):
    with pytest.raises(ValueError, match=rf"exactly one.*got {len(rules)}"):
        claim("figure", 1, **rules)


@pytest.mark.parametrize("name", ["", "Has Capitals", "with-dash", "1st"])
def test_a_name_is_a_plain_word(name):
    with pytest.raises(ValueError, match="`name` must be"):
        claim(name, 1, equals=1)


def test_only_a_run_that_asks_for_it_is_recorded_and_only_claims_that_hold(tmp_path, monkeypatch):
    claim("unrecorded", 1, equals=1)
    record = tmp_path / "record.jsonl"
    monkeypatch.setenv("CNNBOOK_CLAIMS_RECORD", str(record))
    claim("first", np.float32(0.5), at_least=0.25, source="somewhere")
    with pytest.raises(ClaimError):
        claim("broken", 0, equals=1)
    claim("second", np.int64(3), equals=3)
    assert [json.loads(line) for line in record.read_text().splitlines()] == [
        {
            **{"name": "first", "value": 0.5, "rule": "at least", "bound": 0.25},
            **{"profile": "full", "source": "somewhere"},
        },
        {
            **{"name": "second", "value": 3, "rule": "equal to", "bound": 3},
            **{"profile": "full", "source": None},
        },
    ]
