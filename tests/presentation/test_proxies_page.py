"""The page on proxies: made from assessments alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import BASE, SCRIPTS, imported, several_proxies

from proxykd.assessment.ranking import Ranked
from proxykd.configuration import load
from proxykd.errors import UserError
from proxykd.plan import Plan
from proxykd.presentation import proxies_page
from proxykd.presentation.assessed import Group, Proxies, groups
from proxykd.presentation.figures import histogram_chart
from proxykd.presentation.reasons import reason


@pytest.fixture
def store(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROXYKD_STORE", str(finished))
    return finished


def page(given: dict, out: Path) -> tuple[str, list[Group]]:
    configuration = load(given)
    found = groups(Plan(configuration))
    return proxies_page.render(configuration, found, given, out), found


def test_experiments_with_equal_proxies_share_a_row_and_the_best_is_first(
    store: Path, tmp_path: Path
) -> None:
    html, (group,) = page(several_proxies(), tmp_path)
    names = [one.names for one in group.proxies]
    assert ["real", "real+boundary"] in names
    assert len(names) == 5
    assert [one.place for one in group.ranked] == sorted(one.place for one in group.ranked)
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    rows = re.findall(r'(\d+)\. <a href="#[^"]+">([^<]+)</a>', table)
    assert rows == [(str(at.place), one.name) for one, at in zip(group.proxies, group.ranked, strict=True)]


def test_the_table_has_the_assessments_figures(store: Path, tmp_path: Path) -> None:
    html, (group,) = page(several_proxies(), tmp_path)
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    for one in group.proxies:
        row = table[table.index(f">{one.name}</a>") :].partition("</tr>")[0]
        told = json.loads((one.assessment.folder / "assessment.json").read_text())
        assert f"<td>{told['uniformity']['relative_entropy']:.3f}</td>" in row
        assert f"<td>{told['boundary']['mean_entropy']:.3f}</td>" in row
        assert f"<td>{told['diversity']['features']['vendi']:.2f}</td>" in row


def test_teachers_are_ranked_apart(store: Path, tmp_path: Path) -> None:
    given = several_proxies()
    other = {key: imported(store)[key] for key in ("import_teacher", "proxies")}
    given["experiments"]["imported"] = other | {"train_teacher": None}
    # The finished store holds the assessment of these proxies by that teacher.
    html, found = page(given, tmp_path)
    assert [len(group.proxies) for group in found] == [5, 1]
    assert html.count('class="teacher"') == 2
    assert "imported" in html


def test_the_page_needs_nothing_else_and_is_the_same_each_time(store: Path, tmp_path: Path) -> None:
    html, _ = page(BASE, tmp_path)
    assert html == page(BASE, tmp_path)[0]
    assert not re.search(r"<script|<link|@import|url\(", html)
    for attribute in re.findall(r"(?:src|href)=\"([^\"]*)\"", html):
        assert attribute.startswith(("data:image/", "#"))
    for anchor in re.findall(r'href="#([^"]*)"', html):
        assert f'id="{anchor}"' in html
    assert "<leaves>" not in html


def _without_students(store: Path, place: Path) -> Path:
    """The store as `assess` leaves it."""
    stages = ("train_teacher", "import_images", "render_proxies", "score_proxies", "assess_proxies")
    for stage in stages:
        shutil.copytree(store / stage, place / stage)
    return place


def _program(store: Path, out: Path) -> subprocess.CompletedProcess[str]:
    import os

    program = [sys.executable, str(SCRIPTS / "rank_proxies.py"), "--out", str(out)]
    return subprocess.run(
        [*program, "--settings", json.dumps(several_proxies())],
        env=os.environ | {"PROXYKD_STORE": str(store)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_needs_no_student_and_writes_page_and_figures(finished: Path, tmp_path: Path) -> None:
    done = _program(_without_students(finished, tmp_path / "store"), tmp_path / "results")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "results" / "proxies.json").read_text())
    (teacher,) = told["teachers"]
    assert {name for one in teacher["proxies"] for name in one["experiments"]} == set(
        several_proxies()["experiments"]
    )
    for one in teacher["proxies"]:
        assert set(one["ranks"]) == set(told["criteria"])
        assert one["reason"]
    assert (tmp_path / "results" / "proxies.html").read_text().startswith("<!doctype html>")


def test_what_is_missing_is_named_in_a_sentence(finished: Path, tmp_path: Path) -> None:
    store = _without_students(finished, tmp_path / "store")
    shutil.rmtree(store / "assess_proxies")
    done = _program(store, tmp_path / "results")
    assert done.returncode == 1
    assert re.search(r"The page on proxies needs assess_proxies/\w{16} \(for leaves\)", done.stderr)
    assert "snakemake --cores all assess" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").iterdir())


def _noise(store: Path) -> tuple[Proxies, Ranked]:
    (group,) = groups(Plan(load(several_proxies())))
    pairs = zip(group.proxies, group.ranked, strict=True)
    return next((one, at) for one, at in pairs if one.name == "noise")


def test_reasons_name_what_is_missing(store: Path) -> None:
    noise, ranked = _noise(store)
    histogram = noise.told["uniformity"]["histogram"]
    empty = [name for name, n in zip(noise.classes, histogram, strict=True) if n == 0]
    assert empty, "noise that a teacher sees in all classes is no test of this"
    told = reason(noise, ranked, 5)
    assert f"the teacher sees {len(empty)} of 10 classes in no image ({empty[0]}" in told


def test_a_rare_class_is_told_with_its_price(store: Path) -> None:
    noise, ranked = _noise(store)
    noise.told["uniformity"] |= {"histogram": [100] * 9 + [2], "smallest_share": 2 / 902}
    noise.told["uniformity"]["to_fill"] = {"class": "9", "images": 451_000, "a_class": 1000}
    assert "9 is seen in 0.2" in reason(noise, ranked, 5)
    assert "451" in reason(noise, ranked, 5)
    noise.told["uniformity"] |= {"smallest_share": 0.09}
    assert "9 is seen" not in reason(noise, ranked, 5)


def test_a_histogram_fills_its_frame() -> None:
    chart = histogram_chart([5, 0, 10, 5], 2.3)
    assert [bar["height"] for bar in chart["bars"]] == [50, 0, 100, 50]
    assert [bar["at"] for bar in chart["bars"]] == [0, 25, 50, 75]
    assert chart["highest"] == 0.5
    assert all(0 <= tick["at"] <= 100 for tick in chart["ticks"])


def test_a_plan_without_its_scores_is_refused(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path))
    with pytest.raises(UserError, match="The page on proxies needs"):
        groups(Plan(load(several_proxies())))
