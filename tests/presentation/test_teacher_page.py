"""The page of the imported teachers, and what the report says of them."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import BASE, SCRIPTS, imported, make

from proxykd.configuration import load
from proxykd.plan import Plan
from proxykd.presentation import cautions, links, page, sheets, teacher_page
from proxykd.presentation.checks import ShownCheck, collect_checks
from proxykd.presentation.collect import Shown, collect
from proxykd.shards import read_table


def wrongly(store: Path) -> dict[str, Any]:
    """A checkpoint twice: as it was trained, and with pixels from 0 to 1; the latter with pictures."""
    (index,) = store.glob("train_teacher/*/network.json")
    own = json.loads(index.read_text())
    given = imported(store)
    given["import_teacher"] |= {"mean": own["mean"], "deviation": own["deviation"]}
    given["title"] = "Digits & <teachers>"
    given["experiments"] = {
        "right": {},
        "wrong": {
            "import_teacher": {"mean": [0.0], "deviation": [1.0]},
            "proxies": [{"import_images": "digits"}],
            "import_images": copy.deepcopy(BASE["import_images"]),
        },
    }
    return given


@pytest.fixture(scope="module")
def given(finished: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROXYKD_STORE", str(finished))
        patch.setenv("PROXYKD_DEVICE", "cpu")
        patch.chdir(finished.parent)
        configuration = wrongly(finished)
        make(Plan(load(configuration)))
    return configuration


@pytest.fixture
def checks(given: dict[str, Any], finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[ShownCheck]:
    monkeypatch.setenv("PROXYKD_STORE", str(finished))
    return collect_checks(Plan(load(given)))


@pytest.fixture
def shown(checks: list[ShownCheck], given: dict[str, Any]) -> Shown:
    return collect(Plan(load(given)))


def rendered(checks: list[ShownCheck], given: dict[str, Any]) -> str:
    return teacher_page.render(checks, load(given), given)


def test_each_teacher_has_its_verdict_and_the_figures_of_the_check(
    checks: list[ShownCheck], given: dict[str, Any]
) -> None:
    assert [one.experiments for one in checks] == [["right"], ["wrong"]]
    html = rendered(checks, given)
    assert "Digits &amp; &lt;teachers&gt;" in html
    for one in checks:
        section = html[html.index(f'id="{one.anchor}"') :]
        section = section[: section.index("</section>")]
        told = one.told
        assert told["sentence"].replace("'", "&#39;") in section
        for look in told["looks"].values():
            for row in look["normalisations"]:
                assert f"<span>{row['misfit']:.4f}</span>" in section
        assert section.count('<span class="mark">stated</span>') == len(told["looks"])
    right, wrong = checks
    assert set(right.images) == {"proxies"}
    assert set(wrong.images) == {"proxies", "pictures"}
    assert wrong.told["verdict"] == "wrong"
    assert '<span class="mark">likely</span>' in html


def test_the_page_needs_nothing_else_and_is_equal_for_equal_results(
    checks: list[ShownCheck], given: dict[str, Any]
) -> None:
    html = rendered(checks, given)
    assert not re.search(r"<script|<link|@import|url\(", html)
    for attribute in re.findall(r"(?:src|href)=\"([^\"]*)\"", html):
        assert attribute.startswith("data:image/")
    assert rendered(checks, given) == html


def test_the_sheet_shows_images_in_the_row_of_their_class(checks: list[ShownCheck]) -> None:
    wrong = checks[1]
    table = read_table(wrong.check.folder, ["kind", "row", "predicted"]).to_pylist()
    predicted = [row["predicted"] for row in table if row["kind"] == "pictures"]
    sheet = sheets.check_sheet(wrong.check, wrong.images["pictures"], "pictures")
    assert sheet.labels == wrong.check.index.classes
    assert sheet.empty == [label not in predicted for label in range(10)]
    (pixels,) = [_decoded(sheet.source)]
    pitch = pixels.shape[0] // sheet.rows
    for label in range(10):
        shown = pixels[label * pitch : (label + 1) * pitch, ::pitch, 3][0] > 0
        assert shown.sum() == min(sheets.COLUMNS, predicted.count(label))


def _decoded(source: str) -> np.ndarray:
    import base64
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_what_was_assumed_is_marked(checks: list[ShownCheck], given: dict[str, Any]) -> None:
    assert "neither given nor found" not in rendered(checks, given)
    checks[0].teacher.index.facts["assumed"] = ["mean"]
    html = rendered(checks, given)
    assert html.count("neither given nor found") == 1
    assert re.search(r"<dt>Mean</dt><dd>[^<]* <span class=\"mark\">assumed</span>", html)


def test_the_report_links_to_it_and_warns(shown: Shown, given: dict[str, Any], tmp_path: Path) -> None:
    html = page.render(shown, given, tmp_path)
    for one in shown.experiments:
        check = one.runs[0].check
        assert check is not None
        assert f'href="teacher.html#check-{check.key}"' in html
    warned = {one["who"]: one["text"] for one in cautions.cautions(shown) if "looks wrong" in one["text"]}
    assert list(warned) == ["wrong"]
    links.write(shown, tmp_path)
    for name in ("right", "wrong"):
        assert (tmp_path / name / "check_teacher" / "check.json").is_file()


def _program(store: Path, given: dict[str, Any], out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            str(SCRIPTS / "show_teacher.py"),
            "--settings",
            json.dumps(given),
            "--out",
            str(out),
        ],
        env={**os.environ, "PROXYKD_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_writes_it_without_what_comes_after(
    checks: list[ShownCheck], given: dict[str, Any], finished: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    for one in checks:
        for result in (one.check, one.teacher, *(r for several in one.images.values() for r in several)):
            place = store / result.name / result.key
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(result.folder)
    done = _program(store, given, tmp_path / "results")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["teacher.html"]
    assert checks[1].told["sentence"] in done.stderr


def test_without_an_imported_teacher_there_is_none(finished: Path, tmp_path: Path) -> None:
    done = _program(finished, BASE, tmp_path)
    assert done.returncode == 1
    assert "No teacher of this configuration is imported" in done.stderr
    assert not (tmp_path / "teacher.html").exists()
