"""Write the report: one page, one summary as JSON, links to what the experiments are made of, and each one's
finished student as a folder that loads without ProxyKD.

    python scripts/report.py --settings <JSON or file> --out results

Everything is read from the store, nothing is computed anew, and nothing is kept in the store. A stage that
is not finished or damaged is named.
"""

from proxykd.errors import run


def main() -> None:
    from proxykd.presentation import links, model, page, summary
    from proxykd.presentation.collect import collect
    from proxykd.presentation.commands import behind_run
    from proxykd.presentation.given import read_arguments
    from proxykd.presentation.progress import log
    from proxykd.store import write_atomically

    given = read_arguments("report.py", __doc__)
    shown, out = collect(given.plan), given.out
    content = page.render(shown, given.raw, out, given.command).encode()
    links.write(shown, out)
    model.write(shown, out, behind_run(given.raw, given.command))
    write_atomically(out / "summary.json", summary.as_json(summary.summarise(shown)).encode())
    write_atomically(out / "report.html", content)
    log.info("wrote %s and %s", out / "report.html", out / "summary.json")


if __name__ == "__main__":
    run(main)
