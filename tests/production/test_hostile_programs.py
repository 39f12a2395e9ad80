"""Programs that hang, crash, eat memory or return no numbers, in real worker processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from drawn import drawn
from hostile import HostilePool
from proxykd.encoding import decode
from proxykd.errors import UserError
from proxykd.presentation.progress import Progress
from proxykd.production.produce import Production
from proxykd.production.spool import Spool
from proxykd.proxies.shaders import renderer

TESTS = Path(__file__).parents[1]
PROGRAMS, COUNT = 20, 70


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("PROXYKD_RENDER_SECONDS", "5")
    monkeypatch.setenv("PROXYKD_RENDER_MB", "700")


def pool_with(tmp_path: Path, **deeds: str) -> HostilePool:
    """Keys are `p` and a program's number."""
    numbered = {int(program[1:]): deed for program, deed in deeds.items()}
    return HostilePool(count=COUNT, programs=PROGRAMS, size=8, channels=3, supersampling=1,
                       deeds=numbered, memory=str(tmp_path))  # fmt: skip


def produced(pool: HostilePool, folder: Path) -> tuple[np.ndarray, list[str], dict[str, str]]:
    """Images, the program of each, and the programs that failed."""
    with Progress("render", pool.count) as progress:
        production = Production(pool, "hostile", Spool(folder, "key"), progress)
        rows = [row for bundle in production.run() for row in bundle.to_pylist()]
    assert progress.done == COUNT
    assert workers() == []
    rows.sort(key=lambda row: row["sample"])
    assert [row["sample"] for row in rows] == list(range(COUNT))
    images_NHWC = np.stack([decode(row["image"]) for row in rows])
    return images_NHWC, [row["program"] for row in rows], production.failed()


def workers() -> list[psutil.Process]:
    """Worker processes of this one; other tests may have left it servers to fork from."""
    children = psutil.Process().children()
    return [child for child in children if "proxykd.production.worker" in child.cmdline()]


def expected(pool: HostilePool, failed: dict[int, int]) -> tuple[np.ndarray, list[str]]:
    """A clean run's, but for failed programs (number -> its stand-in)."""
    honest = pool.model_copy(update={"deeds": {}})
    images_NHWC, columns = drawn(honest, 8, 3)
    names = columns["program"]
    with renderer.open_painter(honest) as painter:
        for program, other in failed.items():
            samples = range(program, COUNT, PROGRAMS)
            images_NHWC[samples], known = painter.draw(other, samples)
            names[program::PROGRAMS] = known["program"]
    return images_NHWC, names


@pytest.mark.parametrize(
    ("deeds", "failed", "reasons"),
    [
        ({"p3": "hang", "p4": "crash"}, {3: 5, 4: 5}, ["longer than 5 s", "SIGSEGV"]),
        ({"p19": "eat", "p8": "broken"}, {8: 9, 19: 0}, ["does not compile", "more than 70"]),
        pytest.param(
            {"p0": "stop", "p11": "leave"},
            {0: 1, 11: 12},
            ["longer than 5 s", "status 3"],
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_program_that_fails_is_drawn_for_by_the_next_one(
    tmp_path: Path, deeds: dict[str, str], failed: dict[int, int], reasons: list[str]
) -> None:
    pool = pool_with(tmp_path, **deeds)
    images_NHWC, names, told = produced(pool, tmp_path / "spool")
    wanted_NHWC, wanted_names = expected(pool, failed)
    np.testing.assert_array_equal(images_NHWC, wanted_NHWC)
    assert names == wanted_names
    assert not set(told) & set(names)
    assert all(reason in text for reason, text in zip(reasons, told.values(), strict=True)), told
    # Whoever goes on does not try them again.
    again = Production(pool, "hostile", Spool(tmp_path / "spool", "key"), Progress("render", COUNT))
    assert again.failed() == told


def test_a_process_that_dies_once_changes_nothing(tmp_path: Path) -> None:
    pool = pool_with(tmp_path, p2="crash_once", p13="crash_once")
    images_NHWC, names, failed = produced(pool, tmp_path / "spool")
    wanted_NHWC, wanted_names = expected(pool, {})
    np.testing.assert_array_equal(images_NHWC, wanted_NHWC)
    assert (names, failed) == (wanted_names, {})
    assert (tmp_path / "2").exists()


def test_waiting_for_a_processor_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYKD_RENDER_SECONDS", "1")
    assert produced(pool_with(tmp_path, p2="doze"), tmp_path / "spool")[2] == {}


@pytest.mark.parametrize(
    ("deed", "black"),
    [("nan", True), ("endless", False), pytest.param("infinite", False, marks=pytest.mark.full)],
)
def test_no_number_stays_within_its_program(tmp_path: Path, deed: str, black: bool) -> None:
    """Not a number is black; an endless loop ends somewhere, or its program is left out."""
    pool = pool_with(tmp_path, p6=deed)
    images_NHWC, _, failed = produced(pool, tmp_path / "spool")
    wanted_NHWC, _ = expected(pool, {6: 7} if failed else {})
    others = np.arange(COUNT) % PROGRAMS != 6
    np.testing.assert_array_equal(images_NHWC[others], wanted_NHWC[others])
    if black:
        assert (images_NHWC[6::PROGRAMS, :, :4] == 0).all()


def test_too_many_failures_are_a_sentence_with_the_first_reason(tmp_path: Path) -> None:
    pool = pool_with(tmp_path, p3="crash", p5="crash", p7="crash")
    with pytest.raises(UserError, match=r"3 of 20 programs draw nothing.*SIGSEGV.*doctor\.py"):
        produced(pool, tmp_path / "spool")
    assert Spool(tmp_path / "spool", "key").failed == {}
    assert workers() == []


def test_a_machine_without_egl_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLCONTEXT_LINUX_LIBEGL", "libnosuchegl.so.9")
    with pytest.raises(UserError, match="libegl1"):
        produced(pool_with(tmp_path), tmp_path / "spool")


def test_a_process_that_cannot_open_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a driver crashes when it is loaded."""
    (tmp_path / "sitecustomize.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"SIGABRT before it drew anything.*doctor\.py"):
        produced(pool_with(tmp_path), tmp_path / "spool")


def test_a_defect_of_ours_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "path", lambda spool, bundle: tmp_path / "nowhere" / "x")
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*FileNotFoundError"):
        produced(pool_with(tmp_path), tmp_path / "spool")
