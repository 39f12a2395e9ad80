"""The figure of students over images selected and images seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from small_runs import BASE, patience

from proxykd.presentation import numerals, page
from proxykd.presentation.collect import Shown
from proxykd.presentation.figures import APART, share_chart
from proxykd.presentation.patience import patience as shown_patience

Shows = Callable[[dict[str, Any]], Shown]


def _only(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return given | {"experiments": {name: given["experiments"][name] for name in names}}


def test_the_table_has_the_evaluations_figures_by_images_and_length(shown_of: Shows) -> None:
    shown = shown_of(patience())
    (grid,) = shown_patience(shown.experiments)
    assert [column["steps"] for column in grid["columns"]] == ["10", "60"]
    by_name = {one.name: one for one in shown.experiments}
    selected = {one.name: one.runs[0].selection.index.samples for one in shown.experiments}
    assert selected["40x10"] < selected["100x10"]
    for row, count in zip(grid["rows"], (40, 100), strict=True):
        assert row["selected"] == str(selected[f"{count}x10"])
        assert row["asked"] == (str(count) if selected[f"{count}x10"] < count else None)
        for cell, steps in zip(row["cells"], (10, 60), strict=True):
            measured = by_name[cell["name"]].measured["accuracy"]
            assert cell["name"] == f"{count}x{steps}"
            assert cell["reached"] == numerals.bare_spread(measured)
            assert float(cell["epochs"]) == pytest.approx(32 * steps / selected[cell["name"]], rel=0.05)


def test_the_figure_has_a_line_a_number_of_images_and_a_bar_a_deviation(shown_of: Shows) -> None:
    shown = shown_of(patience())
    (grid,) = shown_patience(shown.experiments)
    few, many = grid["chart"]["lines"]
    samples = sorted({one.runs[0].selection.index.samples for one in shown.experiments})
    assert [few["name"], many["name"]] == [f"{n} images" for n in samples]
    reached = {one.name: one.measured["accuracy"]["mean"] for one in shown.experiments}
    places = {
        f"{count}x{steps}": dot["y"]
        for count, line in ((40, few), (100, many))
        for steps, dot in zip((10, 60), line["dots"], strict=True)
    }
    # The higher the accuracy, the nearer to the top.
    assert sorted(places.values()) == [places[name] for name in sorted(reached, key=lambda n: -reached[n])]
    assert few["dots"][0]["x"] == many["dots"][0]["x"] < few["dots"][1]["x"]
    assert all(dot["bar"]["height"] >= 0 for line in (few, many) for dot in line["dots"])


def test_the_page_has_the_section_with_labelled_axes(shown_of: Shows, tmp_path: Path) -> None:
    html = page.render(shown_of(patience()), patience(), tmp_path)
    section = html[html.index('<section id="patience">') :].partition("</section>")[0]
    assert "Accuracy, %" in section
    assert "Images seen in training" in section
    assert "2 seeds" in section
    assert set(re.findall(r'href="#experiment-([^"]+)"', section)) == set(patience()["experiments"])
    assert not re.search(r"<script|<link|@import|url\(", html)


def test_without_labels_agreement_is_shown_and_said_to_be_no_accuracy(
    shown_of: Shows, tmp_path: Path
) -> None:
    given = patience(labels=False)
    shown = shown_of(given)
    (grid,) = shown_patience(shown.experiments)
    assert (grid["what"], grid["teacher"]) == ("agreement", None)
    agreement = shown.experiments[0].measured["fidelity"]["heldout"]["agreement"]
    assert grid["rows"][1]["cells"][1]["reached"] == numerals.bare_spread(agreement)
    html = page.render(shown, given, tmp_path)
    section = html[html.index('<section id="patience">') :].partition("</section>")[0]
    assert "This is not accuracy" in section
    assert "Agreement, %" in section


def test_an_experiment_that_is_missing_leaves_a_dash(shown_of: Shows, tmp_path: Path) -> None:
    given = _only(patience(), "100x60", "40x10", "40x60")
    (grid,) = shown_patience(shown_of(given).experiments)
    assert [cell is not None for cell in grid["rows"][1]["cells"]] == [False, True]
    assert "<td>–</td>" in page.render(shown_of(given), given, tmp_path)


@pytest.mark.parametrize(
    "names",
    [("100x60", "100x10"), ("100x60", "40x60"), ("100x60", "40x10")],
    ids=["one number of images", "one length", "nothing equal"],
)
def test_no_figure_where_it_would_tell_nothing(
    shown_of: Shows, tmp_path: Path, names: tuple[str, ...]
) -> None:
    given = _only(patience(), *names)
    assert shown_patience(shown_of(given).experiments) == []
    assert 'id="patience"' not in page.render(shown_of(given), given, tmp_path)


def test_an_experiment_that_differs_otherwise_stays_out_of_the_figure(shown_of: Shows) -> None:
    given = patience()
    given["experiments"] |= {"attacked+real": BASE["experiments"]["noise"]}
    (grid,) = shown_patience(shown_of(given).experiments)
    assert set(grid["names"]) == set(patience()["experiments"])


def test_names_of_lines_that_end_together_do_not_overlap() -> None:
    ends = {"few": 0.50, "more": 0.501, "many": 0.502, "most": 0.9}
    chart = share_chart([(name, [(1e4, 0.1, None), (1e5, end, None)]) for name, end in ends.items()])
    places = {line["name"]: line["name_y"] for line in chart["lines"]}
    assert sorted(places, key=lambda name: places[name]) == ["most", "many", "more", "few"]
    ordered = sorted(places.values())
    assert all(b - a >= APART - 0.02 for a, b in pairwise(ordered))
    assert places["most"] == chart["lines"][3]["dots"][-1]["y"]
    assert all(dot["bar"] is None for line in chart["lines"] for dot in line["dots"])
