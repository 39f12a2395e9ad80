"""Tables of the boundary benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def show_table(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """A table in Markdown."""
    print(f"\n{title}\n\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def show(found: dict[str, dict[str, Any]], ending: str, title: str) -> None:
    """One table of all contenders, after rounding or on floats."""
    columns: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("views", lambda one: str(one["views"])),
        ("success, %", lambda one: number(100 * one[f"success{ending}"])),
        ("without epsilon, %", lambda one: number(100 * one[f"success_unbounded{ending}"])),
        ("pairs a second", lambda one: number(one[f"accepted_per_second{ending}"])),
        ("a processor's second", lambda one: number(one[f"accepted_per_cpu_second{ending}"])),
        ("passes a view", lambda one: number(one[f"passes_per_view{ending}"])),
        ("pairs in 1,000 passes", lambda one: number(1000 * one[f"accepted_per_pass{ending}"])),
        ("L∞, L2", lambda one: two(one, "linf", "l2", ending)),
        ("gap L∞, L2", lambda one: two(one, "gap_linf", "gap_l2", ending)),
        ("margin far, near", lambda one: two(one, "margin", "margin_near", ending)),
    ]
    if not ending:
        columns.append(("rounding undoes, %", lambda one: percent(one["undone_by_rounding"])))
    rows = [(name, *(cell(figures) for _, cell in columns)) for name, figures in found.items()]
    show_table(title, ("", *(name for name, _ in columns)), rows)


def number(value: float | None) -> str:
    """Three digits; a dash for None."""
    return "–" if value is None else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share in percent; a dash for None."""
    return "–" if share is None else number(100 * share)


def two(figures: dict[str, Any], first: str, second: str, ending: str) -> str:
    """Two figures of one cell."""
    return f"{number(figures[first + ending])}, {number(figures[second + ending])}"
