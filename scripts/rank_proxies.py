"""Write the page on proxies: which are good for a teacher, and why, before any student is trained.

    python scripts/rank_proxies.py --settings <JSON or file> --out results

Everything is read from the store: teachers, pools, scores and assessments, and no student. The page is
proxies.html, its figures are proxies.json.
"""

import argparse
from pathlib import Path

from proxykd.errors import run
from report import read_configuration


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="rank_proxies.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", required=True, help="the configuration, as JSON or as a file of YAML")
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: the configuration's results)"
    )
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    arguments = parser.parse_args()

    from proxykd.presentation.progress import log, start_log

    start_log(arguments.log)
    raw, place = read_configuration(arguments.settings)

    from proxykd.configuration import load
    from proxykd.plan import Plan
    from proxykd.presentation import proxies_page, summary
    from proxykd.presentation.assessed import groups
    from proxykd.store import write_atomically

    plan = Plan(load(raw, place))
    found = groups(plan)
    out = arguments.out or plan.configuration.results
    out.mkdir(parents=True, exist_ok=True)
    page = proxies_page.render(plan.configuration, found, raw, out).encode()
    write_atomically(out / "proxies.json", summary.as_json(proxies_page.summarise(found)).encode())
    write_atomically(out / "proxies.html", page)
    log.info("wrote %s and %s", out / "proxies.html", out / "proxies.json")


if __name__ == "__main__":
    run(main)
