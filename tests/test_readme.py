"""What the README tells a stranger to type is true of the project."""

from __future__ import annotations

import re

import yaml

from checkouts import ROOT
from proxykd.configuration import load

README = (ROOT / "README.md").read_text()


def test_the_examples_are_configurations() -> None:
    whole, images = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
    experiment = load(whole).experiments["base"]
    assert experiment.import_teacher is not None
    assert experiment.evaluate_student.images is None
    # The second says of the first where its proxies come from.
    mixed = load(whole | images).experiments["base"]
    assert [pool.share for pool in mixed.proxies] == [0.2, 0.3, 0.5]
    assert {images.size for images in mixed.import_images.values()} == {whole["import_teacher"]["size"]}


def test_the_files_that_it_names_are_there() -> None:
    named = re.findall(r"`((?:workflow|envs|slurm|scripts|docs)/[\w./-]+)`|\((docs/[\w.]+)\)", README)
    assert named
    missing = {a or b for a, b in named if not (ROOT / (a or b)).exists()}
    assert not missing


def test_the_commands_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE)) <= targets
