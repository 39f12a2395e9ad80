"""Write the report: one page, one summary as JSON, links to what the experiments are made of, and each one's
finished student as a folder that loads without ProxyKD.

    python scripts/report.py --settings <JSON or file> --out results

Everything is read from the store, nothing is computed anew, and nothing is kept in the store. A stage that
is not finished or damaged is named.
"""

import argparse
from pathlib import Path

from proxykd.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="report.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", required=True, help="the configuration, as JSON or as a file of YAML")
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: the configuration's results)"
    )
    parser.add_argument("--command", default="", help="the command behind the run, to show on the page")
    parser.add_argument("--log", type=Path, help="write log lines to this file instead of stderr")
    arguments = parser.parse_args()

    from proxykd.presentation.progress import log, start_log

    start_log(arguments.log)

    from proxykd.presentation.given import read_configuration

    raw, place = read_configuration(arguments.settings)

    from proxykd.configuration import load
    from proxykd.plan import Plan
    from proxykd.presentation import links, model, page, summary
    from proxykd.presentation.collect import collect
    from proxykd.presentation.commands import behind_run
    from proxykd.store import write_atomically

    shown = collect(Plan(load(raw, place)))
    out = arguments.out or shown.configuration.results
    out.mkdir(parents=True, exist_ok=True)
    content = page.render(shown, raw, out, arguments.command).encode()
    links.write(shown, out)
    model.write(shown, out, behind_run(raw, arguments.command))
    write_atomically(out / "summary.json", summary.as_json(summary.summarise(shown)).encode())
    write_atomically(out / "report.html", content)
    log.info("wrote %s and %s", out / "report.html", out / "summary.json")


if __name__ == "__main__":
    run(main)
