"""Write the page of the imported teachers: whether each behaves as one would expect.

    python scripts/show_teacher.py --settings <JSON or file> --out results

Needs check_teacher of the configuration's imported teachers in the store, and nothing that is made from them.
"""

from proxykd.errors import UserError, run


def main() -> None:
    from proxykd.presentation import teacher_page
    from proxykd.presentation.checks import PAGE, collect_checks
    from proxykd.presentation.given import read_arguments
    from proxykd.presentation.progress import log
    from proxykd.store import write_atomically

    given = read_arguments("show_teacher.py", __doc__)
    shown = collect_checks(given.plan)
    if not shown:
        raise UserError(
            "No teacher of this configuration is imported, so there is none to check. Give import_teacher."
        )
    page = teacher_page.render(shown, given.plan.configuration, given.raw, given.command)
    write_atomically(given.out / PAGE, page.encode())
    log.info("wrote %s", given.out / PAGE)
    for one in shown:
        log.info("%s", one.told["sentence"])


if __name__ == "__main__":
    run(main)
