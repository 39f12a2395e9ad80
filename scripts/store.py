"""Look after the store: what is in it, why a stage is to run, what can go, and what others made.

    python scripts/store.py list
    python scripts/store.py explain base/distill_student --configfile config.yaml
    python scripts/store.py collect --configfile config.yaml workflow/runs/mine.yaml
    python scripts/store.py push shaders --to s3://bucket/proxies
    python scripts/store.py pull shaders --from s3://bucket/proxies

The store is `store` in the checkout, or the folder that PROXYKD_STORE names.
"""

import argparse
import time
from datetime import datetime
from pathlib import Path

from proxykd import adoption, exchange, explanation, inventory, publication, store
from proxykd.errors import UserError, run
from proxykd.plan import Stage

HOUR = 3600.0


def list_results(arguments: argparse.Namespace) -> int:
    found = inventory.holdings(store.root())
    needed = inventory.needed(inventory.plans(arguments.configfile))
    row = "{:<17} {:<16} {:<16} {:>9} {:>9} {:>9}  {}"
    print(row.format("stage", "key", "made", "size", "samples", "seconds", "needed by"))
    for holding in found:
        index = holding.index
        print(
            row.format(
                *holding.name,
                made(holding),
                readable(holding.size),
                index.samples or "" if index else "",
                f"{index.seconds:.1f}" if index else "damaged",
                ", ".join(needed.get(holding.name, [])) or "-",
            )
        )
    print(f"{len(found)} results, {readable(sum(holding.size for holding in found))} in {store.root()}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    root = store.root()
    folders = [inventory.find(root, name) for name in arguments.results]
    damaged = 0
    for folder in folders or [holding.folder for holding in inventory.holdings(root)]:
        try:
            index = store.verify(folder)
            print(f"{folder}: {len(index.shards) + len(index.files)} files as they were made")
        except UserError as error:
            damaged += 1
            print(error)
    return 1 if damaged else 0


def discard(arguments: argparse.Namespace) -> int:
    folders = [inventory.find(store.root(), name) for name in arguments.results]
    agree(f"Remove {', '.join(map(str, folders))}?", arguments.yes)
    for folder in folders:
        publication.discard(folder)
        print(f"removed {folder}")
    return 0


def explain(arguments: argparse.Namespace) -> int:
    (plan,) = inventory.plans([arguments.configfile]).values()
    found = inventory.holdings(store.root())
    stages = inventory.planned(plan, arguments.stage)
    for stage in stages:
        name = f"{stage.name}/{stage.key}"
        if store.is_complete(stage.folder):
            if "/" in arguments.stage:
                print(f"{name} is in the store already: nothing is to be done.")
            continue
        near = explanation.nearest(stage, found)
        if near is None:
            print(f"{name} is not in the store, and nor is any earlier {stage.name}.")
            continue
        print(f"{name} is not in the store. The nearest is {near[0]}, made {made(near[0])}; since then:")
        show_difference(stage, near[0].index, near[1], found)
    if "/" not in arguments.stage and all(store.is_complete(stage.folder) for stage in stages):
        print(f"All that {arguments.stage} needs is in the store already.")
    return 0


def show_difference(
    stage: Stage,
    index: store.Index | None,
    difference: explanation.Difference,
    holdings: list[inventory.Holding],
) -> None:
    parts = {part: getattr(difference, part) for part in ("settings", "code", "data", "upstream")}
    if difference.upstream and index is not None:
        results = {holding.name: holding.index for holding in holdings if holding.index is not None}
        parts["since, further up"] = explanation.causes(stage, index, results)
    for part, lines in parts.items():
        print(f"  {part}: {'the same' if not lines else ''}".rstrip())
        print("".join(f"    {line}\n" for line in lines), end="")
    if not any(parts.values()):
        print("  the format of keys or shards changed")


def collect(arguments: argparse.Namespace) -> int:
    root, oldest = store.root(), time.time() - arguments.older_than_hours * HOUR
    needed = inventory.needed(inventory.plans(arguments.configfile))
    unneeded = [one for one in inventory.holdings(root) if one.name not in needed]
    unneeded += inventory.leftovers(root)
    going = [holding for holding in unneeded if holding.used <= oldest]
    for holding in going:
        print(f"{readable(holding.size):>9}  {made(holding)}  {holding}")
    if len(going) < len(unneeded):
        young = len(unneeded) - len(going)
        print(f"kept {young} that were used in the last {arguments.older_than_hours:g} hours")
    if not going:
        print("Nothing to remove: the configurations need everything else.")
        return 0
    total = readable(sum(holding.size for holding in going))
    agree(f"Remove these {len(going)}, {total}, which no given configuration needs?", arguments.yes)
    for holding in going:
        inventory.remove(holding)
    print(f"removed {len(going)}, {total}")
    return 0


def adopt(arguments: argparse.Namespace) -> int:
    (plan,) = inventory.plans([arguments.configfile]).values()
    old = inventory.find(store.root(), arguments.old)
    name = arguments.stage if "/" in arguments.stage else f"{arguments.stage}/{old.parent.name}"
    stage = adoption.adopt(old, inventory.planned(plan, name))
    print(
        f"{stage.name}/{stage.key} now has the content of {old.name}; its facts say that this was declared."
    )
    return 0


def agree(question: str, already: bool) -> None:
    """Ask; end with a sentence where the answer is not yes."""
    if already:
        return
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise UserError("Nothing was removed. Answer y, or give --yes.")


def made(holding: inventory.Holding) -> str:
    """Local time at which a result was made, or something left behind was changed."""
    place = holding.folder / store.INDEX
    seconds = place.stat().st_mtime if place.exists() else holding.used
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def readable(size: float) -> str:
    """Bytes in the unit that suits them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="store.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    command = commands.add_parser("list", help="what is in the store, and which experiments need it")
    _configurations(command, "configurations whose experiments to name")
    command.set_defaults(call=list_results)

    command = commands.add_parser("verify", help="compare all files with their digests")
    command.add_argument(
        "results", nargs="*", metavar="stage/key", help="what to verify (default: everything)"
    )
    command.set_defaults(call=verify)

    command = commands.add_parser("discard", help="remove a result, its stamp and its checkpoint")
    command.add_argument("results", nargs="+", metavar="stage/key", help="what to remove")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.set_defaults(call=discard)

    command = commands.add_parser(
        "explain", help="why a stage is to run: what differs from an earlier result"
    )
    told = "which one (base/... without experiments); an experiment alone: all of it that is to run"
    command.add_argument("stage", metavar="experiment[/stage]", help=told)
    _configuration(command)
    command.set_defaults(call=explain)

    command = commands.add_parser("collect", help="remove what no given configuration needs")
    _configurations(command, "all configurations whose results are to stay")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument(
        "--older-than-hours", type=float, default=24, help="keep what was used since (default: 24)"
    )
    command.set_defaults(call=collect)

    command = commands.add_parser("adopt", help="declare that a change of code did not change a result")
    command.add_argument("old", metavar="stage/key", help="the earlier result")
    command.add_argument("stage", metavar="experiment/stage", help="what it shall stand for now")
    _configuration(command)
    command.set_defaults(call=adopt)

    exchange.add_commands(commands)
    arguments = parser.parse_args()
    return int(arguments.call(arguments))


def _configurations(command: argparse.ArgumentParser, what: str) -> None:
    default = [Path("config.yaml")]
    told = f"{what} (default: config.yaml)"
    command.add_argument("--configfile", type=Path, nargs="+", default=default, metavar="FILE", help=told)


def _configuration(command: argparse.ArgumentParser) -> None:
    told = "the configuration (default: config.yaml)"
    command.add_argument("--configfile", type=Path, default=Path("config.yaml"), metavar="FILE", help=told)


if __name__ == "__main__":
    run(main)
