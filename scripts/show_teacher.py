"""Write the page of the imported teachers: whether each behaves as one would expect.

    python scripts/show_teacher.py --settings <JSON or file> --out results

Needs check_teacher of the configuration's imported teachers in the store, and nothing that is made from them.
"""

import argparse
from pathlib import Path

from proxykd.errors import UserError, run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="show_teacher.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", required=True, help="the configuration, as JSON or as a file of YAML")
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: the configuration's results)"
    )
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    arguments = parser.parse_args()

    from proxykd.presentation.progress import log, start_log

    start_log(arguments.log)

    from proxykd.configuration import load
    from proxykd.plan import Plan
    from proxykd.presentation import teacher_page
    from proxykd.presentation.checks import PAGE, collect_checks
    from proxykd.presentation.given import read_configuration
    from proxykd.store import write_atomically

    raw, place = read_configuration(arguments.settings)
    plan = Plan(load(raw, place))
    shown = collect_checks(plan)
    if not shown:
        raise UserError(
            "No teacher of this configuration is imported, so there is none to check. Give import_teacher."
        )
    out = arguments.out or plan.configuration.results
    out.mkdir(parents=True, exist_ok=True)
    content = teacher_page.render(shown, plan.configuration, raw).encode()
    write_atomically(out / PAGE, content)
    log.info("wrote %s", out / PAGE)
    for one in shown:
        log.info("%s", one.told["sentence"])


if __name__ == "__main__":
    run(main)
