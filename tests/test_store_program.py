"""scripts/store.py: what people do with a store."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import Checkout, copy_checkout, tiny_configuration
from proxykd import store


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose store holds the pools of a configuration and what they are selected from."""
    checkout = copy_checkout(tmp_path_factory.mktemp("filled"))
    write(checkout, tiny_configuration())
    for key in checkout.keys(tiny_configuration())["render_proxies"]:
        made = make(checkout, key)
        assert made is not None
    return checkout


PROGRAM = """
import json, subprocess, sys
sys.path.insert(0, "scripts")
from pathlib import Path
from proxykd import configuration, plan
stage = plan.Plan(configuration.read(Path("config.yaml"))).stage(sys.argv[1], sys.argv[2])
command = [sys.executable, f"scripts/{stage.name}.py", "--settings", stage.settings_json, "--key", stage.key]
raise SystemExit(subprocess.run([*command, "--out", stage.stamp], check=False).returncode)
"""


def make(checkout: Checkout, key: str, stage: str = "render_proxies") -> Path:
    """Make one stage of the checkout's configuration that is made from nothing."""
    done = checkout.python("-c", PROGRAM, stage, key)
    assert done.returncode == 0, done.stderr
    return checkout.store / stage / key


def write(checkout: Checkout, configuration: dict[str, Any], name: str = "config.yaml") -> None:
    (checkout.folder / name).write_text(yaml.safe_dump(configuration))


def tool(checkout: Checkout, *arguments: object, stdin: str = "") -> tuple[int, str, str]:
    keywords = checkout.command("python", "scripts/store.py", *arguments)
    done = subprocess.run(**keywords, input=stdin, capture_output=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def pool_and_heldout(checkout: Checkout) -> tuple[str, str]:
    found = sorted((checkout.store / "render_proxies").glob("*/index.json"))
    counts = {json.loads(path.read_text())["settings"]["count"]: path.parent.name for path in found}
    return counts[80], counts[40]


def test_list_names_what_needs_what(filled: Checkout) -> None:
    write(
        filled,
        tiny_configuration() | {"experiments": {"a": {}, "b": {"select_proxies": {"count": 9}}}},
        "x.yaml",
    )
    code, shown, _ = tool(filled, "list", "--configfile", "x.yaml", "config.yaml")
    lines = [line for line in shown.splitlines() if line.startswith("render_proxies")]
    assert code == 0
    assert len(lines) == 2
    assert all(line.endswith("a, b, base") for line in lines)
    assert " 80 " in shown
    assert "2 results" in shown


def test_verify(filled: Checkout) -> None:
    pool, heldout = pool_and_heldout(filled)
    code, shown, _ = tool(filled, "verify")
    assert (code, shown.count("as they were made")) == (0, 2)
    shard = filled.store / "render_proxies" / pool / "train-000000.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + b"x")
    try:
        code, shown, _ = tool(filled, "verify", f"render_proxies/{pool}", f"render_proxies/{heldout[:6]}")
        assert code == 1
        assert f"discard render_proxies/{pool}" in shown
        assert shown.count("as they were made") == 1
    finally:
        shard.write_bytes(content)


@pytest.mark.parametrize("name", ["render_proxies/0000000", "render/00", "nothing", "render_proxies/"])
def test_a_wrong_name_is_a_sentence(filled: Checkout, name: str) -> None:
    code, _, said = tool(filled, "verify", name)
    assert code == 1
    assert said.startswith(f"error: {name}")


def test_explain_what_is_there(filled: Checkout) -> None:
    code, shown, _ = tool(filled, "explain", "base/render_proxies")
    assert (code, shown.count("is in the store already")) == (0, 2)
    _, shown, _ = tool(filled, "explain", "base/train_teacher")
    assert "nor is any earlier train_teacher" in shown
    code, shown, _ = tool(filled, "explain", "base")
    assert (code, "render_proxies" in shown) == (0, False)
    assert [line.split("/")[0] for line in shown.splitlines()] == [
        *3 * ["import_images"], "train_teacher", "score_proxies", "assess_proxies", "select_proxies",
        "distill_student", "evaluate_student",
    ]  # fmt: skip
    for wrong in ("nobody/render_proxies", "base/nothing", "nobody"):
        code, _, said = tool(filled, "explain", wrong)
        assert code == 1
        assert said.startswith("error: ")


def test_explain_changed_settings_with_both_values(filled: Checkout) -> None:
    configuration = tiny_configuration()
    configuration["proxies"][0]["render_proxies"] |= {"count": 81, "mean": 0.25}
    write(filled, configuration, "changed.yaml")
    _, shown, _ = tool(filled, "explain", "base/render_proxies", "--configfile", "changed.yaml")
    assert "count: 80 -> 81" in shown
    assert "mean: 0.5 -> 0.25" in shown
    assert "code: the same" in shown


def test_explain_says_what_changed_further_up(filled: Checkout) -> None:
    """A teacher's images have another key, and the setting behind that is named with both values."""
    (teacher,) = filled.keys(tiny_configuration())["train_teacher"]
    done = filled.run("snakemake", f"store/train_teacher/{teacher}.done", "--cores", 1)
    assert done.returncode == 0, done.stderr
    configuration = tiny_configuration()
    configuration["import_images"]["digits"]["limit"] = 150
    write(filled, configuration, "fewer.yaml")
    code, shown, _ = tool(filled, "explain", "base/train_teacher", "--configfile", "fewer.yaml")
    images = store.read_index(filled.store / "train_teacher" / teacher).upstream["images"][0].key
    assert code == 0
    assert "settings: the same\n  code: the same\n" in shown
    assert f"images: {images} -> " in shown
    assert shown.partition("since, further up:\n")[2].startswith("    import_images: limit: 200 -> 150\n")
    for result in ("train_teacher", "import_images"):
        for folder in (filled.store / result).glob("*/"):
            assert tool(filled, "discard", f"{result}/{folder.name}", "--yes")[0] == 0


def test_explain_changed_code_then_adopt(filled: Checkout) -> None:
    pool, _ = pool_and_heldout(filled)
    noise = filled.folder / "scripts/proxykd/proxies/noise.py"
    text = noise.read_text()
    noise.write_text(text.replace("values *= 255", "values *= 256") + "\nX = 1\n")
    try:
        _, shown, _ = tool(filled, "explain", "base/render_proxies")
        assert "proxykd.proxies.noise: render_one changed, X is new\n" in shown
        assert "settings: the same" in shown
        code, shown, said = tool(filled, "adopt", f"render_proxies/{pool}", "base/render_proxies")
        assert code == 0, said
        new = shown.split()[0]
        index = store.verify(filled.store / new)
        old = store.read_index(filled.store / "render_proxies" / pool)
        assert index.key == new.rpartition("/")[2] != pool
        assert index.digest == old.digest
        assert index.facts["adopted"]["from"] == pool
        assert index.facts["adopted"]["code"] == ["proxykd.proxies.noise: render_one changed, X is new"]
        assert "declared" in index.facts["adopted"]
        _, shown, _ = tool(filled, "explain", "base/render_proxies")
        assert f"{new} is in the store already" in shown
        assert tool(filled, "discard", new, "--yes")[0] == 0
        assert store.verify(filled.store / "render_proxies" / pool)
    finally:
        noise.write_text(text)


def test_only_code_can_be_adopted(filled: Checkout) -> None:
    pool, _ = pool_and_heldout(filled)
    code, _, said = tool(filled, "adopt", f"render_proxies/{pool}", "base/render_proxies")
    assert (code, "already" in said) == (1, True)
    configuration = tiny_configuration()
    configuration["proxies"][0]["render_proxies"]["count"] = 81
    write(filled, configuration, "other.yaml")
    arguments = ("adopt", f"render_proxies/{pool}", "base/render_proxies", "--configfile", "other.yaml")
    code, _, said = tool(filled, *arguments)
    assert code == 1
    assert "count: 80 -> 81" in said


def test_collect_shows_asks_and_spares_the_young(filled: Checkout) -> None:
    pool, heldout = pool_and_heldout(filled)
    configuration = tiny_configuration()
    configuration["proxies"] = [{"import_images": "digits"}]
    write(filled, configuration, "real.yaml")
    dead = filled.store / "render_proxies" / f"{pool}.elsewhere.made.1.partial"
    dead.mkdir()
    collect = ("collect", "--configfile", "real.yaml")
    code, shown, _ = tool(filled, *collect)
    assert (code, "kept 2" in shown) == (0, True)
    code, shown, said = tool(filled, *collect, "--older-than-hours", "0", stdin="n\n")
    assert code == 1
    assert f"render_proxies/{pool}" in shown
    assert "Nothing was removed" in said
    old = time.time() - 48 * 3600
    for path in [dead, *(filled.store / "render_proxies").glob(f"{pool}*"), *dead.parent.glob(f"{pool}/*")]:
        os.utime(path, (old, old))
    code, shown, said = tool(filled, *collect, stdin="y\n")
    assert code == 0, said
    left = sorted(path.name for path in dead.parent.iterdir() if path.suffix != ".lock")
    assert left == [heldout, f"{heldout}.done"]
    assert make(filled, pool).is_dir()


def test_discard_asks(filled: Checkout) -> None:
    pool, _ = pool_and_heldout(filled)
    assert tool(filled, "discard", f"render_proxies/{pool}")[0] == 1
    assert (filled.store / "render_proxies" / pool).is_dir()
    assert tool(filled, "discard", f"render_proxies/{pool}", stdin="y\n")[0] == 0
    assert not (filled.store / "render_proxies" / pool).exists()
    assert not (filled.store / "render_proxies" / f"{pool}.done").exists()
    make(filled, pool)


def test_a_configuration_that_is_missing_is_a_sentence(filled: Checkout) -> None:
    code, _, said = tool(filled, "list", "--configfile", "none.yaml")
    assert (code, said) == (1, "error: none.yaml: No such file or directory.\n")
