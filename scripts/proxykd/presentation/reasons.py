"""Why some proxies stand where they stand in a ranking, in a sentence or two."""

from __future__ import annotations

from typing import Any

from proxykd.assessment.figures import Figure
from proxykd.assessment.ranking import CRITERIA, Ranked
from proxykd.presentation import numerals
from proxykd.presentation.assessed import Proxies

NAMED = 5
"""Empty classes that are named, at most."""
RARE = 0.2
"""Of a uniform share: a class with less is worth a word."""


def reason(proxies: Proxies, ranked: Ranked, among: int) -> str:
    """What speaks for the proxies and what against them, by the criteria of the ranking and in itself."""
    best = [_place(proxies, figure, ranked.ranks[figure.place]) for figure in CRITERIA]
    good = [told for told, rank in best if rank <= max(1, among / 3)]
    bad = [told for told, rank in best if rank > max(1, among - among / 3)]
    against = [*_in_itself(proxies), *(told for told in bad if among > 1)]
    parts = []
    if good and among > 1:
        parts.append(f"For them: {'; '.join(good)}.")
    if against:
        parts.append(f"Against them: {'; '.join(against)}.")
    return " ".join(parts) or "Nothing stands out."


def _place(proxies: Proxies, figure: Figure, rank: float) -> tuple[str, float]:
    value = figure.of(proxies.told)
    return f"{ordinal(rank)} in {figure.name} ({'none' if value is None else f'{value:.3g}'})", rank


def ordinal(rank: float) -> str:
    """A place in words or digits; that of equals is the mean of their ranks."""
    if rank != int(rank):
        return f"shared {rank:g}"
    words = {1: "first", 2: "second", 3: "third"}
    return words.get(int(rank), f"{rank:g}th")


def _in_itself(proxies: Proxies) -> list[str]:
    told = proxies.told
    return [*_classes(told["uniformity"], proxies.classes), *_pairs(told["class_pairs"]["all"])]


def _classes(uniformity: dict[str, Any], classes: list[str]) -> list[str]:
    empty = [name for name, n in zip(classes, uniformity["histogram"], strict=True) if n == 0]
    if empty:
        named = ", ".join(empty[:NAMED]) + (", ..." if len(empty) > NAMED else "")
        return [f"the teacher sees {len(empty)} of {len(classes)} classes in no image ({named})"]
    if uniformity["smallest_share"] * len(classes) >= RARE:
        return []
    fill = uniformity["to_fill"]
    return [
        f"{fill['class']} is seen in {numerals.percent(uniformity['smallest_share'])} of the images, so "
        f"{numerals.short(fill['images'])} would have to be made for {numerals.count(fill['a_class'])} of it"
    ]


def _pairs(pairs: dict[str, Any]) -> list[str]:
    covered = round(pairs["covered"] * pairs["pairs"])
    if covered >= 0.5 * pairs["pairs"]:
        return []
    return [
        f"only {numerals.count(covered)} of {numerals.count(pairs['pairs'])} pairs of classes are covered"
    ]
