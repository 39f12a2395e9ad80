"""Sets that are divided by a teacher's classes: lists, programs, and the plan."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from checkouts import Checkout, finished_jobs, tiny_configuration
from divide_classes import as_yaml
from programs import Workplace
from proxykd.configuration import load
from proxykd.errors import UserError
from proxykd.images import digits
from proxykd.images.division.divide import Division, divide
from proxykd.images.division.listed import check_names, read_list
from proxykd.images.division.overlap import Teacher
from proxykd.images.settings import ImageSet, ImportImages
from proxykd.plan import Plan, Stage

DATA = os.environ.get("PROXYKD_DATA")
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CLASSES = {"n02102040": 10, "n03028079": 60, "n03425413": 110, "zorblax": 160}
"""A springer, a church, a gas pump; and the grey level of each."""
DIGITS = {"source": "digits", "size": 8, "channels": 1}


def paint(root: Path, classes: dict[str, int], count: int = 6) -> str:
    for name, level in classes.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.new("L", (8, 8), level + index).save(root / name / f"{index}.png")
    return str(root)


def settings(**given: Any) -> ImportImages:
    return ImportImages(**{**DIGITS, "split": "train", "classes": "ood", **given})


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_list_goes_before_wordnet(tmp_path: Path) -> None:
    place = write(tmp_path / "l.yaml", "id: [n03028079]\nood: [zorblax]\nundecided: [n02102040]\n")
    division = Division(settings(division=str(place)), ["dog"])
    assert division.keep(list(CLASSES)).tolist() == [2, 3]
    facts = division.facts()
    assert (facts["id"], facts["ood"]) == (["n03028079"], ["n03425413", "zorblax"])
    assert facts["undecided"] == ["n02102040"]
    assert facts["reasons"]["n03028079"] == "the list says so"
    assert Division(settings(), ["dog"]).keep(list(CLASSES)).tolist() == [1, 2]


def test_what_is_not_certain_is_told() -> None:
    division = Division(settings(), ["dog", "quux"])
    division.keep(list(CLASSES))
    undecided, unknown = division.warnings()
    assert undecided.startswith("1 of 4 classes")
    assert "zorblax" in undecided
    assert "does not know 1 of the teacher's classes: quux" in unknown
    assert division.facts()["unknown"] == ["zorblax"]
    assert division.facts()["teacher_unknown"] == ["quux"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("odd: [a]", "odd is not a list of class names under one of id, ood, undecided"),
        ("id: a", "id is not a list"),
        ("id: [{a: b}]", "id is not a list"),
        ("id: [a]\nood: [a]", "has a under id and under ood"),
        ("- a", "holds no division"),
        ("id: [a", "cannot be read as YAML"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_list(write(tmp_path / "l.yaml", text))


def test_a_list_with_a_name_that_the_set_has_not_names_the_nearest(tmp_path: Path) -> None:
    place = write(tmp_path / "l.yaml", "ood: [n03028078, no, 1]")
    listed = read_list(place)
    assert list(listed) == ["n03028078", "no", "1"]
    with pytest.raises(UserError, match="no class of the set; the nearest is n03028079"):
        check_names(listed, list(CLASSES), place)


def test_a_written_list_is_read_as_it_was(tmp_path: Path) -> None:
    classes = [*CLASSES, "no", "1", 'a "b": c # d', "T-shirt/top"]
    verdicts = divide(classes, Teacher(["dog", "no"]), {})
    listed = read_list(write(tmp_path / "l.yaml", as_yaml(verdicts)))
    assert listed == {name: verdict.part for name, verdict in verdicts.items()}
    assert set(listed.values()) == {"id", "ood", "undecided"}


def test_a_part_without_classes_and_a_teacher_without_names_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No class of the set is id for this teacher \(0 id, 3 ood, 1 und"):
        Division(settings(classes="id"), ["cat"]).keep(list(CLASSES))
    with pytest.raises(UserError, match="WordNet knows none of the teacher's classes"):
        Division(settings(), ["0", "1"]).keep(list(CLASSES))
    whole = write(tmp_path / "l.yaml", f"ood: [{', '.join(CLASSES)}]")
    assert len(Division(settings(division=str(whole)), ["0", "1"]).keep(list(CLASSES))) == 4


def test_what_is_held_out_does_not_depend_on_what_is_kept_and_the_limit_counts_what_is() -> None:
    def read(split: str, **given: Any) -> Any:
        wanted = ImportImages(**DIGITS, split=split, **given)
        return digits.read(wanted, lambda _: None, lambda _: np.array([3, 8]))

    whole = {split: digits.read(ImportImages(**DIGITS, split=split), lambda _: None)
             for split in ("train", "validation", "test")}  # fmt: skip
    for split, imported in whole.items():
        rows = zip(imported.origins, imported.labels, strict=True)
        assert read(split).origins == [origin for origin, label in rows if label in (3, 8)]
    assert Counter(read("train", limit=40).labels) == {3: 20, 8: 20}


def test_settings_of_a_division() -> None:
    with pytest.raises(ValueError, match="set classes to one of them"):
        ImageSet(**DIGITS, division="l.yaml")
    assert settings().modules()[1:] == ["proxykd.images.division.divide"]
    assert ImportImages(**DIGITS, split="train").modules() == ["proxykd.images.digits"]
    divided = settings(division="l.yaml")
    assert divided.data() == ["l.yaml"]
    assert divided.identity() == settings(division="elsewhere.yaml").identity()


def test_the_program_imports_the_classes_that_the_teacher_does_not_know(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    taught = {"source": "folder", "size": 8, "channels": 1, "validation_share": 0, "test_share": 0}
    known = taught | {"path": paint(tmp_path / "known", {"dog": 0, "truck": 200}), "split": "train"}
    teacher = {"images": "k", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 2, "batch": 4}}
    workplace.make("import_images", "known", known)
    workplace.make("train_teacher", "t", teacher, images="import_images/known")
    other = known | {"path": paint(tmp_path / "other", CLASSES), "classes": "ood"}
    made = workplace.make("import_images", "ood", other, teacher="train_teacher/t")
    index = workplace.index(made)
    assert (index["classes"], index["samples"]) == (["n03028079", "n03425413"], 12)
    assert index["facts"]["division"]["id"] == ["n02102040"]
    assert index["upstream"]["teacher"][0]["key"] == workplace.index("train_teacher/t")["key"]
    rows = read_rows(workplace.folder / made)
    assert rows["label"] == [0] * 6 + [1] * 6
    assert set(rows["class"]) == {"n03028079", "n03425413"}
    assert "1 of 4 classes may overlap" in (tmp_path / "import_images.py.stderr").read_text()
    status, told = workplace.run("import_images", "alone", other)
    assert (status, "Give --teacher" in told) == (1, True)


def read_rows(folder: Path) -> dict[str, list[Any]]:
    from proxykd.shards import read_table

    return read_table(folder, ["label", "class"]).to_pydict()


@pytest.mark.skipif(not DATA, reason="PROXYKD_DATA names no folder with real image sets")
@pytest.mark.parametrize(("part", "count"), [("id", 2), ("ood", 8)])
def test_imagenette_for_a_real_teacher_of_cifar10(tmp_path: Path, part: str, count: int) -> None:
    workplace = Workplace(tmp_path)
    checkpoint = f"{DATA}/teachers/resnet20-12fca82f.th"
    teacher = {"architecture": "cifar_resnet_20", "checkpoint": checkpoint, "size": 32, "classes": CIFAR10}
    workplace.make("import_teacher", "t", teacher)
    wanted = {"source": "parquet", "path": f"{DATA}/imagenette64", "size": 32, "split": "train"}
    given = wanted | {"classes": part, "limit": 80}
    made = workplace.make("import_images", part, given, teacher="import_teacher/t")
    index = workplace.index(made)
    assert (len(index["classes"]), index["samples"]) == (count, 80)
    assert set(Counter(read_rows(workplace.folder / made)["class"])) == set(index["classes"])
    assert (index["classes"] == ["n02102040", "n03417042"]) == (part == "id")


def divided(tmp_path: Path, **given: Any) -> dict[str, Any]:
    """A run whose proxies are the classes of a folder that a teacher of dogs and trucks does not know."""
    folder = {"source": "folder", "size": 8, "channels": 1, "validation_share": 0, "test_share": 0.3}
    run = tiny_configuration()
    for name, classes in (("known", {"dog": 0, "truck": 200}), ("other", CLASSES)):
        if not (tmp_path / name).exists():
            paint(tmp_path / name, classes)
        run["import_images"][name] = folder | {"path": str(tmp_path / name)}
    run["import_images"]["other"] |= {"classes": "ood", **given}
    run["train_teacher"]["images"] = run["evaluate_student"]["images"] = "known"
    run["proxies"] = [{"import_images": "other"}]
    return run


def pool(run: dict[str, Any]) -> Stage:
    return Plan(load(run)).experiments[0].runs[0].pools[0]


def test_the_list_and_the_teacher_count_for_the_key(tmp_path: Path) -> None:
    place = write(tmp_path / "l.yaml", "ood: [zorblax]\n")
    run = divided(tmp_path, division=str(place))
    keys = [pool(run).key]
    assert pool(run).key == keys[0]
    moved = write(tmp_path / "moved.yaml", place.read_text())
    assert pool(divided(tmp_path, division=str(moved))).key == keys[0]
    write(place, "id: [zorblax]\n")
    keys.append(pool(run).key)
    keys.append(pool(run | {"seeds": {"train_teacher": [5]}}).key)
    keys.append(pool(divided(tmp_path)).key)
    assert len(set(keys)) == 4
    whole = pool(divided(tmp_path, classes="all"))
    assert whole.upstream == {}
    assert whole.key == pool(divided(tmp_path, classes="all") | {"seeds": {"train_teacher": [5]}}).key


def test_a_divided_set_comes_after_the_teacher(tmp_path: Path) -> None:
    plan = Plan(load(divided(tmp_path)))
    made: set[str] = set()
    for stage in plan.all_stages():
        assert {one.key for one in stage.before} <= made
        made.add(stage.key)
    assert [stage.key for stage in plan.experiments[0].stages] == [one.key for one in plan.all_stages()]


@pytest.mark.parametrize("user", ["train_teacher", "evaluate_student"])
def test_a_set_whose_labels_count_is_not_divided(tmp_path: Path, user: str) -> None:
    run = divided(tmp_path)
    run[user]["images"] = "other"
    with pytest.raises(UserError, match=rf"import_images\.other has classes: ood.*{user}\.images needs all"):
        Plan(load(run))


def test_snakemake_makes_the_teacher_first(checkout: Checkout, tmp_path: Path) -> None:
    run = write(tmp_path / "run.yaml", yaml.safe_dump(divided(tmp_path)))
    (teacher,) = checkout.keys(yaml.safe_load(run.read_text()))["train_teacher"]
    wanted = pool(yaml.safe_load(run.read_text()))
    stamp = f"store/import_images/{wanted.key}.done"
    done = checkout.run(*checkout.snakemake(stamp, configfile=run))
    assert finished_jobs(done) == Counter(import_images=2, train_teacher=1)
    assert (checkout.store / "train_teacher" / teacher / "index.json").is_file()
