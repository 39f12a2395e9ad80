"""Look at how an imported teacher behaves, under its stated normalisation and the usual others."""

from proxykd.sanity.settings import CheckTeacher
from proxykd.stage import Job, main


def make(job: Job[CheckTeacher]) -> None:
    job.write_json("check.json", {})


if __name__ == "__main__":
    roles = {"teacher": "one", "proxies": "one", "pictures": "any"}
    main("check_teacher", CheckTeacher, roles, make, __doc__)
