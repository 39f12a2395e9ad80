"""`assess`: the page on proxies, and no student."""

from __future__ import annotations

import json
from typing import Any

import yaml

from checkouts import Checkout, finished_jobs, planned_jobs

STUDENTS = {"select_proxies", "attack_boundary", "distill_student", "evaluate_student", "report"}


def test_it_makes_the_page_and_no_student(checkout: Checkout, tiny: dict[str, Any]) -> None:
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    command = checkout.snakemake("assess", configfile="run.yaml")
    jobs = finished_jobs(checkout.run(*command))
    assert jobs["assess_proxies"] == jobs["rank_proxies"] == jobs["assess"] == 1
    assert not STUDENTS & set(jobs)
    made = {path.parent.name for path in checkout.results()}
    assert not STUDENTS & made
    told = json.loads((checkout.folder / "results" / "proxies.json").read_text())
    (teacher,) = told["teachers"]
    assert [one["experiments"] for one in teacher["proxies"]] == [["base"]]
    # Again there is nothing to do; another setting of the students' changes nothing of it.
    assert planned_jobs(checkout.run(*command, "--dry-run")) == {}
    tiny["distill_student"]["recipe"]["steps"] = 5
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    assert set(planned_jobs(checkout.run(*command, "--dry-run"))) <= {"rank_proxies", "assess"}
