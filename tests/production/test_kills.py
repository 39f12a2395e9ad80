"""`kill -9` at any moment of a rendering, of the program or of its workers: the result is the same bytes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from programs import Workplace
from proxykd.production.spool import FILES

SHADERS = {"kind": "shaders", "count": 240, "programs": 24, "size": 16, "channels": 3}
NOISE = {"kind": "noise", "count": 40_000, "size": 8, "channels": 1}
LEAVES = {"kind": "leaves", "count": 400, "size": 16, "channels": 1}
SECONDS = 60.0


def content(workplace: Workplace, name: str) -> dict[str, bytes]:
    folder = workplace.out("render_proxies", name)
    files = [*folder.glob("train-*.tar"), folder / "samples.parquet"]
    return {path.name: path.read_bytes() for path in files}


def workers_of(process: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process).children()
    except psutil.NoSuchProcess:
        return []


def waits(process: Any) -> Iterator[None]:
    """Steps of a millisecond for as long as a program runs."""
    until = time.monotonic() + SECONDS
    while process.is_alive():
        assert time.monotonic() < until
        yield
        time.sleep(0.001)


def with_workers(random_: random.Random, workplace: Workplace, process: Any) -> None:
    """At a random moment once they are started: while they open, draw or store."""
    until = None
    for _ in waits(process):
        if until is None and workers_of(process.pid):
            until = time.monotonic() + random_.uniform(0, 0.5)
        if until and time.monotonic() > until:
            return


def with_something_stored(random_: random.Random, workplace: Workplace, process: Any) -> None:
    spool = workplace.out("render_proxies", "killed.checkpoint")
    wanted = len(list(spool.glob(FILES))) + random_.randint(1, 3)
    for _ in waits(process):
        if len(list(spool.glob(FILES))) >= wanted:
            return


def while_assembling(random_: random.Random, workplace: Workplace, process: Any) -> None:
    stage = workplace.out("render_proxies", "killed").parent
    for _ in waits(process):
        if any(stage.glob("killed.*.partial/train-000001.tar")):
            return


def killed_and_finished(
    workplace: Workplace, settings: dict[str, Any], moments: list[Callable[..., None]], seed: int
) -> int:
    """Kill a program at some moments, one start each, and let it end then; how often it was really killed."""
    random_ = random.Random(seed)
    kills = 0
    for moment in moments:
        process = workplace.start("render_proxies", "killed", settings)
        moment(random_, workplace, process)
        workers = workers_of(process.pid)
        # It may have come to its end before.
        with suppress(ProcessLookupError):
            process.kill()
        process.join(SECONDS)
        kills += process.exitcode == -signal.SIGKILL
        _, alive = psutil.wait_procs(workers, timeout=SECONDS)
        assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]
    workplace.make("render_proxies", "killed", settings)
    return kills


CASES = [
    pytest.param(SHADERS, [with_something_stored, with_workers], 0, id="shaders"),
    pytest.param(NOISE, [while_assembling], 0, id="assembly"),
    *(
        pytest.param(
            settings, [with_workers, with_something_stored] * 5, seed, id=f"{settings['kind']}-{seed}",
            marks=pytest.mark.full,
        )
        for settings in (SHADERS, LEAVES)
        for seed in range(1, 4)
    ),
    pytest.param(
        NOISE, [with_workers, with_something_stored, *[while_assembling] * 3], 5, id="noise",
        marks=pytest.mark.full,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "moments", "seed"), CASES)
def test_a_killed_program_goes_on_to_the_same_bytes(
    tmp_path: Path, settings: dict[str, Any], moments: list[Callable[..., None]], seed: int
) -> None:
    workplace = Workplace(tmp_path)
    workplace.make("render_proxies", "whole", settings)
    assert killed_and_finished(workplace, settings, moments, seed) > 0
    assert content(workplace, "killed") == content(workplace, "whole")
    left = [path.name for path in workplace.out("render_proxies", "killed").parent.iterdir()]
    assert sorted(name for name in left if name.startswith("killed")) == [
        "killed", "killed.done", "killed.lock"]  # fmt: skip


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.full)])
def test_killed_workers_are_replaced(tmp_path: Path, kills: int) -> None:
    workplace, random_ = Workplace(tmp_path), random.Random(0)
    settings = SHADERS | {"count": 120 * kills, "programs": 12 * kills}
    workplace.make("render_proxies", "whole", settings)
    process = workplace.start("render_proxies", "killed", settings)
    killed: set[int] = set()
    for _ in waits(process):
        stored = len(list(workplace.out("render_proxies", "killed.checkpoint").glob(FILES)))
        fresh = [worker for worker in workers_of(process.pid) if worker.pid not in killed]
        # Far apart, so that no program, which is tried again at once, meets two of them.
        if fresh and len(killed) < kills and stored > 6 * len(killed):
            worker = random_.choice(fresh)
            killed.add(worker.pid)
            worker.kill()
    assert process.exitcode == 0
    assert len(killed) == kills
    assert content(workplace, "killed") == content(workplace, "whole")
    assert "failed" not in workplace.index("render_proxies/killed")["facts"]


def test_the_number_of_cores_changes_nothing(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    workplace.make("render_proxies", "whole", LEAVES)
    cores = os.sched_getaffinity(0)
    process = workplace.start("render_proxies", "alone", LEAVES)
    os.sched_setaffinity(process.pid, {min(cores)})
    process.join(SECONDS)
    assert process.exitcode == 0
    assert content(workplace, "alone") == content(workplace, "whole")


def test_a_result_is_what_it_says(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    index = workplace.index(workplace.make("render_proxies", "x", SHADERS))
    assert (index["samples"], index["facts"]["programs"]) == (240, 24)
    assert index["facts"]["backend"] in ("raster", "compute")


def test_without_egl_the_program_ends_with_the_sentence(tmp_path: Path) -> None:
    environment = {"GLCONTEXT_LINUX_LIBEGL": "libnosuchegl.so.9"}
    status, told = Workplace(tmp_path).run("render_proxies", "x", SHADERS, environment=environment)
    assert (status, told.count("libegl1")) == (1, 1)
    assert "Traceback" not in told
