"""People's way into the store: `results/<experiment>/<stage>` as relative links."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from proxykd import store
from proxykd.errors import UserError
from proxykd.plan import STAGES
from proxykd.presentation.collect import Result, Shown, ShownExperiment, ShownRun

KEY = re.compile(r"[0-9a-f]{16}")
DEPTH = 3
"""Folders below the results in which links of ours can be: experiment, stage, run."""


def planned(shown: Shown) -> dict[Path, Path]:
    """Each link's place below the results, and the folder in the store that it leads to."""
    return {
        Path(experiment.name) / place: result.folder
        for experiment in shown.experiments
        for place, result in _links(experiment).items()
    }


def _links(experiment: ShownExperiment) -> dict[str, Result]:
    """An experiment's links; what differs between its runs has a folder with one link a run."""
    found = _imported(experiment) | {
        "assess_proxies": experiment.assessment,
        "evaluate_student": experiment.evaluation,
    }
    heldout = experiment.upstream("heldout")
    if heldout is not None:
        found["heldout_proxies"] = heldout
    pairs = experiment.all_upstream("pairs")
    found |= {
        "heldout_pairs" if len(pairs) == 1 else f"heldout_pairs/{i}": one for i, one in enumerate(pairs)
    }
    by_run = [_run_links(run) for run in experiment.runs]
    for place in by_run[0]:
        if place != "distill_student" and len({links[place].key for links in by_run}) == 1:
            found[place] = by_run[0][place]
        else:
            runs = zip(experiment.runs, by_run, strict=True)
            found |= {f"{place}/{run.label}": links[place] for run, links in runs}
    return found


def _run_links(run: ShownRun) -> dict[str, Result]:
    links = {run.teacher.name: run.teacher, "select_proxies": run.selection, "distill_student": run.student}
    if run.check is not None:
        links["check_teacher"] = run.check
    if run.boundary is not None:
        links["attack_boundary"] = run.boundary
    for stage, results in (("render_proxies", run.pools), ("score_proxies", run.scores)):
        here = [(i, result) for i, result in enumerate(results) if result.name == stage]
        links |= {stage if len(here) == 1 else f"{stage}/{i}": result for i, result in here}
    return links


def _imported(experiment: ShownExperiment) -> dict[str, Result]:
    """Sets of real images by split, and by source where two have the same."""
    results = [result for result in experiment.stages if result.name == "import_images"]
    splits = [result.index.settings["split"] for result in results]
    named: dict[str, Result] = {}
    for result, split in zip(results, splits, strict=True):
        name = split if splits.count(split) == 1 else f"{split}-{result.index.settings['source']}"
        name = name if f"import_images/{name}" not in named else f"{name}-{result.key}"
        named[f"import_images/{name}"] = result
    return named


def write(shown: Shown, out: Path) -> None:
    """Make the links below `out`, and remove those of earlier reports that are planned no more.

    Only links are ever removed or replaced, and folders that are empty then. Raises UserError where
    something else is in a link's place.
    """
    wanted = planned(shown)
    for link in list(_ours(out)):
        if link.relative_to(out) not in wanted:
            link.unlink()
            remove_empty(link.parent, out)
    for place, folder in wanted.items():
        _link(out / place, folder)


def _ours(out: Path) -> Iterator[Path]:
    """Links below `out` that lead to a stage and a key, as only the report makes them."""
    for folder, names, files in os.walk(out):
        here = Path(folder)
        for name in [*names, *files]:
            path = here / name
            if path.is_symlink():
                target = Path(os.readlink(path))
                if KEY.fullmatch(target.name) and target.parent.name in STAGES:
                    yield path
        deep = len(here.relative_to(out).parts) >= DEPTH
        # The results may lie beside the store, or be the checkout itself.
        names[:] = (
            [] if deep else [name for name in names if (here / name).resolve() != store.root().resolve()]
        )


def remove_empty(folder: Path, out: Path) -> None:
    """Remove a folder that is empty, and those above it that are empty then, up to `out`."""
    while folder != out and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _link(link: Path, folder: Path) -> None:
    occupied = (
        f"{link} is no link of the report's, which wants its place. Move it away, or choose other results."
    )
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UserError(occupied) from None
    if link.exists() and not link.is_symlink():
        if not link.is_dir() or any(link.iterdir()):
            raise UserError(occupied)
        link.rmdir()
    # From where the link really lies, and into the store by the name that it is known by.
    target = os.path.relpath(folder.absolute(), link.parent.resolve())
    partial = link.with_name(f".{link.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    os.replace(partial, link)
