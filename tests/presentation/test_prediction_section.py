"""What the report says of figures that predict the students' accuracy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from small_runs import BASE, several_proxies, without_labels

from proxykd.presentation import page, prediction, summary
from proxykd.presentation.collect import Shown

Shows = Callable[[dict[str, Any]], Shown]


def test_each_pair_has_its_students_accuracy_over_the_teachers(shown_of: Shows) -> None:
    shown = shown_of(several_proxies())
    several = {one.names[0]: one for one in prediction.pairs(shown)}
    # An attack gives the students other images than those that were assessed.
    assert set(several) == set(several_proxies()["experiments"]) - {"real+boundary"}
    for experiment in shown.experiments:
        if experiment.name in several:
            measured = experiment.measured
            expected = measured["accuracy"]["mean"] / measured["teacher"]["accuracy"]
            assert several[experiment.name].accuracy == pytest.approx(expected)


def test_the_summary_has_the_correlations_of_all_figures(shown_of: Shows) -> None:
    shown = shown_of(several_proxies())
    told = json.loads(summary.as_json(summary.summarise(shown)))["prediction"]
    accuracies = [one["relative_accuracy"] for one in told["pairs"]]
    entropy = told["figures"][told["reference"]]
    values = [one.told["uniformity"]["relative_entropy"] for one in prediction.pairs(shown)]
    assert entropy["values"] == values
    assert entropy["pooled"]["value"] == pytest.approx(spearmanr(values, accuracies).statistic)
    assert entropy["beyond"]["value"] == 0
    agreement = told["figures"]["agreement on held-out proxies"]
    assert agreement["needs"] == "student"
    rho = spearmanr(agreement["values"], accuracies).statistic
    assert agreement["within"]["value"] == pytest.approx(rho)
    for figure in told["figures"].values():
        assert figure["n"] == len(accuracies) - figure["values"].count(None)


def test_the_reference_is_first_and_what_needs_a_student_last(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(several_proxies())
    made = prediction.rows(prediction.pairs(shown))
    assert made[0].name == "scaled entropy"
    needs = [row.needs for row in made]
    assert needs == sorted(needs, key=["teacher", "student"].index)
    known = [row.prediction.within.value for row in made[1:] if row.needs == "teacher"]
    numbers = [-2.0 if value is None else value for value in known]
    assert numbers == sorted(numbers, reverse=True)
    html = page.render(shown, several_proxies(), tmp_path)
    section = html[html.index('<section id="prediction">') :].partition("</section>")[0]
    assert "5 pairs of 1 teacher and proxies" in section
    assert section.count("<tr") == 1 + len(made)
    assert section.count('class="dot group-0"') == 5 * len(prediction.section(shown)["scatters"])  # type: ignore[index]


@pytest.mark.parametrize("given", [BASE, without_labels()], ids=["two pairs", "no labels"])
def test_too_few_pairs_say_nothing(shown_of: Shows, tmp_path: Path, given: dict[str, Any]) -> None:
    shown = shown_of(given)
    assert prediction.section(shown) is None
    assert summary.summarise(shown)["prediction"] is None
    assert 'id="prediction"' not in page.render(shown, given, tmp_path)


def test_seeds_are_averaged(shown_of: Shows) -> None:
    shown = shown_of(BASE)
    (leaves,) = [one for one in prediction.pairs(shown) if one.names == ["leaves"]]
    (measured,) = leaves.measured
    assert len(measured["students"]) == 2
    ratios = [one["student"]["accuracy"] / one["teacher"]["accuracy"] for one in measured["students"]]
    assert leaves.accuracy == pytest.approx(np.mean(ratios))
