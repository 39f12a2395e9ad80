"""Contact sheets, pairs and charts show what is in the store."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_runs import BASE

from proxykd.presentation import figures, numerals, sheets
from proxykd.presentation.collect import Shown
from proxykd.shards import read_images, read_table

Shows = Callable[[dict[str, Any]], Shown]


def _pixels(sheet: sheets.Sheet) -> np.ndarray:
    content = base64.b64decode(sheet.source.partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def test_a_contact_sheet_has_a_row_a_class_and_shows_empty_ones(shown_of: Shows) -> None:
    selection = shown_of(BASE).experiments[0].runs[0].selection
    sheet = sheets.contact_sheet(selection)
    predicted = read_table(selection.folder, ["predicted"])["predicted"].to_numpy()
    images = read_images(selection.folder, [entry.model_dump() for entry in selection.index.shards])
    pixels = _pixels(sheet)
    pitch = sheet.height // sheet.rows
    assert sheet.labels == selection.index.classes
    for label in range(10):
        of_class = np.flatnonzero(predicted == label)
        assert sheet.empty[label] == (len(of_class) == 0)
        shown = pixels[label * pitch : label * pitch + 8]
        assert (shown[..., 3].any(0).sum() + 7) // 8 == min(10, len(of_class))
        if len(of_class):
            assert (shown[:, :8, 0] == images[of_class[0]][..., 0]).all()


def test_of_many_classes_the_rarest_and_the_most_frequent_are_shown() -> None:
    histogram = np.arange(100)[::-1]
    shown = sheets._classes_to_show(histogram, 10)
    assert len(shown) == len(set(shown)) == 10
    assert (shown[0], shown[-1]) == (99, 0)


def test_a_pair_is_shown_with_its_difference(shown_of: Shows) -> None:
    boundary = shown_of(BASE).experiments[1].runs[0].boundary
    assert boundary is not None
    shown = sheets.pair_sheet(boundary)
    pixels = _pixels(shown.halves[0]).astype(int)
    pitch = shown.halves[0].height // shown.halves[0].rows
    before, beyond, difference = (pixels[:8, i * pitch : i * pitch + 8, 0] for i in range(3))
    assert (before != beyond).any()
    assert (difference == np.clip(128 + shown.amplified * (beyond - before), 0, 255)).all()
    rows = read_table(boundary.folder, ["role", "predicted", "steps"]).to_pylist()
    classes = boundary.index.classes
    assert shown.halves[0].labels[0].startswith(f"{classes[rows[0]['predicted']]} (")
    assert f"→ {classes[rows[1]['predicted']]} (" in shown.halves[0].labels[0]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.912, 0.953), (0.5, 0.5), (0, 12_345)])
def test_ticks_are_round_and_cover(low: float, high: float) -> None:
    found = figures.ticks(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 2 <= len(found) <= 6


@pytest.mark.parametrize(("low", "high"), [(0.02, 3), (1e-6, 900), (1.1, 8), (1, 10), (5, 26)])
def test_logarithmic_ticks_cover(low: float, high: float) -> None:
    found = figures.log_ticks(low, high)
    assert found[0] <= low * 1.001
    assert found[-1] >= high
    assert found == sorted(set(found))


def test_a_long_curve_is_thinned_and_ends_at_its_last_step() -> None:
    steps = [float(i + 1) for i in range(5000)]
    chart = figures.line_chart([("seed-0", steps, [1 / step for step in steps])])
    points = chart["lines"][0]["points"].split()
    assert len(points) <= figures.POINTS
    assert points[-1].startswith("100,")
    assert chart["logarithmic"]


def test_single_values_lie_on_the_axis() -> None:
    chart = figures.dot_chart([("a", [0.91, 0.93], 0.92), ("b", [0.999], 0.999)], 0.95)
    dots = [dot for row in chart["rows"] for dot in row["dots"]]
    assert all(0 <= dot <= 100 for dot in [*dots, chart["reference"]])
    assert chart["rows"][1]["mean"] is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (numerals.percent(0.8268), "82.7 %"),
        (numerals.percent(0.99996), "> 99.9 %"),
        (numerals.percent(1.0), "100.0 %"),
        (numerals.percent(0.0001), "< 0.1 %"),
        (numerals.percent(None), "–"),
        (numerals.spread({"mean": 0.5, "std": 0.012, "n": 3}), "50.0 ± 1.2 %"),
        (numerals.spread({"mean": 0.5, "std": None, "n": 1}), "50.0 %"),
        (numerals.plain_spread({"mean": 0.967, "std": 0.2494, "n": 2}), "0.967 ± 0.249"),
        (numerals.plain_spread({"mean": 12.31, "std": 0.5, "n": 2}), "12.3 ± 0.5"),
        (numerals.short(18_500), "18.5 k"),
        (numerals.short(1_234_000_000), "1.23 G"),
        (numerals.short(999_999), "1.00 M"),
        (numerals.duration(61), "61 s"),
        (numerals.duration(3600), "60 min"),
        (numerals.count(12_000), "12 000"),
    ],
)
def test_numbers_read_well(told: str, expected: str) -> None:
    assert told.replace(numerals.NARROW, " ") == expected
