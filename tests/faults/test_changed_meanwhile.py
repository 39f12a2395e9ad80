"""Code or configuration that changes while a run is under way: a sentence, and nothing under a wrong key."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import torch
import yaml

from checkouts import PACKAGE, SMOKE, Checkout, finished_jobs, wait_until
from proxykd import store
from proxykd.networks.build import build
from proxykd.networks.classifier import Description

RENDERER = f"{PACKAGE}/proxies/shaders/studio.py"


def keys(checkout: Checkout) -> dict[str, list[str]]:
    return checkout.keys(yaml.safe_load((checkout.folder / SMOKE).read_text()))


def names(checkout: Checkout, stage: str) -> set[str]:
    """What is there of a stage, but for locks."""
    return {path.name for path in (checkout.store / stage).glob("*") if path.suffix != ".lock"}


def test_a_job_that_is_parsed_again(checkout: Checkout) -> None:
    """As a cluster's node does it, long after the plan was made."""
    key = keys(checkout)["render_proxies"][0]
    job = ["--target-jobs", f"render_proxies:key={key}", "--allowed-rules", "render_proxies", "--nolock"]
    command = [*checkout.snakemake(*job), "--mode", "remote", "--force-use-threads", "--ignore-incomplete"]
    changes = [(SMOKE, "size: 8", "size: 9"), (RENDERER, "side=256", "side=512")]
    for file, old, new in changes:
        checkout.replace(file, old, new)
        done = checkout.run(*command)
        assert done.returncode == 1
        assert (
            f"render_proxies/{key} is not in the plan: the configuration or the code changed" in done.stderr
        )
        assert "Start the same command again" in done.stderr
        assert "Traceback (most recent call last)" not in done.stderr
        assert names(checkout, "render_proxies") == set()
        checkout.replace(file, new, old)
    assert checkout.run(*command).returncode == 0
    assert names(checkout, "render_proxies") == {key, f"{key}.done"}


def test_code_that_changes_between_plan_and_job(checkout: Checkout) -> None:
    """On one machine jobs are not parsed again: the program itself compares its code with its key."""
    planned = keys(checkout)
    images, pool = planned["import_images"][0], planned["render_proxies"][0]
    first, second = f"store/import_images/{images}.done", f"store/render_proxies/{pool}.done"
    command = [*checkout.snakemake(second, first, "--prioritize", first), "--cores", 1]
    run = subprocess.Popen(**checkout.command(*command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_until(
        lambda: (checkout.store / "import_images" / f"{images}.lock").exists() or run.poll() is not None
    )
    checkout.replace(RENDERER, "side=256", "side=512")
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert f"error: render_proxies was planned as {pool}, but its settings, code or data have changed" in said
    (new,) = set(re.findall(r"now give (\w+)\. Nothing was written\. Start the same command again", said))
    assert new in keys(checkout)["render_proxies"]
    assert "Traceback" not in said
    assert names(checkout, "import_images") == {images, f"{images}.done"}
    assert names(checkout, "render_proxies") == set()
    again = checkout.run(*checkout.snakemake(second.replace(pool, new), first))
    assert finished_jobs(again) == {"render_proxies": 1}
    assert names(checkout, "render_proxies") == {new, f"{new}.done"}


def test_code_that_changes_before_it_is_loaded(checkout: Checkout) -> None:
    """The result is of the code that its key stands for, or there is none."""
    files = checkout.folder / PACKAGE / "networks/files.py"
    whole = Description("convnet_8", 8, 1, ["a", "b"], [0.0], [1.0])
    torch.save(build(whole).body.state_dict(), checkout.folder / "weights.pt")
    settings = {"architecture": whole.architecture, "checkpoint": "weights.pt", "size": 8, "channels": 1,
                "classes": whole.classes, "mean": whole.mean, "deviation": whole.deviation}  # fmt: skip
    out = checkout.store / "import_teacher" / "made"
    command = ["scripts/import_teacher.py", "--settings", json.dumps(settings), "--out", out]
    program = subprocess.Popen(**checkout.command(sys.executable, *command), stderr=subprocess.PIPE)
    wait_until(lambda: list(out.parent.glob("*.partial")) or program.poll() is not None)
    files.write_text(files.read_text().replace("indent=1", "indent=2"))
    _, said = program.communicate(timeout=60)
    if program.returncode:
        assert said.splitlines()[-1].startswith("error: ")
        assert names(checkout, "import_teacher") == set()
    else:
        store.verify(out)
        assert (out / "network.json").read_text().startswith('{\n "architecture"')
