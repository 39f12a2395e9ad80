"""Write the page on proxies: which are good for a teacher, and why, before any student is trained.

    python scripts/rank_proxies.py --settings <JSON or file> --out results

Everything is read from the store: teachers, pools, scores and assessments, and no student. The page is
proxies.html, its figures are proxies.json.
"""

from proxykd.errors import run


def main() -> None:
    from proxykd.presentation import proxies_page, summary
    from proxykd.presentation.assessed import groups
    from proxykd.presentation.given import read_arguments
    from proxykd.presentation.progress import log
    from proxykd.store import write_atomically

    given = read_arguments("rank_proxies.py", __doc__)
    found, out = groups(given.plan), given.out
    page = proxies_page.render(given.plan.configuration, found, given.raw, out, given.command)
    write_atomically(out / "proxies.json", summary.as_json(proxies_page.summarise(found)).encode())
    write_atomically(out / "proxies.html", page.encode())
    log.info("wrote %s and %s", out / "proxies.html", out / "proxies.json")


if __name__ == "__main__":
    run(main)
