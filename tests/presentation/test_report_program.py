"""The program that writes the report: what it makes, and what it says of stages that it cannot show."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import BASE, SCRIPTS

from proxykd.configuration import load
from proxykd.plan import Plan
from proxykd.presentation import sections
from proxykd.presentation.collect import Result, Shown, collect

Shows = Callable[[dict[str, Any]], Shown]


def _program(finished: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / "report.py"), *arguments],
        env={**os.environ, "PROXYKD_STORE": str(finished)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_writes_the_report(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = _program(finished, "--settings", json.dumps(BASE), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == ["report.html", "summary.json"]
    assert json.loads((out / "summary.json").read_text())["title"] == BASE["title"]


def test_a_missing_stage_is_named_in_a_sentence(finished: Path, tmp_path: Path, shown_of: Shows) -> None:
    student = shown_of(BASE).experiments[2].runs[0].student
    store = tmp_path / "store"
    shutil.copytree(finished, store, ignore=lambda folder, names: {student.key} & set(names))
    done = _program(store, "--settings", json.dumps(BASE), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert f"distill_student/{student.key} (for noise)" in done.stderr
    assert "Traceback" not in done.stderr


def _with_records(finished: Path, store: Path, student: Result, records: list[dict[str, Any]]) -> None:
    """A copy of the finished store in which a student's training has other records."""
    shutil.copytree(finished, store)
    folder = store / "distill_student" / student.key
    metrics, index = folder / "metrics.jsonl", folder / "index.json"
    for path in (metrics, index):
        path.chmod(0o644)
    metrics.write_text("".join(json.dumps(record) + "\n" for record in records))
    told = json.loads(index.read_text())
    for entry in told["files"]:
        if entry["name"] == "metrics.jsonl":
            entry["bytes"] = metrics.stat().st_size
    index.write_text(json.dumps(told))


def test_what_else_a_record_says_changes_no_curve(
    shown_of: Shows, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shown_of(BASE).experiments[0]
    student = before.runs[0].student
    more = [record | {"images_per_second": 1e6, "told": "more"} for record in student.records()]
    _with_records(finished, tmp_path / "store", student, more)
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "store"))
    after = collect(Plan(load(BASE))).experiments[0]
    assert after.runs[0].student.records() == more
    assert sections.experiment(after, tmp_path)["curves"] == sections.experiment(before, tmp_path)["curves"]


def test_records_without_a_loss_are_named_in_a_sentence(
    shown_of: Shows, finished: Path, tmp_path: Path
) -> None:
    student = shown_of(BASE).experiments[0].runs[0].student
    _with_records(finished, tmp_path / "store", student, [{"step": 25, "epoch": 1.0, "images": 800}])
    done = _program(tmp_path / "store", "--settings", json.dumps(BASE), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert re.search(rf"{student.key}/metrics.jsonl is damaged.*lacks one of .*loss", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_damaged_stage_is_named_in_a_sentence(shown_of: Shows, finished: Path, tmp_path: Path) -> None:
    selection = shown_of(BASE).experiments[0].runs[0].selection
    store = tmp_path / "store"
    shutil.copytree(finished, store)
    shard = store / "select_proxies" / selection.key / "train-000000.tar"
    content = bytearray(shard.read_bytes())
    content[700] ^= 255
    shard.chmod(0o644)
    shard.write_bytes(content)
    done = _program(store, "--settings", json.dumps(BASE), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert f"{shard} is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results" / "report.html").exists()
