"""Which edits change which stage's key, on a copy of the real code."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
from typing import Any

import pytest

from checkouts import Checkout, copy_checkout
from proxykd import source
from proxykd.plan import STAGES

FIXTURE = '''
@decorator(1, name="x")
async def f(a, /, b: int = 1, *args: str, c=None, **kw) -> "list[int]":
    """Docstring."""
    x = f"{a!r:>{b}} {b=} ünï {'nested' 'x'} {a:%Y-%m} {a:{b}.{c}} \\N{GREEK SMALL LETTER TAU}"
    y = f"" f"{a}" "b" f"{b:}" rf"\\d{a}"
    match a:
        case None: return
        case [1, *_] if (n := len(a)) > 2: ...
        case {"k": v, **rest}: pass
        case Point(x=0) | 3 as z: pass
    try: pass
    except* ValueError as e: raise X from e
    async with q as w: lambda *, k=...: (yield)
    return {**a, 1: 2}, [*b], -1e-7, 1j, b"\\xff", x[1:, ::2], "😀", "\\U0001FAE8", "\\ud800"
'''
DIGEST = "499a814bb51b3ae764264910ea309a52fa765e0323b74e98a529f1d5dd571a22"


def digest(text: str) -> str:
    return hashlib.sha256(source.describe(ast.parse(text)).encode()).hexdigest()


def test_digest_is_the_same_on_every_python_version() -> None:
    assert digest(FIXTURE) == DIGEST


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_other_interpreters_agree(version: str) -> None:
    """With the interpreters that happen to be installed; the stored digest stands for the others."""
    name = f"python{version}"
    if shutil.which(name) is None or subprocess.run([name, "-V"], capture_output=True).returncode:
        pytest.skip(f"no {name} here")
    program = (
        "import ast, hashlib, importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('source', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec); sys.modules['source'] = module\n"
        "spec.loader.exec_module(module)\n"
        "print(hashlib.sha256(module.describe(ast.parse(sys.argv[2])).encode()).hexdigest())"
    )
    done = subprocess.run(
        [name, "-c", program, str(source.__file__), FIXTURE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == DIGEST


@pytest.mark.parametrize(
    "same",
    [
        'def f(x):\n    """Other."""\n    return x + 1\n',
        "def f(x):  # comment\n    return (x +\n            1)\n",
        "def f( x ) : return x+1",
    ],
)
def test_docstrings_comments_and_layout_do_not_count(same: str) -> None:
    assert digest(same) == digest('def f(x):\n    """One."""\n    return x + 1\n')


@pytest.mark.parametrize(
    "other",
    [
        "def f(x): return x + 2",
        "def f(x): return x + 1.0",
        "def g(x): return x + 1",
        "def f(x): 'a'; return x",
    ],
)
def test_anything_that_is_executed_counts(other: str) -> None:
    assert digest(other) != digest("def f(x): return x + 1")


CONFIGURATION: dict[str, Any] = {
    "import_images": {"digits": {"source": "digits", "size": 8, "channels": 1}},
    "train_teacher": {"images": "digits", "network": {"architecture": "convnet_8"}, "recipe": {"steps": 4}},
    "proxies": [{"render_proxies": {"kind": "shaders", "count": 8}}],
    "attack_boundary": {},
    "distill_student": {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 3}},
    "evaluate_student": {"heldout": {"kind": "leaves", "count": 8}, "pairs": None},
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return copy_checkout(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def before(code: Checkout) -> dict[str, list[str]]:
    return code.keys(CONFIGURATION)


@pytest.mark.parametrize(
    ("file", "unchanged", "changed"),
    [
        ("distillation/losses.py", ["train_teacher", "attack_boundary"], ["distill_student"]),
        ("boundary/collect.py", ["train_teacher"], ["attack_boundary"]),
        ("training/loop.py", ["render_proxies"], ["train_teacher", "distill_student"]),
        ("evaluation/metrics.py", ["distill_student"], ["evaluate_student"]),
    ],
)  # fmt: skip
def test_an_edit_reaches_what_it_should(
    code: Checkout,
    before: dict[str, list[str]],
    file: str,
    unchanged: list[str],
    changed: list[str],
) -> None:
    after = edited(code, f"scripts/proxykd/{file}", "", "\nX = 1\n")
    assert {stage: after[stage] for stage in unchanged} == {stage: before[stage] for stage in unchanged}
    assert all(after[stage] != before[stage] for stage in changed)


PLUMBING = (
    "__init__",
    "card",
    "casualties",
    "causes",
    "definitions",
    "demands",
    "encoding",
    "environment",
    "exchange",
    "forecast",
    "invocation",
    "outside",
    "plan",
    "precedents",
    "presentation/progress",
    "publication",
    "pushed",
    "remote",
    "scratch",
    "shards",
    "stage",
    "store",
    "teacher_classes",
    "training/checkpoint",
    "training/settings",
    "transfer",
    "ustar",
)


def test_plumbing_and_presentation_change_no_key(code: Checkout, before: dict[str, list[str]]) -> None:
    files = [code.folder / f"scripts/proxykd/{name}.py" for name in PLUMBING]
    texts = [file.read_text() for file in files]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text + "\nX = 1\n")
    try:
        assert code.keys(CONFIGURATION) == before
    finally:
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)


def test_an_unused_kind_does_not_rerender(code: Checkout, before: dict[str, list[str]]) -> None:
    """Leaves change, shaders stay; a shader's text changes, leaves stay."""
    shaders_changed = edited(code, "scripts/proxykd/proxies/shaders/glsl/main.glsl", "", "// other\n")
    leaves_changed = edited(code, "scripts/proxykd/proxies/leaves.py", "", "\nX = 1\n")
    for after in (shaders_changed, leaves_changed):
        assert len(set(after["render_proxies"]) & set(before["render_proxies"])) == 1
    assert shaders_changed["score_proxies"] != before["score_proxies"]
    assert leaves_changed["score_proxies"] == before["score_proxies"]


def test_a_new_field_of_one_section_leaves_the_others_alone(
    code: Checkout, before: dict[str, list[str]]
) -> None:
    after = edited(
        code,
        "scripts/proxykd/boundary/settings.py",
        "    deeper: bool",
        "    fresh: int = 3\n    deeper: bool",
    )
    same = ("import_images", "train_teacher", "render_proxies", "score_proxies", "select_proxies")
    assert {stage: after[stage] for stage in same} == {stage: before[stage] for stage in same}
    assert after["attack_boundary"] != before["attack_boundary"]


def test_what_editors_leave_does_not_count(code: Checkout, before: dict[str, list[str]]) -> None:
    folder = code.folder / "scripts/proxykd/proxies/shaders"
    left = [folder / ".renderer.py.swp", folder / "glsl" / "main.glsl~", folder / "glsl" / ".DS_Store"]
    for path in left:
        path.write_text("x")
    try:
        assert code.keys(CONFIGURATION) == before
    finally:
        for path in left:
            path.unlink()


def test_touching_changes_nothing(code: Checkout, before: dict[str, list[str]]) -> None:
    for path in (code.folder / "scripts").rglob("*.py"):
        path.touch()
    assert code.keys(CONFIGURATION) == before


def edited(code: Checkout, file: str, old: str, new: str) -> dict[str, list[str]]:
    """Keys after an edit (an empty `old`: something at the end), which is undone."""
    path = code.folder / file
    text = path.read_text()
    assert old in text, f"{file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1) if old else text + new)
    try:
        return code.keys(CONFIGURATION)
    finally:
        path.write_text(text)


def test_a_module_that_settings_name_wrongly_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        source.stage_source("render_proxies", ["proxykd.proxies.nowhere"])


def test_every_stage_has_a_digest_of_computing_code_alone() -> None:
    for stage in STAGES:
        parts = source.stage_source(stage, []).parts
        assert f"scripts/{stage}.py" in parts
        assert not any(name.startswith("proxykd.presentation") or name.endswith("settings") for name in parts)
