"""A configuration's stages as plain commands, for a machine without Snakemake.

    python scripts/commands.py --configfile workflow/runs/cifar10.yaml | sh -e

One line for each stage that is not in the store yet, in the order of the pipeline, and one for each page;
what they will cost goes to stderr. Any of them may be stopped: the same line again finishes the work.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import yaml

from proxykd import store
from proxykd.configuration import plain, read
from proxykd.errors import run
from proxykd.forecast import forecast
from proxykd.invocation import command_of
from proxykd.plan import Plan
from proxykd.presentation.costs_ahead import lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    told = "the configuration (default: config.yaml)"
    parser.add_argument("--configfile", type=Path, default=Path("config.yaml"), metavar="FILE", help=told)
    place = parser.parse_args().configfile
    configuration = read(place)
    plan = Plan(configuration)
    missing = [stage for stage in plan.all_stages() if not store.is_complete(stage.folder)]
    for stage in missing:
        print(command_of(stage, sys.executable))
    raw = json.dumps(plain(yaml.safe_load(place.read_text())))
    for page in ["show_teacher"] * bool(plan.stages["check_teacher"]) + ["rank_proxies", "report"]:
        words = [sys.executable, f"scripts/{page}.py", "--settings", raw, "--out", str(configuration.results)]
        print(shlex.join(words))
    print("\n".join(lines(forecast(missing))), file=sys.stderr)


if __name__ == "__main__":
    run(main)
