"""The report as its reader gets it: the page and its figures."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_runs import BASE, imported, patience, without_labels

from proxykd.presentation import links, page, sheets, summary
from proxykd.presentation.collect import Shown

Shows = Callable[[dict[str, Any]], Shown]


def test_summary_has_the_figures_of_the_evaluation(shown_of: Shows) -> None:
    shown = shown_of(BASE)
    told = json.loads(summary.as_json(summary.summarise(shown)))["experiments"]
    assert set(told) == set(BASE["experiments"])
    for experiment in shown.experiments:
        measured = json.loads((experiment.evaluation.folder / "evaluation.json").read_text())
        figures = told[experiment.name]
        assert figures["accuracy"] == measured["accuracy"]
        assert figures["accuracy"]["n"] == 2
        assert figures["accuracy"]["std"] is not None
        assert figures["teacher_accuracy"] == measured["teacher"]["accuracy"]
        assert figures["agreement_on"] == "labelled"
        assert figures["agreement"] == measured["fidelity"]["labelled"]["agreement"]
        assert figures["kl"] == measured["fidelity"]["labelled"]["kl"]
        assert figures["calibration_error"] == measured["calibration_error"]
        for name in ("relative_entropy", "smallest_share", "empty_classes"):
            assert figures[name]["selected"] == measured["classes"]["selected"][name]


def test_seconds_count_every_stage_once_and_every_student(shown_of: Shows) -> None:
    experiment = shown_of(BASE).experiments[1]
    names = [result.name for result in experiment.stages]
    assert names.count("distill_student") == 2
    assert names.count("train_teacher") == 1
    # Its own, and that on the held-out proxies.
    assert names.count("attack_boundary") == 2
    seconds = sum(result.index.seconds for result in experiment.stages)
    assert summary.figures(experiment)["seconds"] == pytest.approx(seconds, abs=1e-2)


def test_a_single_seed_has_no_spread_and_is_marked(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(without_labels())
    assert summary.figures(shown.experiments[0])["agreement"]["std"] is None
    assert "1 seed" in page.render(shown, without_labels(), tmp_path)


def test_without_labels_the_report_says_so_and_holds_no_accuracy(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(without_labels())
    figures = summary.figures(shown.experiments[0])
    assert figures["accuracy"] is None
    assert figures["teacher_accuracy"] is None
    assert figures["agreement_on"] == "heldout"
    html = page.render(shown, without_labels(), tmp_path)
    students = html[html.index("<tbody>") : html.index("</tbody>")]
    assert students.count("no labels") == 1 + len(shown.experiments)
    assert "This is not accuracy" in html
    assert "Accuracy in %" not in html


def table(html: str, section: str, which: int = 0) -> list[list[str]]:
    """The rows of a section's table as text, the last row of its head first."""
    return cells(html[html.index(f'<section id="{section}"') :].split("<table")[which + 1])


def cells(part: str) -> list[list[str]]:
    """The rows of the table that `part` is in the middle of."""
    part = part.split("</table>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in part.split("</tr>")[:-1]]
    texts = [[" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in row] for row in rows]
    head = part.split("</thead>")[0].count("</tr>")
    return texts[head - 1 :]


def test_label_free_figures_stand_beside_the_accuracy(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    html = page.render(shown, BASE, tmp_path)
    for which, name in ((0, "agreement"), (1, "separated")):
        head, *rows = table(html, "heldout", which)
        assert head[1] == "Accuracy %"
        for row, experiment in zip(rows, shown.experiments, strict=True):
            figures = summary.figures(experiment)
            on = figures["heldout" if which == 0 else "pairs"]
            assert row[0] == experiment.name
            assert row[1].startswith(f"{100 * figures['accuracy']['mean']:.1f}")
            assert row[2].startswith(f"{100 * on[name]['mean']:.1f}")
    head, _, *students = table(html, "result")
    assert head[1:3] == ["Accuracy %", "Calib. error %"]
    assert head[3:8] == ["Straddling %", "Agreement %", "Boundary %", "KL nats", "Calib. error %"]
    assert "Parameters, file" in head
    for row, experiment in zip(students, shown.experiments, strict=True):
        assert len(row) == len(head)
        reached = summary.figures(experiment)["accuracy"]
        assert row[1] == f"{100 * reached['mean']:.1f} ± {100 * reached['std']:.1f}"
        assert re.fullmatch(r"[\d.]+ k? ?[\d.]+ kB", row[head.index("Parameters, file")])
        # On held-out proxies, though there are labelled images.
        fidelity = experiment.measured["fidelity"]
        assert row[4].startswith(f"{100 * fidelity['heldout']['agreement']['mean']:.1f}")
        assert row[5].startswith(f"{100 * fidelity['pairs']['separated']['mean']:.1f}")


def test_without_labels_all_label_free_figures_are_there(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(without_labels())
    html = page.render(shown, without_labels(), tmp_path)
    head, *rows = table(html, "heldout")
    assert "Accuracy %" not in head
    assert len(rows) == len(shown.experiments)
    assert "Accuracy %" not in table(html, "heldout", 1)[0]
    assert "Boundary fidelity" in html
    for experiment in shown.experiments:
        figures = summary.figures(experiment)
        assert figures["pairs"]["separated"] == experiment.measured["fidelity"]["pairs"]["separated"]
        assert figures["heldout"]["agreement"] == figures["agreement"]


def test_boundary_fidelity_that_was_not_asked_for_is_not_there(shown_of: Shows, tmp_path: Path) -> None:
    given = patience(labels=False)
    shown = shown_of(given)
    html = page.render(shown, given, tmp_path)
    assert "Boundary" not in " ".join(table(html, "result")[0])
    assert "Boundary fidelity" not in html
    assert summary.figures(shown.experiments[0])["pairs"] is None


def test_pairs_that_could_not_be_made_are_told_of(shown_of: Shows, finished: Path, tmp_path: Path) -> None:
    given = imported(finished)
    html = page.render(shown_of(given), given, tmp_path)
    assert "Boundary fidelity was not measured: of 20 held-out proxies that were attacked, 20 did not" in html


def test_a_gpus_figures_stand_beside_the_cpus(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    assert "GPU" not in " ".join(table(page.render(shown, BASE, tmp_path), "result")[0])
    gpu = {"gpu": "NVIDIA H100", "gpu_latency_ms": 0.31, "gpu_images_per_second": 91000.0}
    measured = copy.deepcopy(shown.experiments[0].measured)
    for network in measured["cost"].values():
        network |= gpu
    first = dataclasses.replace(shown.experiments[0], measured=measured)
    html = page.render(
        dataclasses.replace(shown, experiments=[first, *shown.experiments[1:]]), BASE, tmp_path
    )
    head, _, *students = table(html, "result")
    place = head.index("GPU latency, rate")
    assert [len(row) for row in students] == [len(head)] * len(students)
    assert students[0][place].replace("\N{NARROW NO-BREAK SPACE}", " ") == "0.31 ms, 91 k img/s"
    assert students[1][place] == "–"
    assert "and NVIDIA H100" in html


def test_the_page_needs_nothing_else(shown_of: Shows, tmp_path: Path) -> None:
    html = page.render(shown_of(BASE), BASE, tmp_path)
    assert not re.search(r"<script|<link|@import|url\(", html)
    for attribute in re.findall(r"(?:src|href)=\"([^\"]*)\"", html):
        assert attribute.startswith(("data:image/", "#"))
    assert len(html) < 1_000_000


def test_equal_results_give_equal_bytes(shown_of: Shows, tmp_path: Path) -> None:
    assert page.render(shown_of(BASE), BASE, tmp_path) == page.render(shown_of(BASE), BASE, tmp_path)


def test_text_from_the_configuration_is_escaped(shown_of: Shows, tmp_path: Path) -> None:
    html = page.render(shown_of(BASE), BASE, tmp_path, command="make <all> & more")
    assert "<title>Digits &amp; &lt;leaves&gt;</title>" in html
    assert "A &lt;b&gt;demonstration&lt;/b&gt; &amp; no claim." in html
    assert "make &lt;all&gt; &amp; more" in html
    assert "<leaves>" not in html


def test_what_is_not_data_free_is_marked(shown_of: Shows, tmp_path: Path) -> None:
    html = page.render(shown_of(BASE), BASE, tmp_path)
    rows = dict(re.findall(r'href="#experiment-([^"]+)">.*?</small>(.*?)</th>', html, re.DOTALL))
    assert "mark" not in rows["leaves"]
    assert "real images" in rows["attacked+real"]
    assert "data statistics" in rows["noise"]


def test_the_attack_is_shown_for_the_experiment_that_has_one(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    html = page.render(shown, BASE, tmp_path)
    assert html.count("Pairs across the boundary") == 1
    attacked = shown.experiments[1].runs[0].boundary
    assert attacked is not None
    assert f"{attacked.index.samples} images are stored" in html
    pairs = attacked.facts["pairs"]
    _, *rows = cells(html[html.index('<table class="matrix"') :])
    assert rows == [
        [name, *(str(n) if n else "" for n in row)]
        for name, row in zip(attacked.index.classes, pairs, strict=True)
    ]
    joined = sum(n > 0 for i, row in enumerate(pairs) for j, n in enumerate(row) if i != j)
    assert f"{joined} of 90 ordered pairs of classes have at least one" in html


def test_of_many_classes_the_matrix_is_a_picture_with_a_pixel_for_each_pair() -> None:
    counts = np.zeros((30, 30), int)
    counts[3, 7], counts[7, 3] = 4, 1
    sheet = sheets.matrix(counts.tolist())
    picture = Image.open(io.BytesIO(base64.b64decode(sheet.source.split(",")[1])))
    image = np.asarray(picture.convert("L")).astype(int)
    assert image.shape == (30, 30)
    # The more the darker: the most is darkest, a quarter of it in between, all else equally light.
    assert image[3, 7] < image[7, 3] < image[0, 0]
    assert len(np.unique(image)) == 3


def test_how_many_pairs_straddle_stands_beside_the_accuracy(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    _, _, *students = table(page.render(shown, BASE, tmp_path), "result")
    for row, experiment in zip(students, shown.experiments, strict=True):
        told = summary.figures(experiment)["straddling"]
        rates = [run.student.facts["straddling"] for run in experiment.runs]
        if experiment.settings.attack_boundary is None:
            assert (told, row[3]) == (None, "–")
        else:
            assert told["mean"] == pytest.approx(sum(rates) / 2)
            assert row[3].startswith(f"{50 * sum(rates):.1f}")
    given = without_labels() | {"experiments": {"leaves": {}}}
    assert "Straddling" not in page.render(shown_of(given), given, tmp_path)


def test_pairs_that_were_made_anew_are_told_moment_by_moment(shown_of: Shows, tmp_path: Path) -> None:
    shown = shown_of(BASE)
    told = shown.experiments[1].runs[0].student.facts["refreshed"]
    assert [moment["step"] for moment in told] == [12, 24]
    html = page.render(shown, BASE, tmp_path)
    for moment in told:
        assert f'<th scope="row">{moment["step"]}</th><td>{moment["refresh_pairs"]}</td>' in html
    assert html.count("Pairs made anew") == 1


def test_a_checkpoint_without_data_has_a_report(shown_of: Shows, finished: Path, tmp_path: Path) -> None:
    given = imported(finished)
    shown = shown_of(given)
    html = page.render(shown, given, tmp_path)
    assert "imported from a checkpoint" in html
    assert "There are no labelled images." in html
    assert "40 of them selected, at random" in html
    links.write(shown, tmp_path)
    made = sorted(path.name for path in (tmp_path / "base").iterdir())
    assert "import_teacher" in made
    assert "import_images" not in made
    assert (tmp_path / "base" / "distill_student" / "seed-3").is_symlink()
