"""`snakemake check`: the page of the imported teachers and no more than that needs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from checkouts import Checkout, finished_jobs, planned_jobs
from proxykd.networks.files import save
from trained import digit_teacher

PAGE = "results/teacher.html"


@pytest.fixture
def given(tiny: dict[str, Any], checkout: Checkout) -> dict[str, Any]:
    """The tiny run with a teacher that is imported, as it was trained."""
    teacher = digit_teacher()
    described = teacher.description
    (checkout.folder / "theirs").mkdir()
    save(teacher, checkout.folder / "theirs")
    del tiny["train_teacher"]
    tiny["import_teacher"] = {
        "architecture": "convnet_8",
        "checkpoint": "theirs/model.safetensors",
        "size": 8,
        "channels": 1,
        "classes": 10,
        "mean": described.mean,
        "deviation": described.deviation,
    }
    tiny["check_teacher"] = {"proxies": {"kind": "leaves", "count": 40}, "sample": 32}
    tiny["proxies"] = [{"import_images": "digits"}]
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    return tiny


def test_it_makes_the_page_and_nothing_that_comes_after(given: dict[str, Any], checkout: Checkout) -> None:
    done = checkout.run(*checkout.snakemake("check", configfile="run.yaml"))
    expected = {"import_teacher": 1, "import_images": 1, "render_proxies": 1, "check_teacher": 1}
    assert finished_jobs(done) == expected | {"show_teacher": 1, "check": 1}
    assert "agrees with the statistics" in (checkout.folder / PAGE).read_text()
    again = checkout.run(*checkout.snakemake("check", configfile="run.yaml"))
    assert not finished_jobs(again)
    everything = planned_jobs(checkout.run(*checkout.snakemake("all", "-n", configfile="run.yaml")))
    assert everything["score_proxies"] == 1
    assert "check_teacher" not in everything
    assert "show_teacher" not in everything


@pytest.mark.full
def test_a_refuted_teacher_is_scored_by_nobody(given: dict[str, Any], checkout: Checkout) -> None:
    given["import_teacher"] |= {"mean": [0.0], "deviation": [1.0]}
    given["check_teacher"]["unlikely"] = "fail"
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(given))
    done = checkout.run(*checkout.snakemake("all", configfile="run.yaml"))
    assert done.returncode != 0
    assert "looks wrong" in done.stderr
    made = {folder.parent.name for folder in checkout.results()}
    assert "import_teacher" in made
    assert made <= {"import_teacher", "import_images", "render_proxies"}


def test_a_teacher_that_is_trained_here_has_no_such_page(tiny: dict[str, Any], checkout: Checkout) -> None:
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    jobs = planned_jobs(checkout.run(*checkout.snakemake("all", "-n", configfile="run.yaml")))
    assert not {"check_teacher", "show_teacher"} & set(jobs)
    assert jobs["report"] == 1
    asked = checkout.run(*checkout.snakemake("check", "-n", configfile="run.yaml"))
    assert "this configuration trains its own" in asked.stderr + asked.stdout
