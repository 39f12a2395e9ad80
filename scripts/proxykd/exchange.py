"""The commands `push` and `pull` of scripts/store.py: which results a name means, and what is told of them.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proxykd import inventory, store, transfer
from proxykd.errors import UserError
from proxykd.plan import STAGES, Plan, Stage
from proxykd.presentation import numerals
from proxykd.pushed import Pushed, keys, read_pushed
from proxykd.remote import Remote, is_store
from proxykd.shards import KEY
from proxykd.teacher_classes import POOLS, SUFFIX, classes_of, scores_of

NAMES = "<stage>/<key> (the first digits of a key are enough), <experiment>/<stage>, or <experiment>"
PLACE = """
PLACE is a folder, or any URL that fsspec opens: s3:// out of the box, others (gs://, abfs://, sftp://, ...)
with the package that fsspec names. Credentials and options come from the environment, as each package reads
them. For s3://:
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_DEFAULT_REGION
  AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, or FSSPEC_S3_ENDPOINT_URL) for a server that is not Amazon's
  FSSPEC_S3='{"anon": true}' for a public bucket; so for all options of an fsspec file system
"""
PUSH = f"""Copy results to a folder or URL, for colleagues and for strangers.

PLACE/<stage>/<key>/ holds WebDataset shards with the teacher's class of each image as a `{SUFFIX}` member,
the other files as they are, a card (README.md), and index.json, which is written last.

A file that was sent is read back and compared by SHA-256, and one that is there already, whole, is not sent
again, so a push that was stopped continues; --no-check skips the reading and sends everything.

The class comes from the result itself, or for a pool from scores of it in the store: those of --scores, of
the experiment that is named, or of the only teacher that scored it. Those that lie there already stay,
unless --scores says otherwise. A real set's own labels are never written as `{SUFFIX}`.
{PLACE}"""
PULL = f"""Bring results into the store from where they were pushed to.

They are byte for byte what they were, which is checked by SHA-256; nothing is known of who wrote them there.
An experiment brings all of its results that are there. Without names: list what is there.
{PLACE}"""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parsers of both commands."""
    push = _parser(commands, "push", "copy results to a folder or URL, e.g. s3://bucket/proxies", PUSH)
    push.add_argument("names", nargs="+", metavar="name", help=NAMES)
    push.add_argument("--to", required=True, metavar="PLACE", help="where to")
    push.add_argument(
        "--scores",
        nargs="+",
        default=[],
        metavar="score_proxies/key",
        help="whose classes a pool's images get",
    )
    push.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=STAGES,
        metavar="stage",
        help="stages of an experiment to leave out (the report of whoever pulls it then lacks them)",
    )
    push.add_argument("--no-check", action="store_true", help="do not read back what was sent")
    push.set_defaults(call=push_results)
    pull = _parser(commands, "pull", "bring results from a folder or URL, or list what is there", PULL)
    pull.add_argument("names", nargs="*", metavar="name", help=NAMES)
    pull.add_argument("--from", required=True, metavar="PLACE", dest="place", help="where from")
    pull.add_argument(
        "--trust", action="store_true", help="also teachers that come as code, which later stages execute"
    )
    pull.set_defaults(call=pull_results)
    for command in (push, pull):
        told = "the configuration that has the experiments (default: config.yaml)"
        default = Path("config.yaml")
        command.add_argument("--configfile", type=Path, default=default, metavar="FILE", help=told)


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, told: str, about: str
) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    return commands.add_parser(name, help=told, description=about, formatter_class=raw)


def push_results(arguments: argparse.Namespace) -> int:
    """Push all that is named, in the order of the pipeline."""
    root, remote = store.root(), Remote(arguments.to)
    if is_store(remote):
        raise UserError(
            f"{arguments.to} is a store, in which stages are made and results lie otherwise. To copy some "
            f"from {root} to another store: `PROXYKD_STORE=<it> python scripts/store.py pull ... --from "
            f"{root}`."
        )
    given = [inventory.find(root, name) for name in arguments.scores]
    chosen: dict[Path, None] = {}
    preferred: set[str] = set()
    for name in arguments.names:
        planned, whole = _planned(name, arguments.configfile)
        preferred |= {stage.key for stage in whole if stage.name == "score_proxies"}
        wanted = [stage for stage in planned if stage.name not in arguments.without]
        chosen |= dict.fromkeys(_in_store(name, wanted) if planned else [inventory.find(root, name)])
    _check_used(given, list(chosen))
    for folder in sorted(chosen, key=lambda folder: STAGES.index(folder.parent.name)):
        index = store.read_index(folder)
        scores = scores_of(root, index, given, preferred) if index.stage in POOLS else None
        classes = classes_of(folder, index, scores)
        moved = transfer.push(folder, remote, classes, not arguments.no_check, insist=scores in given)
        _tell(f"{index.stage}/{index.key}", moved, f"pushed to {remote.shown}")
        if index.shards and classes is None:
            print(f"  without {SUFFIX}: the store has no scores of it")
        if index.stage == "import_images":
            print("  real images, which are their owners'; --without import_images leaves them out")
    return 0


def _check_used(given: list[Path], chosen: list[Path]) -> None:
    """Raise UserError for scores that belong to nothing that is pushed."""
    pools = {folder.name for folder in chosen}
    for scores in given:
        if scores.parent.name != "score_proxies":
            raise UserError(f"--scores {scores.parent.name}/{scores.name}: give a result of score_proxies.")
        pool = store.read_index(scores).upstream["pool"][0]
        if pool.key not in pools:
            raise UserError(
                f"{scores.parent.name}/{scores.name} are scores of {pool.stage}/{pool.key}, which is not "
                "among what you push."
            )


def _planned(name: str, configfile: Path) -> tuple[list[Stage], list[Stage]]:
    """The stages that a name means, and all of its experiment's; none for the name of one result."""
    experiment, slash, _ = name.partition("/")
    if experiment in STAGES:
        return [], []
    (plan,) = inventory.plans([configfile]).values()
    whole = _stages_of(plan, experiment)
    return inventory.planned(plan, name) if slash else whole, whole


def _stages_of(plan: Plan, name: str) -> list[Stage]:
    for experiment in plan.experiments:
        if experiment.name == name:
            return experiment.stages
    there = ", ".join(one.name for one in plan.experiments)
    raise UserError(
        f"{name} is neither <stage>/<key> nor an experiment of the configuration, which has {there}."
    )


def _in_store(name: str, planned: list[Stage]) -> list[Path]:
    found = [stage.folder for stage in planned if store.is_complete(stage.folder)]
    _tell_missing(name, len(planned) - len(found), len(planned), "the store", bool(found))
    return found


def _tell_missing(name: str, missing: int, wanted: int, where: str, some: bool) -> None:
    """Say how many of an experiment's results are not there; raise UserError where none is."""
    if not some:
        raise UserError(f"None of the {wanted} results of {name} is in {where}.")
    if missing:
        print(f"{name}: {missing} of its {wanted} results are not in {where}")


def pull_results(arguments: argparse.Namespace) -> int:
    """Pull all that is named, in the order of the pipeline; list what is there where nothing is."""
    remote = Remote(arguments.place)
    if not arguments.names:
        return _list(remote)
    chosen: dict[inventory.Name, None] = {}
    for name in arguments.names:
        planned, _ = _planned(name, arguments.configfile)
        chosen |= dict.fromkeys(_there(name, planned, remote) if planned else [_resolved(name, remote)])
    for stage, key in sorted(chosen, key=lambda name: STAGES.index(name[0])):
        moved = transfer.pull(remote, stage, key, arguments.trust)
        _tell(f"{stage}/{key}", moved, f"pulled from {remote.shown}")
    return 0


def _there(name: str, planned: list[Stage], remote: Remote) -> list[inventory.Name]:
    """Those of some stages that are in the store or at a place."""
    known = {stage: keys(remote, stage) for stage in {stage.name for stage in planned}}
    found = [
        (stage.name, stage.key)
        for stage in planned
        if stage.key in known[stage.name] and read_pushed(remote, stage.name, stage.key) is not None
    ]
    missing = [stage for stage in planned if (stage.name, stage.key) not in found]
    absent = [stage for stage in missing if not store.is_complete(stage.folder)]
    _tell_missing(name, len(absent), len(planned), remote.shown, len(absent) < len(planned))
    return found


def _resolved(name: str, remote: Remote) -> inventory.Name:
    """Stage and key of `<stage>/<first digits>`, as the place has them."""
    stage, _, digits = name.partition("/")
    if not digits:
        raise UserError(f"{name} names no result: give {NAMES}.")
    if KEY.fullmatch(digits):
        # Without asking for a listing, which a web server may not give.
        return stage, digits
    matching = [key for key in keys(remote, stage) if key.startswith(digits)]
    if len(matching) != 1:
        many = (
            f"{len(matching)} results of that name: {', '.join(matching)}" if matching else "no such result"
        )
        raise UserError(
            f"{name}: there is {many} at {remote.shown}. Without a name, `pull` lists what is there."
        )
    return stage, matching[0]


def _list(remote: Remote) -> int:
    names = [(stage, key) for stage in STAGES for key in keys(remote, stage)]
    if not names:
        raise UserError(f"There is no result at {remote.shown}.")
    row = "{:<17} {:<16} {:>9} {:>9}  {}"
    print(row.format("stage", "key", "samples", "size", f"{SUFFIX} from").rstrip())
    with ThreadPoolExecutor(remote.at_once) as threads:
        for name, found in zip(names, threads.map(lambda name: _listed(remote, *name), names), strict=True):
            print(row.format(*name, *found).rstrip())
    return 0


def _listed(remote: Remote, stage: str, key: str) -> tuple[str, str, str]:
    """Samples, size and source of the classes; for what cannot be pulled, why."""
    try:
        index = read_pushed(remote, stage, key)
    except UserError:
        return "", "", "not valid"
    if index is None:
        return "", "", "not finished"
    return str(index.samples or ""), _size(index), _origin(index)


def _size(index: Pushed) -> str:
    return numerals.size(sum(entry.bytes for entry in index.lying.values()))


def _origin(index: Pushed) -> str:
    return f"{index.classes_from.stage}/{index.classes_from.key}" if index.classes_from else ""


def _tell(name: str, moved: transfer.Moved, done: str) -> None:
    if moved.already:
        print(f"{name} {moved.already}")
        return
    took = numerals.duration(moved.seconds)
    print(f"{name} {done}: {moved.files} files, {numerals.size(moved.bytes)}, {took}", flush=True)
