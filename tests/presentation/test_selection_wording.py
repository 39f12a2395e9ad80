"""What the report says of a selection's rule."""

from __future__ import annotations

from proxykd.presentation.wording import counts_of, selection
from proxykd.selection.settings import SelectProxies


def test_the_rule_is_told() -> None:
    assert selection(SelectProxies(balance="none"), False) == "at random"
    assert selection(SelectProxies(), False) == "equally many of each class that the teacher sees"
    told = selection(SelectProxies(within="pairs"), True)
    assert told.endswith(
        ", as far as there are enough; within a class equally many of each class that the teacher finds "
        "likeliest next"
    )
    told = selection(SelectProxies(balance="long_tail", imbalance=50), False)
    assert "50 times as many of the first (with most images in the pools) as of the last" in told


def test_ten_classes_at_most_are_named() -> None:
    assert counts_of({"cat": 3, "ant": 3, "dog": 120}, " missing") == (
        "dog (120 missing), ant (3 missing), cat (3 missing)"
    )
    assert counts_of({str(k): 1 for k in range(14)}).endswith("(1) and 4 more classes")
